// The age of a queue from two counters, within one interval between looks.
#include "replay/queue_age.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

constexpr MonoTime kStart{1h};

TEST(QueueAgeTest, AnEmptyQueueHasNoAge) {
  QueueAge age;
  EXPECT_EQ(age.observe(0, 0, kStart), 0s);
  EXPECT_EQ(age.observe(100, 100, kStart + 1s), 0s);
}

TEST(QueueAgeTest, ItGrowsWhileNothingIsApplied) {
  QueueAge age;
  age.observe(100, 0, kStart);
  EXPECT_EQ(age.observe(100, 0, kStart + 2s), 2s);
  EXPECT_EQ(age.observe(300, 99, kStart + 3s), 3s);
  EXPECT_EQ(age.observe(300, 100, kStart + 4s), 1s);  // those of the third second are the oldest
  EXPECT_EQ(age.observe(300, 300, kStart + 5s), 0s);
}

TEST(QueueAgeTest, AQueueThatMovesIsAsOldAsItsHead) {
  QueueAge age;
  for (int64_t i = 0; i < 1'000; ++i) {
    const auto appended = static_cast<uint64_t>(i * 10);
    const Duration at =
        age.observe(appended, appended >= 50 ? appended - 50 : 0, kStart + i * 50ms);
    EXPECT_LE(at, 250ms);
    EXPECT_GE(at, i > 10 ? 200ms : 0ms);
  }
}

}  // namespace
}  // namespace hindcast
