// A stream whose producer keeps nothing: what was lost here comes back from the log, as long as the
// log has it, and live never waits for that.
#include "engine/kept_log.h"

#include <gmock/gmock.h>

#include "engine/engine_test_util.h"
#include "log/memory_log.h"
#include "store/memory_store.h"
#include "store/store_test_data.h"

namespace hindcast {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class KeptLogTest : public EngineFixture {
 protected:
  /// Settled records stay for `age` in a log of 16 MiB.
  static std::string toml(const std::string& age) {
    return source_toml() + "note = { field = \"note\", type = \"text\", optional = true }\n" +
           "[source.history]\nkind = \"log\"\n" + candles_toml() +
           "[log]\nsegment = \"1MiB\"\nreread = \"1MiB\"\nretention = { size = \"16MiB\", age = "
           "\"" +
           age + "\" }\n";
  }
  /// A page of two trades, sealed.
  void begin(const std::string& age) {
    open(toml(age));
    push(trade(1, kNoon, "10", "1") + trade(2, kNoon + 1, "11", "1"));
    heartbeat(kNoon + 120 * kMinute);
  }
  /// Flips a byte of the newest page.
  void flip() {
    const std::string parts = folder_.path() + "/data/store/parts";
    const std::string path = parts + "/" + files_.list(parts).value().back();
    const auto file = files_.open(path, OpenMode::kReadWrite).value();
    const uint64_t byte = file->size().value() - 10;
    Bytes there = file->read(byte, 1).value();
    there[0] = static_cast<char>(there[0] ^ 0x10);
    file->write(byte, there).value();
  }
  /// Makes the damaged page anew; what it lost is a gap. Returns the job that looks for it.
  JobId remake() {
    const VerifyReport report = engine_->verify({.repair = true}).value();
    EXPECT_EQ(report.pages_remade, 1U);
    EXPECT_EQ(report.refill.size(), 1U);
    return report.refill.empty() ? 0 : report.refill[0].job;
  }
  /// Once all that it did is in the store.
  ReplayEntry ended(JobId job) {
    engine_->wait_drained();
    return engine_->replay(job).value();
  }
  GapEntry last_gap() { return engine_->gaps({}).value().at(0); }
  static std::string noted(int64_t id, int64_t ms, size_t bytes) {
    return R"({"id":)" + std::to_string(id) + R"(,"sym":"BTC","ts":)" + std::to_string(ms) +
           R"(,"price":1,"qty":1,"note":")" + std::to_string(id) + std::string(bytes, 'x') +
           "\"}\n";
  }
};

TEST_F(KeptLogTest, ADamagedPageIsRefilledFromTheLog) {
  begin("1h");
  const auto before = buckets(1min);
  ASSERT_EQ(values(before.at(0)), "10 11 2 2");
  flip();
  EXPECT_EQ(ended(remake()).job.state, ReplayJob::State::kDone);
  EXPECT_EQ(values(buckets(1min).at(0)), "10 11 2 2");
  EXPECT_EQ(buckets(1min).at(0).digest, before.at(0).digest);
  EXPECT_EQ(last_gap().state, "filled");
  EXPECT_FALSE(engine_->status().sources.at(0).replayable_from) << "nothing is freed";
  EXPECT_TRUE(engine_->verify({}).value().ok());
  close();
}

TEST_F(KeptLogTest, ARestartReadsWhatIsNotSettledAndTheLogStillRefills) {
  begin("1h");
  push(trade(3, kNoon + 125 * kMinute, "12", "1"));
  close();
  open(toml("1h"));
  EXPECT_EQ(engine_->status().recovered_events, 1U) << "two of three are settled";
  EXPECT_TRUE(source().balanced());
  flip();
  EXPECT_EQ(ended(remake()).job.state, ReplayJob::State::kDone);
  EXPECT_EQ(values(buckets(1min).at(0)), "10 11 2 2");
  EXPECT_EQ(last_gap().state, "filled");
  close();
}

TEST_F(KeptLogTest, WhatTheLogHasFreedIsUnfillableAndSaysSo) {
  begin("1ns");
  push(trade(3, kNoon + 125 * kMinute, "12", "1"));
  heartbeat(kNoon + 240 * kMinute);  // its commit trims
  flip();
  EXPECT_EQ(ended(remake()).job.state, ReplayJob::State::kDone);
  const GapEntry gap = last_gap();
  EXPECT_EQ(gap.state, "unfillable");
  ASSERT_FALSE(gap.outcomes.empty());
  EXPECT_THAT(gap.outcomes[0].detail, StartsWith("log-begins: "));
  const auto from = engine_->status().sources.at(0).replayable_from;
  ASSERT_TRUE(from);
  EXPECT_GT(*from, event_time_ns((kNoon + 1) * 1'000'000));
  close();
}

