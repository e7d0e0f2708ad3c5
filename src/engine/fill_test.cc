#include "engine/fill.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

constexpr EventTime minute(int64_t n) { return event_time_ns(n * 60'000'000'000); }

Bucket bucket(int64_t at, int64_t price, int64_t trades) {
  Bucket out{.key = "BTC", .window = {minute(at), minute(at + 1)}, .resolution = 1min};
  out.state = BucketState::kFinal;
  out.events = static_cast<uint64_t>(trades);
  out.values = {{.kind = Value::Kind::kInt, .number = price},
                {.kind = Value::Kind::kInt, .number = price + 5},
                {.kind = Value::Kind::kInt, .number = trades}};
  return out;
}

BucketAnswer answer(std::vector<Bucket> buckets) {
  const Rule rule{"candles",
                  {{"low", FunctionKind::kMin, 0, -1},
                   {"close", FunctionKind::kLast, 0, -1},
                   {"trades", FunctionKind::kCount, -1, -1}}};
  return {.rule = rule, .buckets = std::move(buckets)};
}

/// As where no gap is known.
StandingFn closed_at(EventTime closed) {
  return [closed](const Bucket&, const Window& window) {
    return standing_of(window.end <= closed, false, {});
  };
}

std::string text(const Bucket& b) {
  return b.values[0].to_string() + " " + b.values[1].to_string() + " " + b.values[2].to_string();
}

// As exchanges draw them: a minute without trades is flat at the last close, with no trades.
TEST(FillTest, PreviousIsFlatAtTheLastClose) {
  BucketAnswer filled = answer({bucket(1, 10, 3), bucket(4, 20, 1)});
  fill_empty(filled, {.fill = Fill::kPrevious}, 1min, closed_at(minute(10)));
  ASSERT_EQ(filled.buckets.size(), 4U);
  EXPECT_EQ(text(filled.buckets[1]), "15 15 0");
  EXPECT_EQ(text(filled.buckets[2]), "15 15 0");
  EXPECT_TRUE(filled.buckets[1].filled);
  EXPECT_FALSE(filled.buckets[3].filled);
  EXPECT_EQ(text(filled.buckets[3]), "20 25 1");
}

// Nothing is known before the first bucket, so `previous` cannot begin earlier; zeros can.
TEST(FillTest, OnlyZerosReachBackToTheBeginningOfTheRange) {
  const BucketQuery zero{.from = minute(0), .to = minute(4), .fill = Fill::kZero};
  BucketAnswer filled = answer({bucket(2, 10, 3)});
  fill_empty(filled, zero, 1min, closed_at(minute(10)));
  ASSERT_EQ(filled.buckets.size(), 4U);
  EXPECT_EQ(text(filled.buckets[0]), "0 0 0");
  BucketQuery previous = zero;
  previous.fill = Fill::kPrevious;
  filled = answer({bucket(2, 10, 3)});
  fill_empty(filled, previous, 1min, closed_at(minute(10)));
  EXPECT_EQ(filled.buckets.size(), 2U);
}

// Law L4: a window whose events may still come is not final, however empty it is now.
TEST(FillTest, AWindowAheadOfTheFrontierIsOpen) {
  BucketAnswer filled = answer({bucket(1, 10, 3)});
  fill_empty(filled, {.to = minute(5), .fill = Fill::kZero}, 1min, closed_at(minute(3)));
  ASSERT_EQ(filled.buckets.size(), 4U);
  EXPECT_EQ(filled.buckets[1].state, BucketState::kFinal);
  EXPECT_EQ(filled.buckets[2].state, BucketState::kOpen);
  EXPECT_EQ(filled.buckets[3].state, BucketState::kOpen);
}

TEST(FillTest, AWideRangeEndsAtTheLimitAndSaysSo) {
  BucketAnswer filled = answer({bucket(1, 10, 3)});
  fill_empty(filled, {.to = minute(1'000'000'000), .fill = Fill::kZero, .limit = 10}, 1min,
             closed_at(minute(3)));
  EXPECT_EQ(filled.buckets.size(), 10U);
  EXPECT_TRUE(filled.truncated);
}

}  // namespace
}  // namespace hindcast
