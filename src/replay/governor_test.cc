// The governor as a whole, with signals as literals and twenty ticks a second.
#include "replay/governor.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

constexpr MonoTime kStart{Duration{5'000'000'000'000}};

/// Ceiling 100,000 a second, floor 2,000; what is allowed is done.
class GovernorTest : public testing::Test {
 protected:
  GovernorTest() {
    limits.events = {.per_second = 100'000};
    limits.floor = {.per_second = 2'000};
    signals.capacity = {400'000, 40'000'000, 400, 40};
    governor.set(limits).value();
  }
  const Allowance& tick() {
    signals.done.events = allowance.per_second.events / 20;
    return allowance = governor.tick(signals, now += Governor::kTick);
  }
  const Allowance& run(Duration time) {
    for (Duration t{}; t < time; t += Governor::kTick) tick();
    return allowance;
  }

  Limits limits;
  Signals signals;
  Governor governor = Governor::create(Limits()).value();
  Allowance allowance;
  MonoTime now = kStart;
};

TEST_F(GovernorTest, WithoutPressureTheDeliberateRateHoldsAndIsTheReason) {
  run(15s);
  EXPECT_EQ(allowance.per_second, (Work{100'000, kNoLimit, kNoLimit, kNoLimit}));
  EXPECT_EQ(allowance.binding, Reason::kRate);
  EXPECT_EQ(allowance.subwindows, limits.subwindows_at_once);
  EXPECT_FALSE(allowance.ramping);
}

TEST_F(GovernorTest, AShareIsOfMeasuredCapacityOfEachKind) {
  limits.events = {.share = 0.5};
  limits.bytes = {.share = 0.25};
  limits.store_ops = {.per_second = 7};
  limits.requests = {.share = 0.5};
  governor.set(limits).value();
  EXPECT_EQ(run(15s).per_second, (Work{200'000, 10'000'000, 7, 20}));
}

TEST_F(GovernorTest, AllLimitsChangeWhileItRuns) {
  run(15s);
  limits.events = {.per_second = 5'000};
  limits.subwindows_at_once = 8;
  governor.set(limits).value();
  EXPECT_EQ(tick().per_second.events, 5'000u);
  EXPECT_EQ(allowance.subwindows, 8);
}

TEST_F(GovernorTest, LimitsThatMakeNoSenseChangeNothing) {
  Limits bad = limits;
  bad.live_p99 = 0s;
  EXPECT_EQ(governor.set(bad).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(governor.limits().live_p99, limits.live_p99);
  EXPECT_FALSE(Governor::create(bad).has_value());
}

TEST_F(GovernorTest, LiveThatSuffersHoldsReplayAndIsTheReason) {
  run(1min);
  signals.live_apply = {30ms, 1'000};
  EXPECT_NEAR(static_cast<double>(tick().per_second.events), 100'000 / 1.5, 1'000);
  EXPECT_EQ(allowance.binding, Reason::kLiveLatency);
}

// Laws L6 and L7: live takes everything but the floor. What presses can still be seen.
TEST_F(GovernorTest, UnderAnyPressureTheFloorIsLeft) {
  signals.live_apply = {10s, 1'000};
  run(1min);
  EXPECT_EQ(allowance.per_second.events, 2'000u);
  EXPECT_EQ(allowance.binding, Reason::kFloor);
  EXPECT_EQ(allowance.pressure.reason, Reason::kLiveLatency);
  EXPECT_EQ(allowance.subwindows, 1);
}

TEST_F(GovernorTest, AFloorAboveTheCeilingIsTheCeiling) {
  limits.floor = {.per_second = 1'000'000};
  governor.set(limits).value();
  signals.live_apply = {10s, 1'000};
  EXPECT_EQ(tick().per_second.events, 100'000u);
  EXPECT_EQ(allowance.binding, Reason::kRate);
}

TEST_F(GovernorTest, AStoppedStoreStopsReplayEvenBelowTheFloorAndIsNamed) {
  run(15s);
  signals.store.stopped = true;
  EXPECT_EQ(tick().per_second.events, 0u);
  EXPECT_EQ(allowance.subwindows, 0);
  EXPECT_EQ(allowance.binding, Reason::kStore);
  EXPECT_EQ(allowance.limit, Reason::kStore);
  run(30s);
  signals.store.stopped = false;
  EXPECT_EQ(tick().per_second.events, 10'000u);
  EXPECT_TRUE(allowance.ramping);
  EXPECT_EQ(allowance.binding, Reason::kStore);
  EXPECT_EQ(run(10s).per_second.events, 100'000u);
  EXPECT_EQ(allowance.binding, Reason::kRate);
}

TEST_F(GovernorTest, MemoryAtItsBoundStopsReplayAndIsNamed) {
  run(15s);
  signals.memory = limits.memory_max;
  EXPECT_EQ(tick().per_second.events, 0u);
  EXPECT_EQ(allowance.binding, Reason::kMemory);
  signals.memory = ByteCount{limits.memory_max.value / 100 * 95};
  EXPECT_EQ(tick().per_second.events, 0u);
  signals.memory = {};
  EXPECT_GT(tick().per_second.events, 0u);
}

TEST_F(GovernorTest, MemoryNearItsBoundLeavesOneSubwindow) {
  run(15s);
  signals.memory = ByteCount{limits.memory_max.value / 100 * 85};
  EXPECT_EQ(tick().subwindows, 1);
  EXPECT_EQ(allowance.binding, Reason::kMemory);
}

TEST_F(GovernorTest, NobodyWhoWantsToRunIsASchedule) {
  run(15s);
  signals.running = false;
  EXPECT_EQ(tick().per_second.events, 0u);
  EXPECT_EQ(allowance.binding, Reason::kSchedule);
  run(1min);
  signals.running = true;
  EXPECT_TRUE(tick().ramping);
  EXPECT_EQ(allowance.per_second.events, 10'000u);
  EXPECT_EQ(allowance.binding, Reason::kRate);
}

// "Slow because of the rate" would send the operator to raise a limit that holds nobody.
TEST_F(GovernorTest, WhenNobodyWaitsForAllowanceTheReasonIsWhatTheyWaitFor) {
  run(15s);
  signals.throttled = false;
  signals.otherwise = Reason::kReader;
  EXPECT_EQ(tick().binding, Reason::kReader);
  EXPECT_EQ(allowance.limit, Reason::kRate);
}

TEST_F(GovernorTest, AWorkerWithoutACpuIsSeenAfterTenSeconds) {
  run(15s);
  signals.throttled = false;
  signals.otherwise = Reason::kCompute;
  for (int i = 0; i < 210; ++i) {
    signals.done = {};
    allowance = governor.tick(signals, now += Governor::kTick);
  }
  EXPECT_TRUE(allowance.starved);
  signals.throttled = true;
  EXPECT_FALSE(tick().starved);
}

/// Three minutes in which the backlog grows by half a second per second, with a store that presses
/// a little.
class StormTest : public GovernorTest {
 protected:
  StormTest() {
    limits.l0_files = 100;
    governor.set(limits).value();
    signals.backlog = {1h, 3'600'000};
    signals.throttled = false;
    signals.otherwise = Reason::kStore;
    grow(15s);
    signals.store.l0_files = 150;
    grow(50ms);
    signals.store.l0_files = 95;
    grow(4min);
  }
  void grow(Duration time) {
    for (Duration t{}; t < time; t += Governor::kTick) {
      signals.backlog.event_time += Governor::kTick / 2;
      tick();
    }
  }
};

TEST_F(StormTest, SaysHowMuchCapacityIsMissing) {
  ASSERT_TRUE(allowance.storm);
  EXPECT_NEAR(allowance.storm->missing_speed, 0.5 + 1.036, 0.01);
}

TEST_F(StormTest, FreezesWhatPressesAndThawsWhenNothingHasForAMinute) {
  ASSERT_TRUE(allowance.storm);
  const uint64_t before = allowance.per_second.events;
  signals.store.l0_files = 50;
  grow(55s);
  EXPECT_EQ(allowance.per_second.events, before);
  grow(10s);
  ASSERT_TRUE(allowance.storm);
  EXPECT_GT(allowance.per_second.events, before);
}

TEST_F(StormTest, IsNotCalledWhereTheRateWasChosen) {
  signals.throttled = true;
  signals.store.l0_files = 0;
  grow(5min);
  EXPECT_EQ(allowance.binding, Reason::kRate);
  EXPECT_FALSE(allowance.storm);
}

}  // namespace
}  // namespace hindcast
