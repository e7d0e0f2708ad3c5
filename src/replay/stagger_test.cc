// Starts of sources that come back together, in literal times.
#include "replay/stagger.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

constexpr MonoTime kStart{Duration{5'000'000'000'000}};

TEST(StaggerTest, EightSourcesThatReturnAtOnceStartOneASlot) {
  Stagger stagger(42, 5s);
  for (uint32_t i = 0; i < 8; ++i) {
    const Duration start = stagger.start_of(SourceId{i}, kStart) - kStart;
    EXPECT_GE(start, i * 5s);
    EXPECT_LT(start, i * 5s + 2500ms);
  }
}

TEST(StaggerTest, ASourceThatReturnsAloneWaitsForNobody) {
  Stagger stagger(42, 5s);
  EXPECT_LT(stagger.start_of(SourceId{1}, kStart) - kStart, 2500ms);
  EXPECT_LT(stagger.start_of(SourceId{2}, kStart + 1h) - (kStart + 1h), 2500ms);
}

TEST(StaggerTest, SourcesThatTrickleInStillKeepTheirDistance) {
  Stagger stagger(42, 5s);
  MonoTime before = MonoTime{};
  for (uint32_t i = 0; i < 20; ++i) {
    const MonoTime start = stagger.start_of(SourceId{i}, kStart + i * 1s);
    EXPECT_GE(start - before, 2500ms);
    before = start;
  }
}

TEST(StaggerTest, ZeroMeansNoStagger) {
  Stagger stagger(42, 0s);
  EXPECT_EQ(stagger.start_of(SourceId{1}, kStart), kStart);
  EXPECT_EQ(stagger.start_of(SourceId{2}, kStart), kStart);
}

TEST(StaggerTest, ProcessesWithDifferentSeedsDoNotMeetAtOneHistory) {
  Stagger one(1, 5s), other(2, 5s), again(1, 5s);
  const MonoTime start = one.start_of(SourceId{1}, kStart);
  EXPECT_EQ(again.start_of(SourceId{1}, kStart), start);
  EXPECT_NE(other.start_of(SourceId{1}, kStart), start);
}

TEST(StaggerTest, NoSourcesNeedNoStarts) { EXPECT_TRUE(stagger(42, {}, 5s, 1min).empty()); }

}  // namespace
}  // namespace hindcast
