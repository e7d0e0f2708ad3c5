// The controller alone: pressures as literals, twenty ticks a second.
#include "replay/valve.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

constexpr double kFloor = 2'000, kCeiling = 100'000;

/// A valve and what is done at it: as much as it allows.
struct Driven {
  Valve valve;
  MonoTime now{Duration{5'000'000'000'000}};
  double done = 0, ceiling = kCeiling;
  bool frozen = false;
  void tick(double pressure, Reason reason = Reason::kLiveLatency) {
    now += 50ms;
    valve.tick({{reason, pressure}, kFloor, ceiling, done > 0 ? done : valve.rate(), frozen}, now);
  }
  void ticks(Duration time, double pressure, Reason reason = Reason::kLiveLatency) {
    for (Duration t{}; t < time; t += 50ms) tick(pressure, reason);
  }
};

Driven open_valve() {
  Driven run;
  run.ticks(10s, 0);
  return run;
}

TEST(ValveTest, AStartIsARampFromATenthToTheCeilingWithinTenSeconds) {
  Driven run;
  run.tick(0);
  EXPECT_NEAR(run.valve.rate(), kCeiling / 10, 1);
  EXPECT_TRUE(run.valve.ramping());
  run.ticks(3s, 0);
  EXPECT_LT(run.valve.rate(), kCeiling / 3);
  run.ticks(7s, 0);
  EXPECT_EQ(run.valve.rate(), kCeiling);
  EXPECT_FALSE(run.valve.ramping());
  EXPECT_EQ(run.valve.cause(), Reason::kRate);
}

TEST(ValveTest, ItClosesInTheTickInWhichPressureReachesItsTarget) {
  Driven run = open_valve();
  run.tick(1);
  EXPECT_DOUBLE_EQ(run.valve.rate(), kCeiling * 0.9);
  EXPECT_EQ(run.valve.cause(), Reason::kLiveLatency);
}

