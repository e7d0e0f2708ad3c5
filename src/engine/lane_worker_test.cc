// A lane on its shard in virtual time: what it commits of gaps, and whom it tells.
#include "engine/lane_worker.h"

#include <gmock/gmock.h>

#include "base/virtual_runtime.h"
#include "engine/engine_test_util.h"
#include "format/decoder.h"
#include "log/memory_log.h"
#include "progress/facts_codec.h"
#include "store/forwarding_store_test_util.h"
#include "store/memory_store.h"

namespace hindcast {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr PartitionId kPartition{1};
constexpr StreamId kStream{1};
constexpr SourceId kSource{1};

/// A log that lost records (first, last].
class DamagedLog final : public Log {
 public:
  explicit DamagedLog(Log& log) : log_(log) {}
  void lose(Position first, Position last) { damage_ = {first, last, "segment 1, byte 4096"}; }

  void append(Channel channel, std::vector<LogAppend> records,
              Done<std::vector<Position>> done) override {
    log_.append(channel, std::move(records), std::move(done));
  }
  Result<LogChunk> read(PartitionId partition, Channel channel, Position after,
                        ByteCount max) override {
    HC_TRY_ASSIGN(LogChunk chunk, log_.read(partition, channel, after, max));
    if (damage_.resume == Position{} || after >= damage_.resume) return chunk;
    if (after >= damage_.begin) return corruption(damage_.place);
    std::erase_if(chunk.records, [&](const LogRecord& r) { return r.position > damage_.begin; });
    if (chunk.records.empty()) return corruption(damage_.place);
    chunk.next = damage_.begin;
    return chunk;
  }
  void on_readable(std::function<void(Channel)> hook) override {
    log_.on_readable(std::move(hook));
  }
  Result<LeaseId> lease(PartitionId partition, Channel channel, Position from,
                        std::string owner) override {
    return log_.lease(partition, channel, from, std::move(owner));
  }
  bool holds(LeaseId lease) const override { return log_.holds(lease); }
  Position kept_from(PartitionId partition, Channel channel) const override {
    return log_.kept_from(partition, channel);
  }
  void release(LeaseId lease) override { log_.release(lease); }
  Status trim(PartitionId partition, Channel channel, Position below) override {
    return log_.trim(partition, channel, below);
  }
  LogStats stats(Channel channel) const override { return log_.stats(channel); }
  ByteCount between(Channel channel, Position older, Position newer) const override {
    return log_.between(channel, older, newer);
  }
  std::vector<LogDamage> damage(Channel) const override {
    return damage_.resume == Position{} ? std::vector<LogDamage>() : std::vector{damage_};
  }
  Status close() override { return log_.close(); }

 private:
  Log& log_;
  LogDamage damage_;
};

/// Keeps the facts of commits, and has them durable when it is told so.
class SlowStore final : public test::ForwardingStore {
 public:
  SlowStore() : ForwardingStore(store_) {}
  void commit(Commit commit, Done<CommitResult> done) override {
    given_.emplace_back(std::move(commit), std::move(done));
  }
  void make_durable() {
    for (auto& [commit, done] : std::exchange(given_, {})) {
      gaps.insert(gaps.end(), commit.gaps.begin(), commit.gaps.end());
      bounds.insert(bounds.end(), commit.bounds.begin(), commit.bounds.end());
      store_.commit(std::move(commit), std::move(done));
    }
  }

  std::vector<Gap> gaps;
  std::vector<GapBound> bounds;

 private:
  MemoryStore store_;
  std::vector<std::pair<Commit, Done<CommitResult>>> given_;
};

class LaneWorkerTest : public ::testing::Test {
 protected:
  LaneWorkerTest()
      : config_(config_of(source_toml() + candles_toml(), "/nowhere")),
        schema_(config_.streams[0].schema) {}

  void start() {
    worker_.emplace(
        LiveLaneOptions{.partition = kPartition,
                        .stream = kStream,
                        .epoch = Epoch{1},
                        .schema = schema_,
                        .delays = {{kSource, 5s}},
                        .next_gap = [this] { return Result<GapId>(++last_gap_); }},
        std::nullopt, LaneFacts{}, std::map<SourceId, uint64_t>{},
        LaneWorker::Places{runtime_, ShardId{0}, ShardId{0}, log_, store_, ledger_, latency_, open_,
                           reread_, 0},
        LaneWorker::Hooks{[] {}, [](PartitionId) {}, [this](GapId gap) { known_.push_back(gap); }});
    log_.on_readable([this](Channel) { worker_->readable(); });
    worker_->start();
  }
  Position append(LogAppend record) {
    Position at;
    ledger_.appended(count(std::vector{record}));
    log_.append(Channel::kLive, {std::move(record)},
                [&](Result<std::vector<Position>> done) { at = done.value().front(); });
    return at;
  }
  Position append_gap(const GapRecord& record) {
    return append({{kPartition, RecordKind::kGap, kSource, 0}, encode(record)});
  }
  Position append_event(int64_t ms) {
    EventBatch rows(schema_);
    auto decoder = make_decoder(schema_, config_.sources[0]);
    decoder->begin({.name = "test", .object = "test", .path_parts = {}, .arrival = {}});
    std::vector<DeadLetter> dead;
    Decoder::Counts counts;
    decoder->decode(trade(++id_, ms, "1", "1"), true, rows, dead, counts);
    return append({{kPartition, RecordKind::kEvents, kSource, 1},
                   encode_events(schema_, EventsRecord{}, rows, 0, 1)});
  }
  static Gap outage(GapId id, int64_t start_ms) {
    Gap gap;
    gap.id = id;
    gap.stream = kStream;
    gap.range = {at_ms(start_ms), kMaxEventTime};
    gap.opened_at = ProcessingTime(1h);
    return gap;
  }
  /// Time passes; commits become durable at its end.
  void pass(Duration time) {
    runtime_.run_until(runtime_.mono_now() + time);
    store_.make_durable();
    runtime_.run_until(runtime_.mono_now());
  }
  LaneWorker::View view() {
    LaneWorker::View out;
    worker_->view(Window{}, {}, [&](LaneWorker::View view) { out = std::move(view); });
    runtime_.run_until(runtime_.mono_now());
    return out;
  }

