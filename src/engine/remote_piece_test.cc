#include "engine/remote_piece.h"

#include <gtest/gtest.h>

#include <thread>

#include "engine/piece_server.h"
#include "history/memory_history.h"
#include "lane/lane_test_util.h"
#include "replay/job_runner.h"

namespace hindcast::test {
namespace {

constexpr StreamId kStream{1};
constexpr SourceId kSource{1};
constexpr ProcessingTime kWall{Duration(48h)};
constexpr Duration kPatience = 1min;

/// A "process" that is a thread of this one: the same messages, and deaths when a test wants them.
class ThreadChannel final : public PieceChannel {
 public:
  using Places = PieceServer::Places;
  ThreadChannel(std::function<const ReplayStream*(StreamId)> stream,
                std::function<History*(SourceId)> history)
      : server_([this, stream = std::move(stream), history = std::move(history)] {
          PieceServer server({ends_.second, stream, history});
          while (server.serve()) {
          }
          ends_.second.shut();
        }) {}
  ~ThreadChannel() override { ends_.first.shut(); }

  Result<wire::Done> call(wire::Call call, BytesView content, const Answer& answer) override {
    ++calls;
    if (dies_at == call) {
      lost_ = {.on_it = true, .how = "ended with signal 11 (Segmentation fault)"};
      return unavailable("dead");
    }
    Result<wire::Done> done = exchange(call, content, answer);
    if (!done) lost_ = {.on_it = true, .how = done.error().message};
    return done;
  }
  void tell(wire::Call call) override {
    ASSERT_TRUE(ends_.first.send(static_cast<uint8_t>(call), {}, kPatience));
  }
  void distrust(const Error& why) override { lost_ = {.on_it = true, .how = why.message}; }
  std::optional<PieceWork::Lost> lost() const override { return lost_; }

  uint64_t calls = 0;
  std::optional<wire::Call> dies_at;
  std::function<void(wire::Call, wire::Done&)> alter;  // what the process says

 private:
  Result<wire::Done> exchange(wire::Call call, BytesView content, const Answer& answer) {
    HC_TRY(ends_.first.send(static_cast<uint8_t>(call), content, kPatience));
    while (true) {
      HC_TRY_ASSIGN(const FrameChannel::Frame frame, ends_.first.receive(64_MiB, kPatience));
      if (frame.type == wire::kDone) {
        HC_TRY_ASSIGN(wire::Done done, wire::decode_done(frame.payload));
        if (alter) alter(call, done);
        return done;
      }
      HC_TRY_ASSIGN(const Bytes said, answer(static_cast<wire::Ask>(frame.type), frame.payload));
      HC_TRY(ends_.first.send(wire::kAnswer, said, kPatience));
    }
  }

  std::pair<FrameChannel, FrameChannel> ends_ = FrameChannel::pair().value();
  std::optional<PieceWork::Lost> lost_;
  std::jthread server_;
};

/// A worker over a memory store whose frontier stands at an hour; its pieces are worked at here or
/// behind a channel.
class RemotePieceTest : public ::testing::Test {
 protected:
  struct World {
    World() {
      Commit commit{.id = 1};
      commit.checkpoint = Checkpoint{.partition = kPartition, .epoch = Epoch{1}};
      commit.checkpoint->frontier = {EventTime(1h), 0};
      store.commit(std::move(commit), [](const Result<CommitResult>&) {});
      Allowance allowance;
      allowance.per_second = {1'000'000, kNoLimit, kNoLimit, kNoLimit};
      allowance.subwindows = 2;
      book.govern(allowance, {}, now, kWall);
    }
    std::vector<Row> rows() {
      std::vector<Row> out;
      const auto snapshot = store.snapshot().value();
      for (const LaneAggregate& aggregate : stream.aggregates) {
        for (const Duration resolution : aggregate.resolutions)
          snapshot
              ->rows({aggregate.id, resolution, {kMinEventTime, kMaxEventTime}},
                     [&](const Row& row) {
                       out.push_back(row);
                       return true;
                     })
              .value();
      }
      return out;
    }

    ReplayStream stream{kStream, small_schema(), small_options().lane.aggregates, {kPartition}};
    MemoryStore store;
    MonoTime now{1h};
    JobBook book{{},
                 [this](Commit commit) {
                   store.commit(std::move(commit), [](const Result<CommitResult>&) {});
                 },
                 [](StreamId, BytesView) { return kPartition; },
                 now};
  };

  static std::vector<Event> events(int count) {
    std::vector<Event> out;
    for (int i = 0; i < count; ++i)
      out.push_back({"k" + std::to_string(i % 3), Duration(1s) * i, i, 0, Op::kUpsert, i});
    return out;
  }
  std::shared_ptr<ThreadChannel> channel_to(World& world) {
    return std::make_shared<ThreadChannel>(
        [&world](StreamId) -> const ReplayStream* { return &world.stream; },
        [this](SourceId) -> History* { return history_.get(); });
  }
  /// Reads minutes [0, 5) and returns the job at its end.
  ReplayJob run(World& world, JobId id, bool remote,
                const std::function<void(ThreadChannel&)>& prepare = nullptr) {
    ReplayJob job;
    job.id = id;
    job.stream = kStream;
    job.source = kSource;
    job.range = {EventTime(0s), EventTime(5min)};
    job.cause = "operator";
    world.book.add(std::move(job), false, world.now);
    Rng rng(1);
    JobRunner::Places places{
        .book = world.book,
        .store = world.store,
        .stream = [&](StreamId) -> const ReplayStream& { return world.stream; },
        .source =
            [&](SourceId) {
              return ReplaySource{history_.get(), 3};
            },
        .wake = [] {},
        .committed = [](StreamId) {}};
    if (remote) {
      places.open = [&](const PieceOrder& order) {
        const auto channel = channel_to(world);
        if (prepare) prepare(*channel);
        ++opened_;
        return RemotePiece::open(
            {channel, world.stream, nullptr, nullptr, [&] { return world.now; }}, order);
      };
    }
    JobRunner runner(std::move(places), rng);
    const MonoTime end = world.now + 10min;
    while (world.now < end && !world.book.view(id)->job.ended())
      world.now = std::max(world.now, runner.step(world.now, kWall));
    return world.book.view(id)->job;
  }
  void history_of(const std::vector<Event>& events, Duration piece = 1min) {
    history_ = std::make_unique<MemoryHistory>(small_schema(), batch_of(events),
                                               MemoryHistoryOptions{.piece = piece});
  }

