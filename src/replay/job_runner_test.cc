#include "replay/job_runner.h"

#include <gtest/gtest.h>

#include "base/virtual_runtime.h"
#include "history/memory_history.h"
#include "lane/lane_test_util.h"
#include "log/memory_log.h"

namespace hindcast::test {
namespace {

constexpr StreamId kStream{1};
constexpr SourceId kSource{1};
constexpr ProcessingTime kWall{Duration(48h)};  // all of history is old enough

/// One worker over a memory store whose frontier stands at an hour, and a history of 10 s pages.
class JobRunnerTest : public ::testing::Test {
 protected:
  JobRunnerTest() {
    stream_ = {kStream, small_schema(), small_options().lane.aggregates, {kPartition}};
    seal(EventTime(1h));
    govern(1'000'000);
  }

  void govern(uint64_t events) {
    Allowance allowance;
    allowance.per_second = {events, kNoLimit, kNoLimit, kNoLimit};
    allowance.subwindows = 2;
    allowance.limit = Reason::kRate;
    book_.govern(allowance, {}, now_, kWall);
  }

  void seal(EventTime to) {
    Commit commit{.id = ++commits_};
    commit.checkpoint = Checkpoint{.partition = kPartition, .epoch = Epoch{1}};
    commit.checkpoint->frontier = {to, 0};
    store_.commit(std::move(commit), [](const Result<CommitResult>& result) {
      ASSERT_EQ(result.value().state, CommitState::kCommitted);
    });
  }
  void open_gap(GapId id, Window range) {
    Commit commit{.id = ++commits_};
    commit.gaps = {{.id = id, .stream = kStream, .range = range}};
    store_.commit(std::move(commit), [](const Result<CommitResult>&) {});
  }
  void history_of(const std::vector<Event>& events, MemoryHistoryOptions options = {}) {
    options.piece = options.piece == Duration(1h) ? Duration(1min) : options.piece;
    history_ =
        std::make_unique<MemoryHistory>(small_schema(), batch_of(events), std::move(options));
  }
  void job(JobId id, Window range, ReplayJob::Mode mode = ReplayJob::Mode::kMerge) {
    ReplayJob job;
    job.id = id;
    job.stream = kStream;
    job.source = kSource;
    job.range = range;
    job.mode = mode;
    job.cause = "operator";
    book_.add(std::move(job), false, now_);
  }
  /// Steps until the job has ended, or the runner waits longer than `patience` of virtual time.
  ReplayJob run(JobId id, Duration patience = 10min) {
    const MonoTime end = now_ + patience;
    while (now_ < end && !book_.view(id)->job.ended())
      now_ = std::max(now_, runner_.step(now_, kWall));
    return book_.view(id)->job;
  }
  Content content() {
    Content out;
    const auto snapshot = store_.snapshot().value();
    for (const LaneAggregate& aggregate : stream_.aggregates) {
      for (const Duration resolution : aggregate.resolutions)
        add_rows(*snapshot, aggregate, resolution, out);
    }
    return out;
  }
  uint64_t bytes() { return store_.health().bytes_written.value; }
  CoverageFacts facts() { return store_.snapshot().value()->coverage(kStream).value(); }

  static void add_rows(const Snapshot& snapshot, const LaneAggregate& aggregate,
                       Duration resolution, Content& out) {
    const StreamSchema schema = small_schema();
    State state(schema, aggregate.rule);
    ASSERT_TRUE(snapshot.rows(
        {aggregate.id, resolution, {kMinEventTime, kMaxEventTime}}, [&](const Row& row) {
          out[{aggregate.id, resolution, row.at.bucket, key_to_string(schema.key, row.at.key)}]
              .count = row.events;
          return true;
        }));
  }

