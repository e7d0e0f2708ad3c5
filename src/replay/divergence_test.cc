// Storms and forecasts, on a backlog of literal speed.
#include "replay/divergence.h"

#include <gtest/gtest.h>

#include <functional>

namespace hindcast {
namespace {

constexpr MonoTime kStart{Duration{5'000'000'000'000}};

/// A backlog that changes by so many event-seconds a second, at 1,000 events each.
class Observed {
 public:
  explicit Observed(double event_seconds) : left_(event_seconds) {}

  void run(Duration time, double speed, bool chosen = false) {
    run(
        time, [&](Duration) { return speed; }, chosen);
  }
  void run(Duration time, const std::function<double(Duration)>& speed, bool chosen = false) {
    for (const MonoTime end = now + time; now < end; now += 50ms) {
      left_ += speed(now - kStart) * 0.05;
      divergence.observe(backlog(), chosen, now);
    }
  }
  Backlog backlog() const {
    return {Duration(static_cast<int64_t>(left_ * 1e9)), static_cast<uint64_t>(left_ * 1'000)};
  }

  Divergence divergence{1h};
  MonoTime now = kStart;

 private:
  double left_;
};

TEST(DivergenceTest, ABacklogThatGrowsForThreeMinutesIsAStorm) {
  Observed lane(3'600);
  lane.run(175s, 0.5);
  EXPECT_FALSE(lane.divergence.storm());
  lane.run(10s, 0.5);
  ASSERT_TRUE(lane.divergence.storm());
  // Half an event-second per second too slow, and 3,690 of them are to be gone within an hour.
  EXPECT_NEAR(lane.divergence.storm()->missing_speed, 0.5 + 3'690.0 / 3'600, 0.01);
  EXPECT_NEAR(static_cast<double>(lane.divergence.storm()->missing_events), 1'525, 10);
}

TEST(DivergenceTest, OneLargeNewJobIsNotAStorm) {
  Observed lane(3'600);
  lane.run(60s, -1);
  lane.run(1s, 100'000);
  lane.run(10min, -1);
  EXPECT_FALSE(lane.divergence.storm());
}

TEST(DivergenceTest, ABacklogThatGrowsInTwoWindowsOfThreeIsNotAStorm) {
  Observed lane(3'600);
  for (int i = 0; i < 5; ++i) {
    lane.run(100s, 0.5);
    lane.run(60s, -1);
  }
  EXPECT_FALSE(lane.divergence.storm());
}

// An operator who set the rate to a trickle knows why the backlog grows.
TEST(DivergenceTest, ABacklogThatGrowsByChoiceIsNotAStorm) {
  Observed lane(3'600);
  lane.run(10min, 1, true);
  EXPECT_FALSE(lane.divergence.storm());
  lane.run(185s, 1, false);
  EXPECT_TRUE(lane.divergence.storm());
}

TEST(DivergenceTest, AMomentAtTheRateLimitDoesNotHideAStorm) {
  Observed lane(3'600);
  for (int minute = 0; minute < 4; ++minute) {
    lane.run(55s, 1, false);
    lane.run(5s, 1, true);
  }
  EXPECT_TRUE(lane.divergence.storm());
}

TEST(DivergenceTest, AStormIsOverWhenTheBacklogShrinks) {
  Observed lane(3'600);
  lane.run(200s, 1);
  ASSERT_TRUE(lane.divergence.storm());
  lane.run(70s, -0.5);
  EXPECT_FALSE(lane.divergence.storm());
}

TEST(DivergenceTest, AStormIsOverWhenTheReplayIsPaused) {
  Observed lane(3'600);
  lane.run(200s, 1);
  ASSERT_TRUE(lane.divergence.storm());
  lane.run(50s, 1, true);
  EXPECT_FALSE(lane.divergence.storm());
}

TEST(DivergenceTest, AfterASilenceOldWindowsCountNoMore) {
  Observed lane(3'600);
  lane.run(150s, 1);
  lane.now += 1min;
  lane.run(100s, 1);
  EXPECT_FALSE(lane.divergence.storm());
}

TEST(DivergenceTest, AShorterTargetNeedsMoreCapacity) {
  Observed lane(3'600);
  lane.divergence.set_target(10min);
  lane.run(200s, 0.5);
  EXPECT_NEAR(lane.divergence.storm()->missing_speed, 0.5 + 3'700.0 / 600, 0.02);
}

TEST(DivergenceTest, AnUnknownNumberOfEventsIsNotInvented) {
  Divergence divergence(1h);
  for (int i = 0; i < 200; ++i) divergence.observe({1h + i * 1s, 0}, false, kStart + i * 1s);
  ASSERT_TRUE(divergence.storm());
  EXPECT_EQ(divergence.storm()->missing_events, 0u);
}

TEST(EtaTest, ASteadyReplayHasAForecast) {
  Observed lane(3'600);
  lane.run(65s, -2);
  const Eta eta = lane.divergence.eta().value();
  EXPECT_NEAR(std::chrono::duration<double>(eta.left).count(), 1'735, 1);
  EXPECT_LE(eta.earliest, eta.left);
  EXPECT_GE(eta.latest, eta.left);
  EXPECT_LT(eta.latest - eta.earliest, 30s);
}

TEST(EtaTest, NothingIsSaidInTheFirstHalfMinute) {
  Observed lane(3'600);
  lane.run(25s, -2);
  EXPECT_FALSE(lane.divergence.eta());
  lane.run(10s, -2);
  EXPECT_TRUE(lane.divergence.eta());
}

TEST(EtaTest, AReplayThatStoodStillForTwentySecondsHasNoForecast) {
  Observed lane(3'600);
  lane.run(65s, -2);
  lane.run(20s, 0);
  EXPECT_FALSE(lane.divergence.eta());
}

TEST(EtaTest, AnUnsteadyReplayHasAWideForecastOrNone) {
  Observed lane(36'000);
  lane.run(65s, [](Duration t) { return t < 40s ? -1.0 : -2.0; });
  const Eta eta = lane.divergence.eta().value();
  EXPECT_GT(eta.latest, eta.earliest * 19 / 10);
  Observed wild(36'000);
  wild.run(65s, [](Duration t) { return t < 40s ? -1.0 : -4.0; });
  EXPECT_FALSE(wild.divergence.eta());
}

TEST(EtaTest, AGrowingOrEmptyBacklogHasNoForecast) {
  Observed growing(3'600);
  growing.run(65s, 0.1);
  EXPECT_FALSE(growing.divergence.eta());
  Observed empty(0);
  empty.run(65s, 0);
  EXPECT_FALSE(empty.divergence.eta());
}

}  // namespace
}  // namespace hindcast
