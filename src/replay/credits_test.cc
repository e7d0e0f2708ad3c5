// A link of the chain of backpressure, in literal bytes and times.
#include "replay/credits.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

constexpr MonoTime kStart{Duration{5'000'000'000'000}};

TEST(CreditsTest, AFullLinkRefusesUntilSomethingIsGivenBack) {
  Credits link(100_KiB);
  EXPECT_TRUE(link.try_take(1, 60_KiB, kStart));
  EXPECT_FALSE(link.try_take(1, 60_KiB, kStart));
  EXPECT_EQ(link.used(), 60_KiB);
  link.give_back(60_KiB);
  EXPECT_TRUE(link.try_take(1, 60_KiB, kStart));
}

// Law L7: a bound smaller than one batch slows a lane, it does not stop it.
TEST(CreditsTest, ARequestBeyondTheBoundPassesWhenTheLinkIsEmpty) {
  Credits link(100_KiB);
  EXPECT_TRUE(link.try_take(1, 1_MiB, kStart));
  EXPECT_FALSE(link.try_take(2, ByteCount{1}, kStart));
  link.give_back(1_MiB);
  EXPECT_TRUE(link.try_take(2, 1_MiB, kStart));
}

TEST(CreditsTest, ALargeRequestIsNotOvertakenBySmallOnesForEver) {
  Credits link(100_KiB);
  EXPECT_TRUE(link.try_take(1, 10_KiB, kStart));
  EXPECT_FALSE(link.try_take(2, 95_KiB, kStart));
  EXPECT_FALSE(link.try_take(3, 10_KiB, kStart));  // would fit, but 2 was first
  link.give_back(10_KiB);
  EXPECT_FALSE(link.try_take(3, 10_KiB, kStart));
  EXPECT_TRUE(link.try_take(2, 95_KiB, kStart));
  EXPECT_EQ(link.waiting(), 1u);
}

TEST(CreditsTest, ACancelledTakerMakesRoomInTheLine) {
  Credits link(100_KiB);
  EXPECT_TRUE(link.try_take(1, 100_KiB, kStart));
  EXPECT_FALSE(link.try_take(2, 100_KiB, kStart));
  EXPECT_FALSE(link.try_take(3, 50_KiB, kStart));
  link.give_back(50_KiB);
  link.leave(2, kStart + 1s);
  link.leave(7, kStart + 1s);  // never waited
  EXPECT_TRUE(link.try_take(3, 50_KiB, kStart + 1s));
}

TEST(CreditsTest, BlockedTimeIsFromTheFirstRefusalToTheLastGrant) {
  Credits link(100_KiB);
  EXPECT_EQ(link.blocked_since(), std::nullopt);
  EXPECT_TRUE(link.try_take(1, 100_KiB, kStart));
  EXPECT_FALSE(link.try_take(2, 10_KiB, kStart + 1s));
  EXPECT_FALSE(link.try_take(3, 10_KiB, kStart + 2s));
  EXPECT_EQ(link.blocked_since(), kStart + 1s);
  link.give_back(100_KiB);
  EXPECT_TRUE(link.try_take(2, 10_KiB, kStart + 4s));
  EXPECT_EQ(link.blocked_since(), kStart + 1s);
  EXPECT_TRUE(link.try_take(3, 10_KiB, kStart + 5s));
  EXPECT_EQ(link.blocked_since(), std::nullopt);
  EXPECT_EQ(link.blocked(kStart + 60s), 4s);
  EXPECT_EQ(link.blocked(kStart), 4s);  // a clock that steps back takes nothing away
}

TEST(CreditsTest, ASmallerBoundRefusesUntilItIsKept) {
  Credits link(100_KiB);
  EXPECT_TRUE(link.try_take(1, 80_KiB, kStart));
  link.set_max(50_KiB);
  EXPECT_FALSE(link.try_take(1, ByteCount{1}, kStart));
  link.give_back(40_KiB);
  EXPECT_TRUE(link.try_take(1, 10_KiB, kStart));
  EXPECT_EQ(link.used(), link.max());
}

TEST(CreditsTest, GivingBackMoreThanWasTakenIsABug) {
  Credits link(100_KiB);
  EXPECT_TRUE(link.try_take(1, 1_KiB, kStart));
  EXPECT_DEATH(link.give_back(2_KiB), "bytes <= used_");
}

}  // namespace
}  // namespace hindcast