  MemoryStore store_;
  uint64_t commits_ = 0;
  ReplayStream stream_;
  std::unique_ptr<MemoryHistory> history_;
  MonoTime now_{1h};
  Rng rng_{1};
  JobBook book_{{},
                [this](Commit commit) {
                  store_.commit(std::move(commit), [](const Result<CommitResult>&) {});
                },
                [](StreamId, BytesView) { return kPartition; },
                now_};
  JobRunner::Places places(LogRoute* route) {
    return {.book = book_,
            .store = store_,
            .stream = [this](StreamId) -> const ReplayStream& { return stream_; },
            .source =
                [this](SourceId) {
                  return ReplaySource{history_.get(), 3};
                },
            .wake = [] {},
            .committed = [](StreamId) {},
            .route = route};
  }
  JobRunner runner_{places(nullptr), rng_};
};

std::vector<Event> events_every(Duration step, int count) {
  std::vector<Event> out;
  for (int i = 0; i < count; ++i)
    out.push_back({"k" + std::to_string(i % 3), step * i, i, 0, Op::kUpsert, i});
  return out;
}

TEST_F(JobRunnerTest, AJobBringsHistoryIntoTheStore) {
  history_of(events_every(1s, 300));
  job(1, {EventTime(0s), EventTime(5min)});
  const ReplayJob done = run(1);
  EXPECT_EQ(done.state, ReplayJob::State::kDone) << done.reason;
  EXPECT_EQ(done.counts.read, 300u);
  EXPECT_EQ(done.counts.added, 300u);
  uint64_t events = 0;
  for (const auto& [at, seen] : content()) {
    if (std::get<0>(at) == kCoarse) events += seen.count;
  }
  EXPECT_EQ(events, 300u);
}

// L10: what is there already is written by nobody.
TEST_F(JobRunnerTest, TheSameReplayAgainWritesNothing) {
  history_of(events_every(1s, 300));
  job(1, {EventTime(0s), EventTime(5min)});
  run(1);
  const auto changes = store_.snapshot().value()->last_change();
  job(2, {EventTime(0s), EventTime(5min)});
  const ReplayJob again = run(2);
  EXPECT_EQ(again.state, ReplayJob::State::kDone);
  EXPECT_EQ(again.counts.duplicate, 300u);
  EXPECT_EQ(again.counts.pages_changed, 0u);
  EXPECT_EQ(again.counts.bytes_written, 0u);
  EXPECT_EQ(store_.snapshot().value()->last_change(), changes);
}

TEST_F(JobRunnerTest, AGapIsFilledOnceItsRangeIsRead) {
  history_of(events_every(1s, 300));
  open_gap(4, {EventTime(70s), EventTime(130s)});
  job(1, {EventTime(60s), EventTime(140s)});
  EXPECT_EQ(run(1).gaps, std::vector<GapId>{4});
  EXPECT_TRUE(Coverage(facts(), {kPartition}).holes().empty());
}

// A history that lacks what live has is no proof that the rest is whole.
TEST_F(JobRunnerTest, WhatHistoryLacksIsUnfillableForItsKeysAlone) {
  history_of(events_every(1s, 300));
  job(1, {EventTime(0s), EventTime(5min)});
  run(1);
  std::vector<Event> fewer = events_every(1s, 300);
  std::erase_if(fewer, [](const Event& e) { return e.id == 90; });  // of k0, at 90 s
  history_of(fewer);
  open_gap(4, {EventTime(60s), EventTime(120s)});
  job(2, {EventTime(60s), EventTime(120s)});
  EXPECT_EQ(run(2).state, ReplayJob::State::kDone);
  const Coverage coverage(facts(), {kPartition});
  ASSERT_EQ(coverage.holes().size(), 1u);
  EXPECT_EQ(coverage.holes()[0].state, Hole::State::kUnfillable);
  EXPECT_EQ(coverage.holes()[0].range, (Window{EventTime(90s), EventTime(100s)}));
  EXPECT_EQ(coverage.holes()[0].keys, std::vector<Bytes>{"k0"});
  uint64_t events = 0;  // L9: nothing was taken away
  for (const auto& [at, seen] : content()) {
    if (std::get<0>(at) == kCoarse) events += seen.count;
  }
  EXPECT_EQ(events, 300u);
}

TEST_F(JobRunnerTest, AnAnswerThatMayComeLaterIsAskedForAgain) {
  int failures = 3;
  history_of(events_every(1s, 100), {.fault = [&]() -> std::optional<Error> {
               return failures-- > 0 ? std::optional(unavailable("connection refused"))
                                     : std::nullopt;
             }});
  job(1, {EventTime(0s), EventTime(2min)});
  const ReplayJob done = run(1);
  EXPECT_EQ(done.state, ReplayJob::State::kDone) << done.reason;
  EXPECT_EQ(done.counts.added, 100u);
}

// 429 for ever: the job says so and ends, and gives its worker back.
TEST_F(JobRunnerTest, AHistoryThatNeverAnswersIsSetAsideWithItsReason) {
  history_of(events_every(1s, 100),
             {.fault = [] { return std::optional(overloaded("http-429: GET /history")); },
              .retry_after = [] { return std::optional(Duration(20s)); }});
  job(1, {EventTime(0s), EventTime(1min)});
  const MonoTime before = now_;
  const ReplayJob done = run(1);
  EXPECT_EQ(done.state, ReplayJob::State::kFailed);
  EXPECT_EQ(done.reason,
            "1 window was set aside: http-429: GET /history; given up after 3 retries");
  EXPECT_GE(now_ - before, 3 * 20s);  // it waited as it was asked to
  EXPECT_FALSE(runner_.busy());
}

TEST_F(JobRunnerTest, OneBadPieceLeavesTheOthersDone) {
  uint64_t call = 0;
  history_of(events_every(1s, 300),
             {.chunk_events = 1'000, .fault = [&]() -> std::optional<Error> {
                return ++call == 2 ? std::optional(corruption("truncated: b.gz")) : std::nullopt;
              }});
  open_gap(4, {EventTime(0s), EventTime(5min)});
  job(1, {EventTime(0s), EventTime(5min)});
  const ReplayJob done = run(1);
  EXPECT_EQ(done.state, ReplayJob::State::kFailed);
  ASSERT_EQ(done.set_aside.size(), 1u);
  EXPECT_EQ(done.set_aside[0].window, (Window{EventTime(1min), EventTime(2min)}));
  EXPECT_EQ(done.counts.added, 240u);
  const Coverage coverage(facts(), {kPartition});
  ASSERT_EQ(coverage.holes().size(), 1u);
  EXPECT_EQ(coverage.holes()[0].range, done.set_aside[0].window);
  EXPECT_EQ(coverage.holes()[0].state, Hole::State::kOpen);
}

TEST_F(JobRunnerTest, TheRateHoldsAndTheReasonSaysSo) {
  govern(10);
  history_of(events_every(1s, 300));
  job(1, {EventTime(0s), EventTime(5min)});
  const MonoTime before = now_;
  EXPECT_EQ(run(1).state, ReplayJob::State::kDone);
  EXPECT_GE(now_ - before, 20s);
  const auto view = book_.view(1);
  EXPECT_GE(view->account.times(now_)[static_cast<size_t>(Reason::kRate)], 20s);
}

TEST_F(JobRunnerTest, WhatLiesAheadOfTheFrontierWaitsForLive) {
  history_of(events_every(1s, 300));
  job(1, {EventTime(1h), EventTime(1h + 1min)});
  EXPECT_EQ(run(1, 1min).state, ReplayJob::State::kQueued);
  EXPECT_EQ(book_.view(1)->account.reason(), Reason::kStream);
  seal(EventTime(2h));
  EXPECT_EQ(run(1).state, ReplayJob::State::kDone);
}

// A repair makes history's record win over a differing one, which a merge decides by its hash.
TEST_F(JobRunnerTest, ARepairLetsHistoryWin) {
  std::vector<Event> events = events_every(1s, 60);
  history_of(events);
  job(1, {EventTime(0s), EventTime(1min)});
  run(1);
  for (int round = 0; round < 2; ++round) {
    events[30].value = round == 0 ? 1'000 : 2'000;  // one of the two loses by hash
    history_of(events);
    const JobId id = static_cast<JobId>(2 + round);
    job(id, {EventTime(0s), EventTime(1min)}, ReplayJob::Mode::kRepair);
    const ReplayJob done = run(id);
    EXPECT_EQ(done.state, ReplayJob::State::kDone);
    EXPECT_EQ(done.counts.added, 1u);
    EXPECT_EQ(done.counts.duplicate, 59u);
  }
}

// The runner dies with its commit on the way; the next one goes on with what the store knows.
TEST_F(JobRunnerTest, AReleasedPieceIsReadAgainAndAddsNothingTwice) {
  history_of(events_every(1s, 300), {.piece = 5min, .chunk_events = 20});
  job(1, {EventTime(0s), EventTime(5min)});
  for (int steps = 0; steps < 7; ++steps) now_ = std::max(now_, runner_.step(now_, kWall));
  runner_.release(now_, kWall);
  const ReplayJob done = run(1);
  EXPECT_EQ(done.state, ReplayJob::State::kDone);
  uint64_t events = 0;
  for (const auto& [at, seen] : content()) {
    if (std::get<0>(at) == kCoarse) events += seen.count;
  }
  EXPECT_EQ(events, 300u);
}

/// A worker whose history goes through a replay log. The drain is the test's to play.
class JobRunnerSeparateTest : public JobRunnerTest {
 protected:
  void step(Duration span) {
    const MonoTime end = now_ + span;
    while (now_ < end) now_ = std::max(now_, separate_.step(now_, kWall));
  }
  std::vector<LogRecord> appended() {
    return log_.read(kPartition, Channel::kReplay, {}, 64_MiB).value().records;
  }
  Reason reason() { return book_.view(1)->account.reason(); }

