// Latencies over the last five seconds, in literal times.
#include "replay/quantiles.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace hindcast {
namespace {

constexpr MonoTime kStart{Duration{5'000'000'000'000}};

LatencyCounts counts_at(const LatencyWindow& window, MonoTime now) {
  LatencyCounts counts;
  window.add_to(counts, now);
  return counts;
}

TEST(QuantilesTest, OnePercentOfSlowAppliesShowsInP999NotInP99) {
  LatencyWindow window;
  for (int i = 0; i < 990; ++i) window.record(1ms, kStart);
  for (int i = 0; i < 10; ++i) window.record(80ms, kStart);
  const LatencyCounts counts = counts_at(window, kStart);
  EXPECT_EQ(counts.count(), 1'000u);
  EXPECT_LE(counts.quantile(0.5), 1'032us);
  EXPECT_LE(counts.quantile(0.99), 1'032us);
  EXPECT_GE(counts.quantile(0.999), 80ms);
}

// A gate that reads too small a number lets live suffer; one that reads a little too large is only
// careful.
TEST(QuantilesTest, AQuantileIsNeverTooSmallAndAtMostAThirtySecondTooLarge) {
  for (int64_t nanos = 1; nanos < (int64_t{1} << 40); nanos = nanos + nanos / 7 + 1) {
    const int64_t shown =
        LatencyCounts::upper_end(LatencyCounts::bucket_of(Duration(nanos))).count();
    ASSERT_GE(shown, nanos);
    ASSERT_LE(shown - nanos, nanos / 32);
  }
}

TEST(QuantilesTest, EveryBucketEndsWhereTheNextBegins) {
  for (size_t bucket = 0; bucket < LatencyCounts::kBuckets; ++bucket) {
    const Duration end = LatencyCounts::upper_end(bucket);
    ASSERT_EQ(LatencyCounts::bucket_of(end), bucket);
    if (bucket + 1 == LatencyCounts::kBuckets) break;
    ASSERT_EQ(LatencyCounts::bucket_of(end + 1ns), bucket + 1);
  }
}

TEST(QuantilesTest, AbsurdLatenciesAreCountedAtTheEnds) {
  LatencyWindow window;
  window.record(-5ms, kStart);
  window.record(std::chrono::hours(100), kStart);
  const LatencyCounts counts = counts_at(window, kStart);
  EXPECT_EQ(counts.quantile(0.5), 0ns);
  EXPECT_EQ(counts.quantile(1), Duration((int64_t{1} << 40) - 1));
}

TEST(QuantilesTest, AValueIsForgottenAfterFiveSeconds) {
  LatencyWindow window;
  window.record(80ms, kStart);
  window.record(1ms, kStart + 4s);
  EXPECT_EQ(counts_at(window, kStart + 4s + 499ms).count(), 2u);
  EXPECT_EQ(counts_at(window, kStart + 5s).count(), 1u);
}

// A lane that is idle records nothing; its last values must not be held against replay for ever.
TEST(QuantilesTest, NothingIsLeftOfALaneThatFellSilent) {
  LatencyWindow window;
  for (int i = 0; i < 1'000; ++i) window.record(80ms, kStart);
  EXPECT_EQ(counts_at(window, kStart + 10s).count(), 0u);
  EXPECT_EQ(counts_at(window, kStart + 10s).quantile(0.99), 0ns);
}

TEST(QuantilesTest, ASlotIsUsedAgainAfterARoundWithoutItsOldCounts) {
  LatencyWindow window;
  for (int half_second = 0; half_second < 35; ++half_second)
    window.record(1ms, kStart + half_second * 500ms);
  EXPECT_EQ(counts_at(window, kStart + 34 * 500ms).count(), 10u);
}

TEST(QuantilesTest, AClockThatStepsBackLosesNothing) {
  LatencyWindow window;
  window.record(1ms, kStart + 2s);
  window.record(2ms, kStart);
  EXPECT_EQ(counts_at(window, kStart + 2s).count(), 2u);
}

TEST(QuantilesTest, TimesBeforeZeroWorkToo) {
  LatencyWindow window;
  window.record(1ms, MonoTime(-250ms));
  window.record(1ms, MonoTime(250ms));
  EXPECT_EQ(counts_at(window, MonoTime(250ms)).count(), 2u);
  EXPECT_EQ(counts_at(window, MonoTime(4'750ms)).count(), 1u);
}

TEST(QuantilesTest, ShardsAddUp) {
  LatencyWindow first, second;
  for (int i = 0; i < 99; ++i) first.record(1ms, kStart);
  second.record(80ms, kStart);
  LatencyCounts both = counts_at(first, kStart);
  both += counts_at(second, kStart);
  EXPECT_EQ(both.count(), 100u);
  EXPECT_LE(both.quantile(0.99), 1'032us);
  EXPECT_GE(both.quantile(1), 80ms);
}

// The governor reads while the shard records. What it reads is whole slots only.
TEST(QuantilesTest, AReaderBesideTheRecorderNeverSeesMoreThanWasRecorded) {
  const auto window = std::make_unique<LatencyWindow>();
  constexpr int kPerStep = 200;
  std::thread recorder([&] {
    for (int step = 0; step < 2'000; ++step)
      for (int i = 0; i < kPerStep; ++i) window->record(1ms, kStart + step * 500ms);
  });
  for (int i = 0; i < 2'000; ++i) {
    const LatencyCounts counts = counts_at(*window, kStart + i * 500ms);
    ASSERT_LE(counts.count(), LatencyWindow::kSlots * size_t{kPerStep});
  }
  recorder.join();
}

}  // namespace
}  // namespace hindcast
