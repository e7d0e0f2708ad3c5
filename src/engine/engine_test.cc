#include "engine/engine.h"

#include <sched.h>

#include <filesystem>
#include <thread>

#include "base/host.h"
#include "engine/engine_test_util.h"

namespace hindcast {
namespace {

class EngineTest : public EngineFixture {};

// What was pushed is visible before any watermark passes, as open, in every resolution.
TEST_F(EngineTest, OpenBucketsShowProvisionalValues) {
  open();
  EXPECT_EQ(push(trade(1, kNoon, "10.00", "1") + trade(2, kNoon + 1, "11.50", "2")).accepted, 2U);
  engine_->wait_drained();
  for (const Duration resolution : {Duration(1min), Duration(5min)}) {
    const auto open_buckets = buckets(resolution);
    ASSERT_EQ(open_buckets.size(), 1U);
    EXPECT_EQ(open_buckets[0].state, BucketState::kOpen);
    EXPECT_EQ(values(open_buckets[0]), "10 11.5 2 3");
  }
}

// The heartbeat closes minute and rollup; a redelivery counts as duplicate and changes nothing.
TEST_F(EngineTest, HeartbeatFinalizesAndRedeliveryChangesNothing) {
  open();
  const std::string body = trade(1, kNoon, "10", "1") + trade(2, kNoon + kMinute, "12", "2");
  push(body);
  push(body);
  heartbeat(kNoon + 5 * kMinute);
  const auto minutes = buckets(1min);
  ASSERT_EQ(minutes.size(), 2U);
  EXPECT_EQ(minutes[0].state, BucketState::kFinal);
  EXPECT_EQ(values(minutes[1]), "12 12 1 2");
  const auto rolled = buckets(5min);
  ASSERT_EQ(rolled.size(), 1U);
  EXPECT_EQ(rolled[0].state, BucketState::kFinal);
  EXPECT_EQ(values(rolled[0]), "10 12 2 3");
  EXPECT_EQ(rolled[0].digest, minutes[0].digest + minutes[1].digest);
  const SystemStatus status = engine_->status();
  EXPECT_EQ(status.sources[0].tallies, (Tallies{.aggregated = 2, .duplicate = 2}));
  EXPECT_TRUE(status.sources[0].balanced());
}

// A late event is a new version of a final bucket, and its rollup follows.
TEST_F(EngineTest, LateEventMakesANewVersionOfBucketAndRollup) {
  open();
  push(trade(1, kNoon, "10", "1"));
  heartbeat(kNoon + 5 * kMinute);
  const Version before = buckets(1min)[0].version;
  push(trade(2, kNoon + 10, "9", "1"));
  engine_->wait_drained();
  const auto after = buckets(1min);
  EXPECT_GT(after[0].version, before);
  EXPECT_EQ(after[0].cause.kind, Cause::Kind::kLate);
  EXPECT_EQ(values(after[0]), "10 9 2 2");
  EXPECT_EQ(values(buckets(5min)[0]), values(after[0]));
  EXPECT_EQ(engine_->status().sources[0].late, 1U);
}

/// The scheduler's policy of a thread of this process, once it has its name.
int policy_of(const std::string& wanted) {
  while (true) {
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
      if (read_host_file(task.path().string() + "/comm", 100).value_or("") == wanted + "\n")
        return ::sched_getscheduler(std::stoi(task.path().filename())) & ~SCHED_RESET_ON_FORK;
    }
    std::this_thread::yield();
  }
}

// Live goes first, a replay gets what is left, and whoever live waits for is neither.
TEST_F(EngineTest, EachThreadIsInItsClass) {
  open();
  engine_->wait_drained();
  // Each worker enters its class itself, after it has its name; the status tells of the first.
  while (engine_->status().isolation.replay != Scheduling::kIdle ||
         policy_of("replay-0") != SCHED_IDLE)
    std::this_thread::yield();
  const IsolationStatus status = engine_->status().isolation;
  EXPECT_EQ(status.kind, "threads");
  const int live = status.live == Scheduling::kFifo ? SCHED_FIFO : SCHED_OTHER;
  EXPECT_EQ(policy_of("shard-00"), live);
  EXPECT_EQ(policy_of("log-live"), live);
  EXPECT_EQ(policy_of("replay-0"), SCHED_IDLE);
  for (const char* normal : {"store-commit", "store-replay", "replay-floor", "back", "reads"})
    EXPECT_EQ(policy_of(normal), SCHED_OTHER) << normal;
}

// An orderly stop and a new start show the same buckets and tallies, open ones too.
TEST_F(EngineTest, RestartChangesNothing) {
  open();
  push(trade(1, kNoon, "10", "1") + "not json\n" + trade(2, kNoon + 3 * kMinute, "12", "2"));
  heartbeat(kNoon + 2 * kMinute);
  const auto before = buckets(1min);
  const Tallies tallies = engine_->status().sources[0].tallies;
  close();
  open();
  const auto after = buckets(1min);
  ASSERT_EQ(after.size(), before.size());
  for (size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(after[i].state, before[i].state);
    EXPECT_EQ(after[i].digest, before[i].digest);
    EXPECT_EQ(values(after[i]), values(before[i]));
  }
  const SourceStatus source = engine_->status().sources[0];
  EXPECT_EQ(source.tallies, tallies);
  EXPECT_EQ(source.received, 3U);
  EXPECT_TRUE(source.balanced());
  EXPECT_EQ(engine_->verify({}).value().differences_total, 0U);
}

TEST_F(EngineTest, RejectedLinesAreNamedAndKeptAsDeadLetters) {
  open();
  const PushResult result = push(trade(1, kNoon, "10", "1") + trade(2, kNoon, "\"ten\"", "1"));
  EXPECT_EQ(result.accepted, 1U);
  ASSERT_EQ(result.rejected.size(), 1U);
  EXPECT_EQ(result.rejected[0].line, 2U);
  engine_->wait_drained();
  const auto letters = engine_->dead_letters({}).value();
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0].source, "trades");
  EXPECT_EQ(engine_->status().sources[0].tallies.dead_lettered, 1U);
}

// What the governor of replay judges live by: an append that was acknowledged was measured.
TEST_F(EngineTest, WhatLiveWaitsForIsMeasured) {
  open();
  push(trade(1, kNoon, "10", "1"));
  heartbeat(kNoon + 5 * kMinute);
  push(trade(2, kNoon + 6 * kMinute, "10", "1"));
  heartbeat(kNoon + 10 * kMinute);
  const LiveLatencies all = engine_->live_latencies(Engine::Since::kStart);
  EXPECT_EQ(all.apply.count(), 2U);
  EXPECT_GE(all.seal.count(), 1U);
  EXPECT_GE(all.commit.count(), all.seal.count());
}

TEST_F(EngineTest, UnknownNamesAreAnsweredWithTheNearest) {
  open();
  const auto answer = engine_->buckets({.aggregate = "candels"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kNotFound);
  EXPECT_NE(answer.error().message.find("candles"), std::string::npos);
}

}  // namespace
}  // namespace hindcast