TEST(ValveTest, StrongPressureClosesItFurther) {
  Driven run = open_valve();
  run.tick(2);
  EXPECT_DOUBLE_EQ(run.valve.rate(), kCeiling / 2);
  Driven other = open_valve();
  other.tick(1'000);
  EXPECT_DOUBLE_EQ(other.valve.rate(), kCeiling * 0.3);
}

// The p99 that closed it looks back five seconds: without the hold, one bad second would be
// answered by a hundred cuts, down to the floor.
TEST(ValveTest, OneBadSecondIsAnsweredOnceWhileItIsStillInTheWindow) {
  Driven run = open_valve();
  run.ticks(4900ms, 1.2);
  EXPECT_NEAR(run.valve.rate(), kCeiling / 1.2, 1);
  run.ticks(200ms, 1.2);
  EXPECT_LT(run.valve.rate(), kCeiling / 1.2 / 1.1);
}

TEST(ValveTest, ClearlyWorseIsAnsweredWithinHalfASecond) {
  Driven run = open_valve();
  run.tick(1.2);
  run.ticks(450ms, 3);
  EXPECT_NEAR(run.valve.rate(), kCeiling / 1.2, 1);
  run.ticks(100ms, 3);
  EXPECT_NEAR(run.valve.rate(), kCeiling / 1.2 / 3, kCeiling / 100);
}

TEST(ValveTest, BetweenTheThresholdsItStays) {
  Driven run = open_valve();
  run.tick(1.5);
  const double rate = run.valve.rate();
  run.ticks(1min, 0.97);
  EXPECT_EQ(run.valve.rate(), rate);
}

TEST(ValveTest, ItOpensFastFarFromTheKneeAndSlowlyBesideIt) {
  Driven run = open_valve();
  run.tick(3);
  run.ticks(5s, 0.5);
  const auto growth = [&] {
    const double before = run.valve.rate();
    run.ticks(1s, 0.5);
    return run.valve.rate() / before;
  };
  EXPECT_GT(growth(), 1.15);
  while (run.valve.rate() < kCeiling * 0.97) run.tick(0.5);
  EXPECT_LT(growth(), 1.015);
}

TEST(ValveTest, ItOpensEverSlowerTheNearerPressureIsToItsTarget) {
  const auto growth = [](double pressure) {
    Driven run;
    run.tick(pressure);
    const double before = run.valve.rate();
    run.ticks(1s, pressure);
    return run.valve.rate() / before - 1;
  };
  EXPECT_DOUBLE_EQ(growth(0.8), growth(0));
  EXPECT_NEAR(growth(0.86), growth(0) / 2, 0.03);
  EXPECT_EQ(growth(0.92), 0);
}

// A knee that was met in bad times must not make good times slow.
TEST(ValveTest, AKneeThatHoldsNoLongerIsLeftBehindWithinAMinute) {
  Driven run = open_valve();
  run.tick(1'000);
  run.ticks(500ms, 1'000);
  run.ticks(15s, 1'000);
  EXPECT_LE(run.valve.rate(), kCeiling / 10);
  run.ticks(1min, 0);
  EXPECT_EQ(run.valve.rate(), kCeiling);
}

TEST(ValveTest, ItNeverGoesBelowTheFloor) {
  Driven run = open_valve();
  run.ticks(10min, 1'000);
  EXPECT_EQ(run.valve.rate(), kFloor);
}

// "50M/s" on a machine that does 100 k/s: the first cut must bite, not the tenth.
TEST(ValveTest, ItClosesFromWhatWasDoneNotFromWhatWasAllowed) {
  Driven run = open_valve();
  run.done = 40'000;
  run.tick(1.25);
  EXPECT_DOUBLE_EQ(run.valve.rate(), 32'000);
}

TEST(ValveTest, AMomentWithoutWorkDoesNotCloseItEntirely) {
  Driven run = open_valve();
  run.done = 1;
  run.tick(1);
  EXPECT_DOUBLE_EQ(run.valve.rate(), kCeiling * 0.3 * 0.9);
}

TEST(ValveTest, AStopClosesItAndARampFollowsToTheRateBefore) {
  Driven run = open_valve();
  run.tick(2);
  run.ticks(5s, 0.97);
  const double before = run.valve.rate();
  run.valve.stop(Reason::kStore);
  EXPECT_EQ(run.valve.rate(), 0);
  run.now += 30s;
  run.valve.stop(Reason::kStore);
  run.tick(0);
  EXPECT_DOUBLE_EQ(run.valve.rate(), before / 10);
  EXPECT_EQ(run.valve.cause(), Reason::kStore);
  run.ticks(9s, 0);
  EXPECT_FALSE(run.valve.ramping());
  EXPECT_GE(run.valve.rate(), before);
}

// What pressed before a stop of hours says nothing about now.
TEST(ValveTest, AStopForgetsWherePressureWasMet) {
  Driven run = open_valve();
  run.tick(2);
  run.valve.stop(Reason::kRate);
  run.now += 5h;
  run.ticks(15s, 0);
  EXPECT_EQ(run.valve.rate(), kCeiling);
}

TEST(ValveTest, AStopWithinARampDoesNotForgetTheRateBefore) {
  Driven run = open_valve();
  for (int i = 0; i < 5; ++i) {
    run.valve.stop(Reason::kStore);
    run.tick(0);
    EXPECT_DOUBLE_EQ(run.valve.rate(), kCeiling / 10);
  }
}

TEST(ValveTest, PressureEndsARamp) {
  Driven run;
  run.ticks(2s, 0);
  run.tick(1.1);
  EXPECT_FALSE(run.valve.ramping());
}

TEST(ValveTest, FrozenItClosesButDoesNotOpen) {
  Driven run = open_valve();
  run.frozen = true;
  run.tick(2);
  run.ticks(1min, 0);
  EXPECT_DOUBLE_EQ(run.valve.rate(), kCeiling / 2);
  run.tick(2);
  EXPECT_DOUBLE_EQ(run.valve.rate(), kCeiling / 4);
}

TEST(ValveTest, ALowerCeilingHoldsAtOnceAndAHigherOneIsApproached) {
  Driven run = open_valve();
  run.ceiling = 10'000;
  run.tick(0);
  EXPECT_EQ(run.valve.rate(), 10'000);
  run.ceiling = kCeiling;
  run.tick(0);
  EXPECT_LT(run.valve.rate(), 10'500);
  EXPECT_EQ(run.valve.cause(), Reason::kRate);
  run.ticks(15s, 0);
  EXPECT_EQ(run.valve.rate(), kCeiling);
}

TEST(ValveTest, AClockThatStepsBackOpensNothing) {
  Driven run;
  run.ticks(1s, 0);
  const double rate = run.valve.rate();
  run.now -= 10s;
  run.ticks(9s, 0);
  EXPECT_EQ(run.valve.rate(), rate);
}

}  // namespace
}  // namespace hindcast
