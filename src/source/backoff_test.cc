#include "source/backoff.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

/// The longest of many waits that the n-th attempt may have to take.
Duration longest(int attempt) {
  Duration out{};
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Rng rng(seed);
    Backoff backoff(100ms, 1s);
    for (int i = 0; i < attempt; ++i) backoff.next(rng);
    out = std::max(out, backoff.next(rng));
  }
  return out;
}

TEST(BackoffTest, TheBoundDoublesUpToTheLargest) {
  const Duration bounds[] = {100ms, 200ms, 400ms, 800ms, 1s, 1s};
  for (int attempt = 0; attempt < 6; ++attempt) {
    EXPECT_LE(longest(attempt), bounds[attempt]);
    EXPECT_GT(longest(attempt), bounds[attempt] * 9 / 10);
  }
}

TEST(BackoffTest, ResetBeginsAtTheSmallest) {
  Rng rng(1);
  Backoff backoff(100ms, 1h);
  for (int i = 0; i < 100; ++i) EXPECT_LE(backoff.next(rng), 1h);
  backoff.reset();
  EXPECT_LE(backoff.next(rng), 100ms);
}

}  // namespace
}  // namespace hindcast
