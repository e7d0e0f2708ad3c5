#include "engine/live_latency.h"

#include <gtest/gtest.h>

#include <memory>

namespace hindcast {
namespace {

constexpr MonoTime kStart{1h};
constexpr Position at(uint64_t record) { return {0, record}; }

class AppendTimesTest : public testing::Test {
 protected:
  LatencyCounts seen() const {
    LatencyCounts counts;
    latency_->add_all_to(counts);
    return counts;
  }
  const std::unique_ptr<AppendTimes> times_ = std::make_unique<AppendTimes>();
  const std::unique_ptr<LatencyMeter> latency_ = std::make_unique<LatencyMeter>();
};

TEST_F(AppendTimesTest, AnAppendCountsOnceItsLastRecordIsApplied) {
  times_->given(at(3), kStart);
  times_->applied(at(2), kStart + 1ms, *latency_);
  EXPECT_EQ(seen().count(), 0U);
  times_->applied(at(3), kStart + 4ms, *latency_);
  EXPECT_EQ(seen().count(), 1U);
  EXPECT_GE(seen().quantile(1), 4ms);
  times_->applied(at(9), kStart + 1s, *latency_);
  EXPECT_EQ(seen().count(), 1U);
}

// The lane may read a record before the log has answered its append. What comes after it an hour
// later must not make that append one that took an hour.
TEST_F(AppendTimesTest, AnAppendThatIsAnsweredAfterItWasAppliedTookUntilItWasApplied) {
  times_->applied(at(3), kStart + 2ms, *latency_);
  times_->given(at(3), kStart);
  times_->applied(at(4), kStart + 1h, *latency_);
  EXPECT_EQ(seen().count(), 1U);
  EXPECT_LT(seen().quantile(1), 3ms);
}

TEST_F(AppendTimesTest, ALaneFarBehindLosesTheNewestTimesNotTheOldest) {
  for (uint64_t i = 1; i <= AppendTimes::kMax + 100; ++i) times_->given(at(i), kStart + i * 1us);
  times_->applied(at(AppendTimes::kMax + 100), kStart + 10s, *latency_);
  EXPECT_EQ(seen().count(), AppendTimes::kMax);
  EXPECT_GE(seen().quantile(1), 10s - 1us);
  times_->given(at(5'000), kStart + 20s);
  times_->applied(at(5'000), kStart + 21s, *latency_);
  EXPECT_EQ(seen().count(), AppendTimes::kMax + 1);
}

}  // namespace
}  // namespace hindcast
