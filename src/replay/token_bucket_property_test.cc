// Random requests under a clock that may step back: the three invariants of the header.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

#include "replay/token_bucket.h"

namespace hindcast {
namespace {

struct Grant {
  MonoTime at;
  uint64_t cost;
};

RC_GTEST_PROP(TokenBucketPropertyTest, NoIntervalGetsMoreThanBurstRateAndOneRequest, ()) {
  const uint64_t rate = *rc::gen::inRange<uint64_t>(1, 5'000);
  const uint64_t burst = *rc::gen::inRange<uint64_t>(1, 2'000);
  MonoTime now{Duration{1'000'000'000'000}};
  TokenBucket bucket = TokenBucket::create({rate, burst}, now).value();
  std::vector<Grant> grants;
  uint64_t largest = 0;
  for (int steps = *rc::gen::inRange(1, 80); steps > 0; --steps) {
    now += Duration(*rc::gen::inRange<int64_t>(0, 900'000'000));
    const uint64_t cost = *rc::gen::inRange<uint64_t>(0, 3'000);
    if (!bucket.try_take(cost, now)) continue;
    grants.push_back({now, cost});
    largest = std::max(largest, cost);
  }
  for (size_t first = 0; first < grants.size(); ++first) {
    uint64_t granted = 0;
    for (size_t last = first; last < grants.size(); ++last) {
      granted += grants[last].cost;
      const auto elapsed = static_cast<uint64_t>((grants[last].at - grants[first].at).count());
      RC_ASSERT(granted * 1'000'000'000 <=
                (burst + largest) * uint64_t{1'000'000'000} + rate * elapsed);
    }
  }
}

// A time that was ready before stays ready when the clock went back in between, and none becomes
// ready by it.
RC_GTEST_PROP(TokenBucketPropertyTest, SteppingBackChangesNothing, ()) {
  const TokenBucketOptions options{*rc::gen::inRange<uint64_t>(1, 5'000),
                                   *rc::gen::inRange<uint64_t>(1, 2'000)};
  const MonoTime start{Duration{1'000'000'000'000}};
  TokenBucket steady = TokenBucket::create(options, start).value(), stepping = steady;
  MonoTime now = start;
  for (int steps = *rc::gen::inRange(1, 60); steps > 0; --steps) {
    now += Duration(*rc::gen::inRange<int64_t>(0, 900'000'000));
    const uint64_t cost = *rc::gen::inRange<uint64_t>(1, 3'000);
    RC_ASSERT(stepping.try_take(cost, now) == steady.try_take(cost, now));
    const MonoTime before = now - Duration(*rc::gen::inRange<int64_t>(1, 5'000'000'000));
    const MonoTime ready_now = stepping.ready_at(cost, now);
    RC_ASSERT(std::max(stepping.ready_at(cost, before), now) == ready_now);
    if (ready_now > now) RC_ASSERT(!stepping.try_take(cost, before));
  }
}

// Law L7: whoever waits until ready_at() is served then, and not before.
RC_GTEST_PROP(TokenBucketPropertyTest, EveryRequestIsServedExactlyWhenItIsReady, ()) {
  MonoTime now{Duration{1'000'000'000'000}};
  const auto options = [] {
    return TokenBucketOptions{*rc::gen::inRange<uint64_t>(1, 5'000),
                              *rc::gen::inRange<uint64_t>(1, 2'000)};
  };
  TokenBucket bucket = TokenBucket::create(options(), now).value();
  for (int steps = *rc::gen::inRange(1, 60); steps > 0; --steps) {
    if (*rc::gen::inRange(0, 5) == 0) {
      const MonoTime one = bucket.ready_at(1, now);
      bucket.set(options(), now).value();
      if (one > now) RC_ASSERT(bucket.ready_at(1, now) > now);
    }
    const uint64_t cost = *rc::gen::inRange<uint64_t>(0, 10'000);
    const MonoTime ready = bucket.ready_at(cost, now);
    if (ready > now) RC_ASSERT(!bucket.try_take(cost, ready - 1ns));
    now = ready;
    RC_ASSERT(bucket.try_take(cost, now));
  }
}

}  // namespace
}  // namespace hindcast
