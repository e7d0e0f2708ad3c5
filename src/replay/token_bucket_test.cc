// The ceiling, in literal times.
#include "replay/token_bucket.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

constexpr MonoTime kStart{Duration{5'000'000'000'000}};

TokenBucket bucket_of(uint64_t rate, uint64_t burst) {
  return TokenBucket::create({.rate = rate, .burst = burst}, kStart).value();
}

// A lane that idled for an hour may burst once, then settles to the sustained rate. Without the
// cap, a source that reconnects after an outage is owed the whole outage at once: a replay storm.
TEST(TokenBucketTest, IdleTimeIsNeverOwedBeyondOneBurst) {
  TokenBucket bucket = bucket_of(1'000, 500);
  const MonoTime reconnect = kStart + 1h;
  EXPECT_TRUE(bucket.try_take(500, reconnect));
  EXPECT_FALSE(bucket.try_take(1, reconnect));
  EXPECT_EQ(bucket.ready_at(100, reconnect), reconnect + 100ms);
}

// A limit smaller than one batch must slow a lane, not stop it.
TEST(TokenBucketTest, ARequestBeyondTheBurstPassesAndIsPaidOff) {
  TokenBucket bucket = bucket_of(1'000, 500);
  EXPECT_TRUE(bucket.try_take(10'000, kStart));
  EXPECT_FALSE(bucket.try_take(1, kStart + 9s));
  EXPECT_EQ(bucket.ready_at(500, kStart), kStart + 10s);
  EXPECT_EQ(bucket.ready_at(10'000, kStart), kStart + 10s);
  EXPECT_TRUE(bucket.try_take(10'000, kStart + 10s));
}

TEST(TokenBucketTest, ARequestBeyondTheBurstWaitsForAFullBucket) {
  TokenBucket bucket = bucket_of(1'000, 500);
  EXPECT_TRUE(bucket.try_take(1, kStart));
  EXPECT_FALSE(bucket.try_take(501, kStart));
  EXPECT_EQ(bucket.ready_at(501, kStart), kStart + 1ms);
}

TEST(TokenBucketTest, ARefusedRequestCostsNothing) {
  TokenBucket bucket = bucket_of(1'000, 500);
  EXPECT_TRUE(bucket.try_take(400, kStart));
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(bucket.try_take(200, kStart));
  EXPECT_TRUE(bucket.try_take(100, kStart));
}

TEST(TokenBucketTest, AClockThatStepsBackNeitherGrantsNorForfeits) {
  TokenBucket bucket = bucket_of(1'000, 500);
  EXPECT_TRUE(bucket.try_take(500, kStart + 10s));
  EXPECT_FALSE(bucket.try_take(1, kStart));
  EXPECT_FALSE(bucket.try_take(500, kStart + 10s + 499ms));
  EXPECT_TRUE(bucket.try_take(500, kStart + 10s + 500ms));
}

TEST(TokenBucketTest, AnotherRateCountsFromNowOn) {
  TokenBucket bucket = bucket_of(1'000, 1'000);
  EXPECT_TRUE(bucket.try_take(3'000, kStart));
  bucket.set({.rate = 100, .burst = 1'000}, kStart + 1s).value();
  EXPECT_EQ(bucket.ready_at(1'000, kStart + 1s), kStart + 21s);  // a debt of 2,000 is left
}

// Else asking for the same limit again and again would be a way around it.
TEST(TokenBucketTest, ALargerBurstIsFilledAtTheRateNotAtOnce) {
  TokenBucket bucket = bucket_of(1'000, 500);
  EXPECT_TRUE(bucket.try_take(500, kStart));
  bucket.set({.rate = 1'000, .burst = 2'000}, kStart).value();
  EXPECT_FALSE(bucket.try_take(1, kStart));
  EXPECT_EQ(bucket.ready_at(2'000, kStart), kStart + 2s);
}

TEST(TokenBucketTest, ASmallerBurstCutsWhatIsThere) {
  TokenBucket bucket = bucket_of(1'000, 500);
  bucket.set({.rate = 1'000, .burst = 50}, kStart).value();
  EXPECT_TRUE(bucket.try_take(50, kStart));
  EXPECT_FALSE(bucket.try_take(1, kStart));
}

// A governor sets the speed twenty times a second. Whatever it rounds away each time must not add
// up to a lane that stands still.
TEST(TokenBucketTest, ManySmallChangesOfASlowRateLoseNothing) {
  TokenBucket bucket = bucket_of(10, 1);
  EXPECT_TRUE(bucket.try_take(100, kStart));
  MonoTime now = kStart;
  for (uint64_t i = 0; i < 198; ++i)
    bucket.set({.rate = 10 + i % 2, .burst = 1}, now += 50ms).value();
  EXPECT_FALSE(bucket.try_take(1, kStart + 9s));
  EXPECT_TRUE(bucket.try_take(1, kStart + 10s));
}

// What a request has cost is known when it was answered.
TEST(TokenBucketTest, WhatWasSpentAlreadyIsPaidOffLikeADebt) {
  TokenBucket bucket = bucket_of(1'000, 500);
  bucket.charge(400, kStart);
  EXPECT_TRUE(bucket.try_take(100, kStart));
  bucket.charge(3'000, kStart);
  EXPECT_FALSE(bucket.try_take(0, kStart + 2s));
  EXPECT_EQ(bucket.ready_at(500, kStart), kStart + 3500ms);
}

TEST(TokenBucketTest, OutOfRangeNamesTheOption) {
  const auto refusal = [](uint64_t rate, uint64_t burst) {
    const auto bucket = TokenBucket::create({.rate = rate, .burst = burst}, kStart);
    return bucket ? "accepted" : bucket.error().message.substr(0, 5);
  };
  EXPECT_EQ(refusal(0, 1), "rate ");
  EXPECT_EQ(refusal((uint64_t{1} << 40) + 1, 1), "rate ");
  EXPECT_EQ(refusal(1, 0), "burst");
  TokenBucket bucket = bucket_of(1'000, 500);
  EXPECT_FALSE(bucket.set({.rate = 0, .burst = 500}, kStart).has_value());
  EXPECT_EQ(bucket.options().rate, 1'000u);
}

TEST(TokenBucketTest, TheLargestDebtDoesNotOverflow) {
  TokenBucket bucket = bucket_of(1, 1);
  EXPECT_TRUE(bucket.try_take(UINT64_MAX, kStart));
  EXPECT_GT(bucket.ready_at(1, kStart), kStart + std::chrono::hours(24 * 365 * 99));
  bucket.set({.rate = uint64_t{1} << 40, .burst = 1}, kStart).value();
  EXPECT_GT(bucket.ready_at(1, kStart), kStart);
}

}  // namespace
}  // namespace hindcast
