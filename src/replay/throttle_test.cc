// The buckets of all kinds of work together, in literal times.
#include "replay/throttle.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

constexpr MonoTime kStart{Duration{5'000'000'000'000}};
constexpr Work kEventsOnly{1'000, kNoLimit, kNoLimit, kNoLimit};

TEST(ThrottleTest, NothingPassesBeforeTheFirstSpeed) {
  Throttle throttle(kStart);
  EXPECT_FALSE(throttle.try_take({.events = 1}, kStart + 1h));
  EXPECT_EQ(throttle.ready_at({.events = 1}, kStart), MonoTime::max());
}

TEST(ThrottleTest, ABatchTenTimesTheBurstPassesAndIsPaidOff) {
  Throttle throttle(kStart);
  throttle.set(kEventsOnly, kStart);
  const MonoTime full = kStart + 250ms;
  EXPECT_TRUE(throttle.try_take({.events = 2'500}, full));
  EXPECT_FALSE(throttle.try_take({.events = 1}, full + 2250ms));
  EXPECT_EQ(throttle.ready_at({.events = 2'500}, full), full + 2500ms);
  EXPECT_TRUE(throttle.try_take({.events = 2'500}, full + 2500ms));
}

TEST(ThrottleTest, TheScarcestKindDecides) {
  Throttle throttle(kStart);
  throttle.set({1'000, 1'000'000, kNoLimit, 4}, kStart);
  const MonoTime full = kStart + 1s;
  EXPECT_TRUE(throttle.try_take({.events = 10, .requests = 1}, full));
  EXPECT_FALSE(throttle.try_take({.events = 10, .requests = 1}, full + 249ms));
  EXPECT_TRUE(throttle.try_take({.events = 10, .requests = 1}, full + 250ms));
}

// How large an answer is, is known when it is there.
TEST(ThrottleTest, BytesThatWereReadHoldTheNextEvents) {
  Throttle throttle(kStart);
  throttle.set({1'000, 1'000'000, kNoLimit, kNoLimit}, kStart);
  throttle.charge({.bytes = 3'000'000}, kStart + 1s);
  EXPECT_FALSE(throttle.try_take({.events = 1}, kStart + 3s));
  EXPECT_EQ(throttle.ready_at({.events = 1}, kStart + 1s), kStart + 1s + 2750ms);
}

TEST(ThrottleTest, AStopPaysNoDebtAndFillsNoBucket) {
  Throttle throttle(kStart);
  throttle.set(kEventsOnly, kStart);
  EXPECT_TRUE(throttle.try_take({.events = 10'000}, kStart + 1s));
  throttle.set({}, kStart + 1s);
  EXPECT_FALSE(throttle.try_take({.events = 1}, kStart + 1h));
  throttle.set(kEventsOnly, kStart + 1s + 100s);
  EXPECT_GE(throttle.ready_at({.events = 1}, kStart + 101s), kStart + 101s + 9s);
}

TEST(ThrottleTest, ALimitThatIsTakenAwayHoldsNobody) {
  Throttle throttle(kStart);
  throttle.set({1'000, 10, kNoLimit, kNoLimit}, kStart);
  throttle.charge({.bytes = 1'000'000}, kStart);
  throttle.set(kEventsOnly, kStart + 1s);
  EXPECT_TRUE(throttle.try_take({.events = 100, .bytes = 1'000'000}, kStart + 1s));
}

TEST(ThrottleTest, SpeedsBeyondWhatABucketCountsAreCut) {
  Throttle throttle(kStart);
  throttle.set({uint64_t{1} << 60, kNoLimit, 0, 0}, kStart);
  EXPECT_TRUE(throttle.try_take({.events = 1'000'000}, kStart + 1s));
}

}  // namespace
}  // namespace hindcast