// Law L9, without a replay that would lease it: the log stays for whoever comes later.
TEST(OpenGapsTest, WhatMayFillAnOpenGapStaysInTheLog) {
  const Config config = config_of(source_toml() + "[source.history]\nkind = \"log\"\n" +
                                      candles_toml() + "[log]\nretention = { age = \"1h\" }\n",
                                  "/nowhere");
  MemoryStore store;
  const Catalog catalog = Catalog::open(config, store, false).value();
  const StreamInfo& stream = catalog.streams().begin()->second;
  const PartitionId partition = stream.partitions[0];
  MemoryLog log;  // frees what is settled at once
  KeptLog kept(config, catalog, log, store);
  kept.begin({});
  const auto append = [&](int minute) {
    Position at;
    log.append(Channel::kLive,
               {{{.partition = partition, .kind = RecordKind::kEvents, .events = 1}, "x"}},
               [&](const auto& positions) { at = positions.value()[0]; });
    const EventTime time = at_ms(kNoon + minute * kMinute);
    kept.noter()(partition, at, time, time);
    return at;
  };
  const auto settle = [&](Position last) {
    kept.hold_open_gaps();
    ASSERT_TRUE(log.trim(partition, Channel::kLive, {last.hi, last.lo + 1}));
  };
  const auto records = [&] {
    return log.read(partition, Channel::kLive, {}, 1_MiB)->records.size();
  };
  const auto gap = [&](GapId id, Gap::Cause cause) {
    Gap out = gap_of(id, at_ms(kNoon), at_ms(kNoon + kMinute), stream.id);
    out.cause = cause;
    return out;
  };

  append(0);
  commit(store, {.gaps = {gap(1, Gap::Cause::kOperator)}});
  settle(append(1));
  EXPECT_EQ(records(), 0U) << "what an operator misses was never in the log";

  append(0);
  commit(store, {.gaps = {gap(2, Gap::Cause::kCorruption)}});
  settle(append(1));
  EXPECT_EQ(records(), 2U);
  GapOutcome accepted = outcome_of({2}, stream.id);
  accepted.range = {at_ms(kNoon), at_ms(kNoon + kMinute)};
  accepted.kind = GapOutcome::Kind::kAccepted;
  commit(store, {.outcomes = {accepted}});
  kept.hold_open_gaps();
  EXPECT_EQ(records(), 0U) << "nobody needs it any more";
}

// What an operator, or a broken connection, says is missing did not come: the log is no witness.
TEST_F(KeptLogTest, AGapOfWhatNeverCameIsNotFilledByTheLog) {
  open(toml("1h"));
  push(trade(1, kNoon, "10", "1"));
  heartbeat(kNoon + 120 * kMinute);
  const GapId gap = engine_
                        ->open_gap({.source = "trades",
                                    .from = at_ms(kNoon),
                                    .to = at_ms(kNoon + kMinute),
                                    .keys = {},
                                    .detail = "the exchange says so"})
                        .value();
  engine_->wait_drained();
  EXPECT_EQ(engine_->gaps({.id = gap}).value().at(0).state, "open") << "no job for it";
  const JobId job =
      engine_
          ->start_replay(
              {.source = "trades", .from = at_ms(kNoon), .to = at_ms(kNoon + 60 * kMinute)})
          .value()
          .job.id;
  EXPECT_EQ(ended(job).job.state, ReplayJob::State::kDone);
  EXPECT_EQ(engine_->gaps({.id = gap}).value().at(0).state, "unfillable");
  close();
}

// Law L9: loudly, and never at live's cost.
TEST_F(KeptLogTest, WhenLiveNeedsTheSpaceTheReplayFailsAndItsGapStaysOpen) {
  open(toml("1h"));
  constexpr int kHours = 28;
  for (int hour = 0; hour < kHours; ++hour) {
    for (int i = 0; i < 4; ++i) {  // half a MiB an hour
      std::string body;
      for (int n = 0; n < 64; ++n)
        body += noted(hour * 1000 + i * 100 + n, kNoon + hour * 60 * kMinute + i, 2048);
      ASSERT_EQ(push(body).rejected_total, 0U);
    }
  }
  heartbeat(kNoon + kHours * 60 * kMinute);
  // A first slice (4 MiB) is compared, and the debt of its events holds the next one up for long.
  const JobId job = engine_
                        ->start_replay({.source = "trades",
                                        .from = at_ms(kNoon),
                                        .to = at_ms(kNoon + kHours * 60 * kMinute),
                                        .keys = {},
                                        .rate = 1})
                        .value()
                        .job.id;
  while (engine_->replay(job).value().job.counts.read == 0) std::this_thread::yield();
  flip();
  engine_->cancel_replay(remake()).value();
  EXPECT_EQ(last_gap().state, "open");
  for (int i = 0; i < 240; ++i) {  // 32 MiB, as fast as live settles it
    std::string body;
    for (int n = 0; n < 64; ++n)
      body += noted(100'000 + i * 100 + n, kNoon + (kHours + 1 + i) * 60 * kMinute, 2048);
    ASSERT_EQ(push(body).rejected_total, 0U) << "live is never refused";
    while (engine_->status().live_log.size > 8_MiB) std::this_thread::yield();
  }
  EXPECT_GT(engine_->status().live_log.broken_leases, 0U);
  engine_->change_replay(job, {.paused = {}, .rate = std::optional<uint64_t>(), .order = {}})
      .value();
  const ReplayEntry failed = ended(job);
  EXPECT_EQ(failed.job.state, ReplayJob::State::kFailed);
  EXPECT_THAT(failed.job.reason, HasSubstr("lease-broken: "));
  EXPECT_THAT(failed.job.reason, HasSubstr("a larger [log] retention"));
  EXPECT_EQ(last_gap().state, "open");
  close();
}

}  // namespace
}  // namespace hindcast
