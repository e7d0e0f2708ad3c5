#include "replay/fair_pair.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

using Side = FairPair::Side;
constexpr MonoTime kNow{1h};

TEST(FairPairTest, WhoIsAloneNeverWaits) {
  FairPair pair;
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(pair.may_take(Side::kLate, kNow));
    pair.took(Side::kLate, 1'000, kNow);
  }
}

TEST(FairPairTest, WhileBothWaitTheOneThatHadLessIsNext) {
  FairPair pair;
  pair.waits(Side::kJobs, kNow);
  pair.waits(Side::kLate, kNow);
  pair.took(Side::kJobs, 10, kNow);
  pair.waits(Side::kJobs, kNow);
  EXPECT_FALSE(pair.may_take(Side::kJobs, kNow));
  EXPECT_TRUE(pair.may_take(Side::kLate, kNow));
  pair.took(Side::kLate, 4, kNow);
  pair.waits(Side::kLate, kNow);
  EXPECT_FALSE(pair.may_take(Side::kJobs, kNow)) << "ten against four";
}

// A job that was cancelled must not hold what is left.
TEST(FairPairTest, WhoDoesNotAskAgainIsForgotten) {
  FairPair pair;
  pair.waits(Side::kJobs, kNow);
  pair.waits(Side::kLate, kNow);
  pair.took(Side::kLate, 10, kNow);
  EXPECT_FALSE(pair.may_take(Side::kLate, kNow));
  EXPECT_TRUE(pair.may_take(Side::kLate, kNow + FairPair::kWaits));
}

// The one that takes little at a time is away for its commit after each.
TEST(FairPairTest, ACommitTakesNoCredit) {
  FairPair pair;
  pair.took(Side::kLate, 10, kNow);
  pair.took(Side::kJobs, 1'000, kNow);
  pair.waits(Side::kLate, kNow + 1s);
  pair.took(Side::kLate, 10, kNow + 1s);
  pair.waits(Side::kLate, kNow + 2s);
  EXPECT_FALSE(pair.may_take(Side::kJobs, kNow + 2s));
}

TEST(FairPairTest, WhoComesBackHasNoCreditButKeepsItsDebt) {
  FairPair pair;
  pair.took(Side::kJobs, 1'000'000, kNow);  // alone
  pair.waits(Side::kLate, kNow);
  pair.waits(Side::kJobs, kNow);
  EXPECT_TRUE(pair.may_take(Side::kJobs, kNow)) << "late events get no million in advance";
  pair.took(Side::kJobs, 10, kNow);
  const MonoTime later = kNow + FairPair::kAway;
  pair.waits(Side::kLate, later);
  pair.waits(Side::kJobs, later);
  EXPECT_TRUE(pair.may_take(Side::kLate, later));
}

}  // namespace
}  // namespace hindcast