  const Config config_;
  const StreamSchema schema_;
  VirtualRuntime runtime_{1};
  MemoryLog memory_;
  DamagedLog log_{memory_};
  SlowStore store_;
  Ledger ledger_;
  LiveLatencyMeters latency_;
  SharedRoom open_{256_MiB, 1}, reread_{256_MiB, 1};
  std::optional<LaneWorker> worker_;
  std::vector<GapId> known_;
  GapId last_gap_ = 0;
  int64_t id_ = 0;
};

// Automatic recovery begins with a gap whose edges are known, and must find it in the store.
TEST_F(LaneWorkerTest, AGapIsKnownOnceItsRightEdgeIsDurable) {
  start();
  append_gap({.opened = outage(5, kNoon), .bound = {}});
  pass(101ms);
  EXPECT_THAT(store_.gaps, ElementsAre(outage(5, kNoon))) << "soon, though nothing else happens";
  EXPECT_THAT(known_, IsEmpty()) << "its right edge is not known";
  append_gap({.opened = {}, .bound = GapBound{5, at_ms(kNoon + kMinute)}});
  runtime_.run_until(runtime_.mono_now() + 1s);
  EXPECT_THAT(known_, IsEmpty()) << "it is not durable";
  EXPECT_THAT(view().bounds, ElementsAre(GapBound{5, at_ms(kNoon + kMinute)}))
      << "what the store does not have yet, the lane has";
  pass(0s);
  EXPECT_THAT(known_, ElementsAre(5));
  EXPECT_THAT(view().bounds, IsEmpty());
}

TEST_F(LaneWorkerTest, LostRecordsAreAGapAndTheLaneGoesOn) {
  const Position last_read = append_event(kNoon);
  append_event(kNoon + 1'000);
  const Position last_lost = append_event(kNoon + 2'000);
  append_event(kNoon + kMinute);
  log_.lose(last_read, last_lost);
  start();
  pass(101ms);
  ASSERT_EQ(store_.gaps.size(), 1U);
  EXPECT_EQ(store_.gaps[0].cause, Gap::Cause::kCorruption);
  EXPECT_EQ(store_.gaps[0].range, (Window{at_ms(kNoon - 5'000), kMaxEventTime}));
  EXPECT_EQ(store_.gaps[0].scope, (GapScope{GapScope::Kind::kPartition, kPartition, {}}));
  EXPECT_THAT(store_.bounds, ElementsAre(GapBound{1, at_ms(kNoon + kMinute + 5'000) + 1ns}));
  EXPECT_THAT(known_, ElementsAre(1));
  EXPECT_EQ(view().sources.at(0).received, 2U);
}

// A seal waits for its commit, and that is what an operator sees as a late bucket. A window that
// the watermark passes while a commit hangs must not count before it is durable.
TEST_F(LaneWorkerTest, ASealTakesFromTheWatermarkToItsDurableCommit) {
  const auto seal = [&] {
    LatencyCounts counts;
    latency_.seal.add_all_to(counts);
    return counts;
  };
  start();
  runtime_.run_until(runtime_.mono_now());  // what a restart reads again is not live
  append({{kPartition, RecordKind::kConnected, kSource, 0}, encode(Connection{"delivery began"})});
  append_event(kNoon);
  append_event(kNoon + kMinute + 5'000);  // the delay behind it is the end of noon's minute
  runtime_.run_until(runtime_.mono_now() + 700ms);
  EXPECT_EQ(seal().count(), 0U);
  pass(0s);
  EXPECT_EQ(seal().count(), 1U);
  EXPECT_GE(seal().quantile(1), 700ms);
  EXPECT_LE(seal().quantile(1), 730ms);
  LatencyCounts commit;
  latency_.commit.add_all_to(commit);
  EXPECT_GE(commit.quantile(1), 700ms);
}

}  // namespace
}  // namespace hindcast