  MemoryLog log_{{.retention = 64_KiB}};
  LogRoute route_{log_};
  JobRunner separate_{places(&route_), rng_};
};

TEST_F(JobRunnerSeparateTest, NothingCountsBeforeTheDrainHasMergedIt) {
  history_of(events_every(1s, 300));
  job(1, {EventTime(0s), EventTime(1min)});
  step(1min);
  const std::vector<LogRecord> records = appended();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].header.events, 60u);
  EXPECT_EQ(book_.view(1)->job.counts.read, 0u);
  EXPECT_TRUE(book_.view(1)->job.done.empty());
  EXPECT_EQ(reason(), Reason::kStream);
  route_.did(1, {.added = 60, .pages_changed = 6});
  route_.merged(kPartition, records[0].position);
  step(1s);
  const ReplayJob done = book_.view(1)->job;
  EXPECT_EQ(done.state, ReplayJob::State::kDone) << done.reason;
  EXPECT_EQ(done.counts.read, 60u);
  EXPECT_EQ(done.counts.added, 60u);
}

TEST_F(JobRunnerSeparateTest, AFullReplayLogStopsTheReader) {
  log_.append(Channel::kReplay,
              {{{.partition = kPartition, .events = 1}, Bytes(size_t{33} << 10, 'x')}},
              [](const Result<std::vector<Position>>& at) { EXPECT_TRUE(at); });
  history_of(events_every(1s, 3'000));
  job(1, {EventTime(0s), EventTime(50min)});
  step(1s);
  const uint64_t read = history_->events_read();
  step(10min);
  EXPECT_EQ(history_->events_read(), read);
  EXPECT_EQ(appended().size(), 1u);
  EXPECT_EQ(reason(), Reason::kStream);
  const Position last = appended().back().position;
  log_.trim(kPartition, Channel::kReplay, {last.hi, last.lo + 1}).value();
  step(1s);
  EXPECT_EQ(appended().size(), 1u) << "of history now";
}

// They compare each record with ours, which only a worker does.
TEST_F(JobRunnerSeparateTest, RepairsGoDirect) {
  history_of(events_every(1s, 60));
  job(1, {EventTime(0s), EventTime(1min)}, ReplayJob::Mode::kRepair);
  step(1min);
  EXPECT_EQ(book_.view(1)->job.state, ReplayJob::State::kDone);
  EXPECT_TRUE(appended().empty());
}

}  // namespace
}  // namespace hindcast::test
