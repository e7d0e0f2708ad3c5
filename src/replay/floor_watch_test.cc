// Whether the floor is kept in fact.
#include "replay/floor_watch.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

constexpr MonoTime kStart{Duration{5'000'000'000'000}};

/// Twenty ticks a second of `done` events each, at a floor of 1,000 a second.
MonoTime run(FloorWatch& watch, MonoTime from, Duration time, uint64_t done, bool at_work = true) {
  for (const MonoTime end = from + time; from < end; from += 50ms)
    watch.tick(done, 1'000, at_work, from);
  return from;
}

TEST(FloorWatchTest, TenSecondsBelowTheFloorWithoutACpuAreSeen) {
  FloorWatch watch;
  MonoTime now = run(watch, kStart, 9900ms, 10);
  EXPECT_FALSE(watch.starved());
  now = run(watch, now, 200ms, 10);
  EXPECT_TRUE(watch.starved());
  run(watch, now, 11s, 60);
  EXPECT_FALSE(watch.starved());
}

TEST(FloorWatchTest, AWorkerThatWaitsForSomethingElseIsNotStarved) {
  FloorWatch watch;
  const MonoTime now = run(watch, kStart, 20s, 0, false);
  EXPECT_FALSE(watch.starved());
  run(watch, now, 11s, 0);
  EXPECT_TRUE(watch.starved());
  watch.tick(0, 1'000, false, now + 12s);
  EXPECT_FALSE(watch.starved());
}

TEST(FloorWatchTest, WorkInLumpsCountsOverTheTenSeconds) {
  FloorWatch watch;
  const MonoTime now = run(watch, kStart, 9s, 0);
  watch.tick(11'000, 1'000, true, now);
  run(watch, now + 50ms, 2s, 0);
  EXPECT_FALSE(watch.starved());
}

}  // namespace
}  // namespace hindcast
