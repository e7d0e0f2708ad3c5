// Limits as people write them, and what a restart makes of changed ones.
#include "replay/limits_text.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

TEST(LimitsTextTest, WhatIsShownCanBeSet) {
  Limits limits;
  limits.bytes = RateLimit{.per_second = 1'000'000};
  limits.stagger = 90s;
  Limits again;
  again.events = {.per_second = 7};
  for (const auto& [name, text] : describe(limits)) {
    if (text.empty()) continue;
    EXPECT_TRUE(set_limit(again, name, text).has_value()) << name << text;
  }
  EXPECT_EQ(describe(again), describe(limits));
}

TEST(LimitsTextTest, ErrorsNameTheLimitAndTheFix) {
  Limits limits;
  EXPECT_EQ(set_limit(limits, "rat", "25%").error().message,
            "no limit 'rat' (did you mean 'rate'?)");
  EXPECT_EQ(set_limit(limits, "rate", "fast").error().message,
            "rate: \"fast\" is no rate, which is like \"50000/s\", or \"25%\" of capacity");
  EXPECT_EQ(set_limit(limits, "subwindows_at_once", "0").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(set_limit(limits, "live_p99", "soon").error().message.substr(0, 9), "live_p99:");
  EXPECT_EQ(describe(limits), describe(Limits()));
}

TEST(LimitChangesTest, AllOrNothing) {
  LimitChanges changes;
  const Limits configured;
  EXPECT_FALSE(changes.change(configured, {{"floor", "5%"}, {"rate", "fast"}}).has_value());
  EXPECT_EQ(describe(changes.apply(configured)), describe(configured));
}

TEST(LimitChangesTest, AChangeOutlivesARestartUntilItIsTakenBack) {
  LimitChanges changes;
  const Limits configured;
  ASSERT_TRUE(changes.change(configured, {{"rate", "50%"}, {"bytes_rate", "1000/s"}}));
  LimitChanges again = LimitChanges::decode(changes.encode()).value();
  EXPECT_EQ(again.apply(configured).events.share, 0.5);
  EXPECT_EQ(again.apply(configured).bytes->per_second, 1'000u);
  ASSERT_TRUE(again.change(configured, {{"rate", ""}}));
  EXPECT_EQ(again.apply(configured).events.share, 0.25);
  EXPECT_EQ(again.apply(configured).bytes->per_second, 1'000u);
}

// Whoever edits the file and restarts expects that it acts.
TEST(LimitChangesTest, TheNewestWordCounts) {
  LimitChanges changes;
  Limits configured;
  ASSERT_TRUE(changes.change(configured, {{"rate", "50%"}}));
  configured.events.share = 0.75;
  EXPECT_EQ(changes.apply(configured).events.share, 0.75);
}

TEST(LimitChangesTest, GarbageIsRefused) {
  EXPECT_FALSE(LimitChanges::decode("limits 2").has_value());
  EXPECT_FALSE(LimitChanges::decode("limits 1\nrate").has_value());
  EXPECT_FALSE(LimitChanges::decode("limits 1\nrate\t25%").has_value());
  EXPECT_TRUE(LimitChanges::decode("limits 1").has_value());
}

}  // namespace
}  // namespace hindcast
