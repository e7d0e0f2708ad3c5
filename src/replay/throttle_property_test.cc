// Random speeds and requests: what is granted stays within what the speeds gave, and everything
// passes in the end.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "replay/throttle.h"

namespace hindcast {
namespace {

RC_GTEST_PROP(ThrottlePropertyTest, GrantsAreBoundedBySpeedsOneBurstAndOneRequest, ()) {
  const MonoTime start{Duration{1'000'000'000'000}};
  MonoTime now = start;
  Throttle throttle(now);
  double given = 0;  // by the speeds
  uint64_t granted = 0, largest = 0, fastest = 0, speed = 0;
  for (int steps = *rc::gen::inRange(1, 200); steps > 0; --steps) {
    const Duration step(*rc::gen::inRange<int64_t>(0, 300'000'000));
    given += static_cast<double>(speed) * std::chrono::duration<double>(step).count();
    now += step;
    if (*rc::gen::inRange(0, 3) == 0) {
      speed = *rc::gen::inRange(0, 4) == 0 ? 0 : *rc::gen::inRange<uint64_t>(1, 5'000);
      fastest = std::max(fastest, speed);
      throttle.set({speed, kNoLimit, kNoLimit, kNoLimit}, now);
    }
    const uint64_t cost = *rc::gen::inRange<uint64_t>(1, 3'000);
    if (!throttle.try_take({.events = cost}, now)) continue;
    RC_ASSERT(speed > 0);
    granted += cost;
    largest = std::max(largest, cost);
  }
  // A stopped bucket still fills by a token a second.
  const double slack = std::chrono::duration<double>(now - start).count() + 2;
  RC_ASSERT(static_cast<double>(granted) <=
            given + static_cast<double>(fastest / 4 + largest) + slack);
}

// Law L7.
RC_GTEST_PROP(ThrottlePropertyTest, WhoWaitsUntilItIsReadyIsServed, ()) {
  MonoTime now{Duration{1'000'000'000'000}};
  Throttle throttle(now);
  const auto any = [] { return *rc::gen::inRange<uint64_t>(0, 100'000); };
  for (int steps = *rc::gen::inRange(1, 40); steps > 0; --steps) {
    throttle.set({any() + 1, any(), any(), any()}, now);
    throttle.charge({any(), any(), any(), any()}, now);
    const Work cost{any(), any(), any(), any()};
    const MonoTime ready = throttle.ready_at(cost, now);
    if (ready > now) RC_ASSERT(!throttle.try_take(cost, ready - 1ns));
    now = ready;
    RC_ASSERT(throttle.try_take(cost, now));
  }
}

}  // namespace
}  // namespace hindcast
