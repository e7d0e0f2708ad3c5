#include "engine/back_worker.h"

#include "base/virtual_runtime.h"
#include "engine/engine_test_util.h"
#include "format/decoder.h"
#include "log/memory_log.h"
#include "progress/control.h"
#include "store/memory_store.h"

namespace hindcast {
namespace {

constexpr PartitionId kPartition{1};
constexpr SourceId kSource{1};

class BackWorkerTest : public ::testing::Test {
 protected:
  BackWorkerTest()
      : config_(config_of(source_toml() + candles_toml(), "/nowhere")),
        schema_(config_.streams[0].schema) {
    govern(1'000);
  }

  /// A record of the replay log: one event in each of `minutes` pages. job: whose history it is.
  ReplayRange append(int minutes, JobId job = 0) {
    EventBatch rows(schema_);
    auto decoder = make_decoder(schema_, config_.sources[0]);
    decoder->begin({.name = "test", .object = "test", .path_parts = {}, .arrival = {}});
    std::string body;
    for (int m = 0; m < minutes; ++m) body += trade(++id_, kNoon + m * kMinute, "1", "1");
    std::vector<DeadLetter> dead;
    Decoder::Counts counts;
    decoder->decode(body, true, rows, dead, counts);
    const RecordHeader header{kPartition, RecordKind::kEvents, kSource,
                              static_cast<uint32_t>(rows.size())};
    ReplayRange range;
    log_.append(Channel::kReplay,
                {{header, encode_events(schema_, EventsRecord{.resume_number = job}, rows, 0,
                                        rows.size())}},
                [&](Result<std::vector<Position>> at) {
                  range = {at.value().front(), at.value().back()};
                });
    return range;
  }
  /// The live lane's statement: these records count.
  void cover(const ReplayRange& range) {
    Commit commit{.id = 1};
    commit.checkpoint = Checkpoint{.partition = kPartition,
                                   .epoch = Epoch{1},
                                   .frontier = {at_ms(kNoon + 10'000 * kMinute), 0},
                                   .replay = {range}};
    store_.commit(std::move(commit), [](Result<CommitResult> result) {
      EXPECT_EQ(result.value().state, CommitState::kCommitted);
    });
  }
  void start() {
    worker_.emplace(DrainOptions{.partition = kPartition, .epoch = Epoch{1}, .schema = schema_},
                    std::nullopt, RollerOptions{.partition = kPartition, .schema = schema_},
                    BackWorker::Places{runtime_, ShardId{0}, log_, store_, ledger_, book_, route_});
    worker_->start();
  }
  /// The governor's word: so many events a second; 0: none, and why.
  void govern(uint64_t events, Reason limit = Reason::kRate) {
    Allowance allowance;
    allowance.per_second = {events, kNoLimit, kNoLimit, kNoLimit};
    allowance.subwindows = 2;
    allowance.limit = limit;
    book_.govern(allowance, {}, runtime_.mono_now(), runtime_.wall_now());
  }
  void run(Duration span) { runtime_.run_until(runtime_.mono_now() + span); }
  uint64_t merged() const { return book_.late().merged; }
  std::optional<DrainCheckpoint> drained() {
    return store_.snapshot().value()->drain_checkpoint(kPartition).value();
  }
  size_t records_kept() {
    return log_.read(kPartition, Channel::kReplay, {}, 64_MiB).value().records.size();
  }

  const Config config_;
  const StreamSchema schema_;
  VirtualRuntime runtime_{1};
  MemoryLog log_;
  MemoryStore store_;
  Ledger ledger_;
  JobBook book_{{},
                [](const Commit&) {},
                [](StreamId, BytesView) { return kPartition; },
                runtime_.mono_now()};
  LogRoute route_{log_};
  std::optional<BackWorker> worker_;
  int64_t id_ = 0;
};

// A batch takes several commits. A crash between them must find the rest in the replay log: nobody
// else has these events any more.
TEST_F(BackWorkerTest, TheReplayLogIsKeptUntilABatchIsWhollyMerged) {
  append(1);
  cover({append(200).first, append(1).last});
  start();
  while (!drained() && runtime_.step()) {
  }
  for (int i = 0; i < 3; ++i) runtime_.step();  // what follows at once on the commit
  ASSERT_LT(drained()->applied, drained()->through) << "the batch is half merged";
  EXPECT_EQ(records_kept(), 3U);
  while (runtime_.step()) {
  }
  EXPECT_EQ(drained()->merged, (std::vector<std::pair<SourceId, uint64_t>>{{kSource, 201}}));
  EXPECT_EQ(records_kept(), 0U) << "one that stayed would hold the space of all partitions";
}

// What an earlier life appended and could not say is void; it may be more than one read of the log.
TEST_F(BackWorkerTest, VoidRecordsDoNotStopTheDrain) {
  const RecordHeader header{kPartition, RecordKind::kEvents, kSource, 1};
  for (int i = 0; i < 3; ++i) {
    log_.append(Channel::kReplay, {{header, Bytes(size_t{1} << 20, 'x')}},
                [](const Result<std::vector<Position>>& at) { EXPECT_TRUE(at); });
  }
  cover(append(1));
  start();
  while (runtime_.step()) {
  }
  ASSERT_TRUE(drained());
  EXPECT_EQ(drained()->merged, (std::vector<std::pair<SourceId, uint64_t>>{{kSource, 1}}));
  bool quiet = false;
  worker_->quiet([&](bool answer) { quiet = answer; });
  while (runtime_.step()) {
  }
  EXPECT_TRUE(quiet);
}

// Its reader says what is read; no checkpoint of live speaks of it, and no tally of the source.
TEST_F(BackWorkerTest, HistoryIsMergedWithoutALiveCheckpointThatCoversIt) {
  cover(append(1));
  const ReplayRange history = append(100, 7), other = append(2, 8);
  append(3);  // late, and not covered yet
  start();
  run(10s);
  EXPECT_TRUE(route_.is_merged(kPartition, history.last));
  EXPECT_TRUE(route_.is_merged(kPartition, other.last));
  EXPECT_EQ(route_.take(7).added, 100U);
  EXPECT_EQ(route_.take(8).added, 2U);
  EXPECT_EQ(drained()->merged, (std::vector<std::pair<SourceId, uint64_t>>{{kSource, 1}}));
  EXPECT_EQ(store_.snapshot().value()->tallies(kSource).value().settled(), 1U);
  EXPECT_EQ(merged(), 103U) << "all of it had to be allowed";
  EXPECT_EQ(records_kept(), 1U);
}

// A worker that waits for it would wait for ever; its second turn adds what is missing.
TEST_F(BackWorkerTest, NobodyWaitsForADrainThatFailed) {
  cover(append(1));
  const ReplayRange history = append(10, 7);
  Commit newer{.id = 2};
  newer.drain_checkpoint = DrainCheckpoint{.partition = kPartition, .epoch = Epoch{9}};
  store_.commit(std::move(newer), [](const Result<CommitResult>&) {});
  start();
  run(1s);
  EXPECT_TRUE(route_.is_merged(kPartition, history.last));
  EXPECT_EQ(route_.take(7).added, 0U);
  EXPECT_EQ(book_.late().waits, std::nullopt);
}

// It was a lane of its own once, and a storm of late events passed beside the valve.
TEST_F(BackWorkerTest, LateEventsAreMergedNoFasterThanTheGovernorAllows) {
  govern(20, Reason::kFloor);
  cover(append(600));
  start();
  run(10s);
  constexpr uint64_t kStep = 64;  // one event in each page
  EXPECT_GE(merged(), 20 * 10 - kStep);
  EXPECT_LE(merged(), 20 * 10 + 5 + kStep);
  EXPECT_EQ(book_.late().waits, Reason::kFloor);
}

TEST_F(BackWorkerTest, WhatStopsReplayStopsTheDrainAndIsItsReason) {
  govern(0, Reason::kMemory);
  cover(append(200));
  start();
  run(60s);
  EXPECT_EQ(merged(), 0U);
  EXPECT_EQ(book_.late().waits, Reason::kMemory);
  Signals signals;
  book_.add_to(signals, 1, runtime_.mono_now());
  EXPECT_TRUE(signals.running) << "or nothing would ever be allowed";
  EXPECT_TRUE(signals.throttled);
  govern(1'000);
  run(1s);
  EXPECT_EQ(merged(), 200U);
  book_.add_to(signals, 1, runtime_.mono_now());
  EXPECT_FALSE(signals.running);
  EXPECT_EQ(signals.done.events, 200U) << "what was done is heard of";
  EXPECT_EQ(signals.commit.samples, 4U);
  EXPECT_EQ(book_.late().waits, std::nullopt);
}

}  // namespace
}  // namespace hindcast
