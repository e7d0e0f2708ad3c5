// Measured capacity, in literal work.
#include "replay/capacity.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/hex_test_util.h"

namespace hindcast {
namespace {

/// A worker that merges a million events and reads 80 MB in two busy seconds.
void work_for(Capacity& capacity, int subwindows) {
  for (int i = 0; i < subwindows; ++i)
    capacity.add({.events = 50'000, .bytes = 4'000'000, .store_ops = 20, .requests = 1},
                 {.reader = 20ms, .compute = 60ms, .store = 20ms});
}

TEST(CapacityTest, IsWorkByBusySecondsTimesWorkers) {
  Capacity capacity;
  work_for(capacity, 5'000);
  EXPECT_NEAR(static_cast<double>(capacity.per_second(1).events), 500'000, 5'000);
  EXPECT_NEAR(static_cast<double>(capacity.per_second(4).events), 2'000'000, 20'000);
  EXPECT_NEAR(static_cast<double>(capacity.per_second(1).bytes), 40e6, 4e5);
  EXPECT_NEAR(static_cast<double>(capacity.per_second(1).store_ops), 200, 2);
  EXPECT_NEAR(static_cast<double>(capacity.per_second(1).requests), 10, 1);
}

TEST(CapacityTest, IsSaneBeforeTheFirstMeasurement) {
  const Work guess = Capacity().per_second(2);
  EXPECT_GE(guess.events, 10'000u);
  EXPECT_LE(guess.events, 1'000'000u);
  Capacity idle;
  idle.add({}, {});
  EXPECT_EQ(idle, Capacity());
}

TEST(CapacityTest, AfterTenBusySecondsTheMeasurementSpeaks) {
  Capacity capacity;
  work_for(capacity, 100);
  EXPECT_NEAR(static_cast<double>(capacity.per_second(1).events), 500'000, 50'000);
}

// A store that became ten times slower is known within minutes of work, not within days.
TEST(CapacityTest, FollowsWithinAFewHalfLives) {
  Capacity capacity;
  work_for(capacity, 5'000);
  for (int i = 0; i < 150; ++i)
    capacity.add({.events = 50'000}, {.reader = 100ms, .compute = 300ms, .store = 600ms});
  EXPECT_LT(capacity.per_second(1).events, 70'000u);
}

TEST(CapacityTest, AnIdlePathIsStillOnePerSecond) {
  Capacity capacity;
  capacity.add({}, {.store = std::chrono::hours(1)});
  EXPECT_EQ(capacity.per_second(1).requests, 1u);
}

TEST(CapacityTest, NegativeTimeIsNoTime) {
  Capacity capacity;
  capacity.add({}, {.compute = -5s});
  EXPECT_EQ(capacity, Capacity());
}

TEST(CapacityTest, SurvivesARestart) {
  Capacity capacity;
  work_for(capacity, 50);
  EXPECT_EQ(Capacity::decode(capacity.encode()).value(), capacity);
}

// docs/formats/replay.md
TEST(CapacityTest, TheBytesAreThoseOfTheDescription) {
  EXPECT_EQ(Capacity().encode(),
            test::from_hex("01 00000000006a0841 00000000d0127341 0000000000006940"
                           "0000000000003440 000000000000f03f"));
}

TEST(CapacityTest, DamagedBytesAreRefused) {
  const Bytes good = Capacity().encode();
  const auto with = [&](double work, double busy) {
    Bytes bytes = good;
    bytes.replace(1, 8, reinterpret_cast<const char*>(&work), 8);
    bytes.replace(33, 8, reinterpret_cast<const char*>(&busy), 8);
    return bytes;
  };
  EXPECT_TRUE(Capacity::decode(with(5, 5)).has_value());
  Bytes version = good;
  version[0] = 9;
  for (const Bytes& bad : {Bytes(), good.substr(1), good + "x", version, with(5, 0), with(-1, 1),
                           with(1e300, 1), with(std::numeric_limits<double>::quiet_NaN(), 1),
                           with(1, std::numeric_limits<double>::infinity())})
    EXPECT_EQ(Capacity::decode(bad).error().code, ErrorCode::kCorruption);
}

}  // namespace
}  // namespace hindcast
