#include "server/feed_clock.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

constexpr MonoTime kStart = MonoTime(Duration(77s));

TEST(FeedClockTest, ItGrowsWithRealTimeOnceItIsLetGo) {
  FeedClock clock(1000, 10);
  EXPECT_EQ(clock.at(kStart + 5s), 1000);
  clock.pause(false, kStart);
  EXPECT_EQ(clock.at(kStart + 5s), 1050);
}

TEST(FeedClockTest, PausesLoseNothing) {
  FeedClock clock(0, 10);
  clock.pause(false, kStart);
  clock.pause(true, kStart + 1s);
  EXPECT_EQ(clock.at(kStart + 9s), 10);
  clock.pause(false, kStart + 9s);
  EXPECT_EQ(clock.at(kStart + 10s), 20);
  clock.set(5000, kStart + 11s);
  EXPECT_EQ(clock.at(kStart + 12s), 5010);
}

TEST(FeedClockTest, ItNeverLeavesTheRangeOfTimes) {
  FeedClock clock(2'000'000'000'000'000'000, 1e18);
  clock.pause(false, kStart);
  EXPECT_EQ(clock.at(kStart + 1000h), 6'000'000'000'000'000'000);
}

}  // namespace
}  // namespace hindcast