  std::unique_ptr<MemoryHistory> history_;
  int opened_ = 0;
};

TEST_F(RemotePieceTest, ItBringsTheSameIntoTheStoreAsAPieceWorkedAtHere) {
  World here, there;
  history_of(events(150));
  const ReplayJob local = run(here, 1, false);
  const ReplayJob remote = run(there, 1, true);
  EXPECT_EQ(remote.state, ReplayJob::State::kDone) << remote.reason;
  EXPECT_EQ(remote.counts, local.counts);
  // Again, over pages that are there: of half of their events, and then of none.
  history_of(events(300));
  EXPECT_EQ(run(there, 2, true).counts, run(here, 2, false).counts);
  const ReplayJob again = run(there, 3, true);
  EXPECT_EQ(again.counts.duplicate, 300u);
  EXPECT_EQ(again.counts.pages_changed, 0u);  // L10
  run(here, 3, false);
  EXPECT_EQ(there.rows(), here.rows());
  EXPECT_FALSE(here.rows().empty());
}

TEST_F(RemotePieceTest, AnErrorOfHistoryIsThePiecesAndNotTheProcesss) {
  World world;
  history_of(events(300));
  history_->options().fault = [] { return std::optional(corruption("truncated: b.gz")); };
  const ReplayJob job = run(world, 1, true);
  EXPECT_EQ(job.state, ReplayJob::State::kFailed);
  EXPECT_EQ(job.set_aside.size(), 5u);
  EXPECT_EQ(job.set_aside[0].reason, "truncated: b.gz");
}

TEST_F(RemotePieceTest, AHistoryThatAsksForTimeGetsIt) {
  World world;
  history_of(events(60));
  history_->options().fault = [] { return std::optional(overloaded("http-429: GET /history")); };
  history_->options().retry_after = [] { return std::optional(Duration(20s)); };
  const MonoTime before = world.now;
  EXPECT_EQ(run(world, 1, true).state, ReplayJob::State::kFailed);
  EXPECT_GE(world.now - before, 3 * 20s);
}

TEST_F(RemotePieceTest, APieceThatKillsThreeProcessesIsSetAsideAndTheJobGoesOn) {
  World world;
  history_of(events(300));
  const ReplayJob job = run(world, 1, true, [&](ThreadChannel& channel) {
    if (opened_ < 3) channel.dies_at = wire::Call::kRead;
  });
  EXPECT_EQ(job.state, ReplayJob::State::kFailed);
  ASSERT_EQ(job.set_aside.size(), 1u);
  EXPECT_EQ(job.set_aside[0].reason,
            "process-died: the replay process died on it 3 times in a row; the last one ended with "
            "signal 11 (Segmentation fault)");
  EXPECT_EQ(job.counts.added, 240u);
  EXPECT_EQ(opened_, 3 + 4);
}

TEST_F(RemotePieceTest, WhatAProcessDiedBeforeItWasDoneIsReadAgainAndAddedOnce) {
  for (const wire::Call at :
       {wire::Call::kOpen, wire::Call::kTakeRead, wire::Call::kAllowed, wire::Call::kReadHeads,
        wire::Call::kReadParts, wire::Call::kTakeCommit, wire::Call::kCommitted}) {
    World world;
    opened_ = 0;
    history_of(events(300));
    const ReplayJob job = run(world, 1, true, [&](ThreadChannel& channel) {
      if (opened_ < 2) channel.dies_at = at;
    });
    EXPECT_EQ(job.state, ReplayJob::State::kDone) << static_cast<int>(at);
    uint64_t counted = 0;
    for (const Row& row : world.rows()) {
      if (row.at.aggregate == kCoarse) counted += row.events;
    }
    EXPECT_EQ(counted, 300u) << static_cast<int>(at);
  }
}

// A process that is out of its mind ends; the store never sees what it says.
TEST_F(RemotePieceTest, ACommitThatMakesNoSenseIsNotCommitted) {
  World world;
  history_of(events(300), 5min);
  const auto changes = world.store.snapshot().value()->last_change();
  for (const char* commit : {"nonsense", ""}) {
    const ReplayJob job = run(world, commit[0] == 'n' ? 1 : 2, true, [&](ThreadChannel& channel) {
      channel.alter = [commit](wire::Call call, wire::Done& done) {
        if (call == wire::Call::kTakeCommit) done.value = commit;
      };
    });
    EXPECT_EQ(job.state, ReplayJob::State::kFailed);
    EXPECT_NE(job.reason.find("process-died"), std::string::npos) << job.reason;
  }
  EXPECT_EQ(world.store.snapshot().value()->last_change(), changes);
}

}  // namespace
}  // namespace hindcast::test
