#include "replay/gap_leases.h"

#include <gtest/gtest.h>

#include "log/memory_log.h"

namespace hindcast {
namespace {

constexpr PartitionId kLeft{1}, kRight{2};

/// A log that frees what is settled at once, unless it is leased.
class GapLeasesTest : public ::testing::Test {
 protected:
  Position append(PartitionId partition, size_t bytes = 1) {
    Position at;
    log_.append(
        Channel::kLive,
        {{{.partition = partition, .kind = RecordKind::kEvents, .events = 1}, Bytes(bytes, 'x')}},
        [&](const auto& positions) { at = positions.value()[0]; });
    newest_ = at;
    return at;
  }
  /// All is settled.
  void settle() {
    for (const PartitionId partition : {kLeft, kRight})
      ASSERT_TRUE(log_.trim(partition, Channel::kLive, {newest_.hi, newest_.lo + 1}));
  }
  size_t records(PartitionId partition) {
    return log_.read(partition, Channel::kLive, {}, 1_MiB)->records.size();
  }

  MemoryLog log_{{.retention = 64_KiB}};
  GapLeases leases_{log_, "trades"};
  Position newest_;
};

TEST_F(GapLeasesTest, WhatAGapNeedsStaysUntilItNeedsItNoMore) {
  append(kLeft);
  const Position second = append(kLeft);
  const Position third = append(kLeft);
  append(kRight);
  leases_.follow({{1, kLeft, third}, {1, kLeft, second}});
  settle();
  EXPECT_EQ(records(kLeft), 2U) << "the lower of its needs";
  EXPECT_EQ(records(kRight), 0U);
  leases_.follow({{1, kLeft, third}});
  EXPECT_EQ(records(kLeft), 1U) << "a part of it is filled";
  leases_.follow({});
  EXPECT_EQ(records(kLeft), 0U) << "all of it is";
}

TEST_F(GapLeasesTest, EachGapHoldsForItself) {
  const Position first = append(kLeft);
  const Position second = append(kLeft);
  leases_.follow({{1, kLeft, first}, {2, kLeft, second}});
  settle();
  EXPECT_EQ(records(kLeft), 2U);
  leases_.follow({{2, kLeft, second}});
  EXPECT_EQ(records(kLeft), 1U);
}

TEST_F(GapLeasesTest, AGapThatIsFoundLateHoldsWhatIsLeft) {
  const Position first = append(kLeft);
  settle();
  append(kLeft);
  leases_.follow({{1, kLeft, first}});
  settle();
  EXPECT_EQ(records(kLeft), 1U);
}

// Live needs the space: it has it, once and for all.
TEST_F(GapLeasesTest, ABrokenLeaseIsNotTakenAgain) {
  const Position first = append(kLeft, 30 << 10);
  leases_.follow({{1, kLeft, first}});
  for (int i = 0; i < 3; ++i) {
    settle();
    for (int n = 0; n < 3; ++n) append(kRight, 30 << 10);
    leases_.follow({{1, kLeft, first}});
  }
  EXPECT_EQ(records(kLeft), 0U);
  EXPECT_EQ(log_.stats(Channel::kLive).broken_leases, 1U);
  settle();
  append(kLeft);
  leases_.follow({{1, kLeft, first}});
  settle();
  EXPECT_EQ(records(kLeft), 0U);
}

}  // namespace
}  // namespace hindcast
