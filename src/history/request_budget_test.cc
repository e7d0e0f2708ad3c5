#include "history/request_budget.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

constexpr MonoTime kStart{};

TEST(RequestBudgetTest, RequestsAreSpread) {
  RequestBudget budget(2, 1);
  EXPECT_EQ(budget.take(kStart), std::nullopt);
  EXPECT_EQ(budget.take(kStart), 400ms);  // 100 ms are owed from before
  EXPECT_EQ(budget.take(kStart + 399ms), 1ms);
  EXPECT_EQ(budget.take(kStart + 400ms), std::nullopt);
  EXPECT_EQ(budget.take(kStart + 400ms), 500ms);
}

TEST(RequestBudgetTest, AHeavyRequestTakesMore) {
  RequestBudget budget(10, 20);
  EXPECT_EQ(budget.take(kStart), std::nullopt);
  EXPECT_EQ(budget.take(kStart), 1900ms);
}

// After a night without replays an API must not get the night's requests at once.
TEST(RequestBudgetTest, IdleTimeIsNotOwed) {
  RequestBudget budget(10, 1);
  EXPECT_EQ(budget.take(kStart), std::nullopt);
  int taken = 0;
  while (!budget.take(kStart + 10h)) ++taken;
  EXPECT_LE(taken, 2);
}

TEST(RequestBudgetTest, WakingLateLosesNothing) {
  RequestBudget budget(1000, 1);
  int taken = 0;
  for (MonoTime now = kStart; now < kStart + 1s; now += 7ms) {
    while (!budget.take(now)) ++taken;
  }
  EXPECT_NEAR(taken, 1000, 110);
}

TEST(RequestBudgetTest, APauseIsKeptAndTheLongerOneCounts) {
  RequestBudget budget(1000, 1);
  budget.pause_until(kStart + 5s);
  budget.pause_until(kStart + 3s);
  EXPECT_EQ(budget.take(kStart), 5s);
  EXPECT_EQ(budget.take(kStart + 5s), std::nullopt);
}

}  // namespace
}  // namespace hindcast
