// Random signals against governor and buckets together: the floor over time, and the bounds that
// alone outrank it.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

#include "replay/governor.h"
#include "replay/throttle.h"

namespace hindcast {
namespace {

Signals any_signals() {
  const auto share = [] { return *rc::gen::inRange(0, 400) / 100.0; };
  Signals s;
  s.live_apply = {Duration(*rc::gen::inRange<int64_t>(0, 200'000'000)),
                  *rc::gen::inRange<uint64_t>(0, 1'000)};
  s.live_queue_age = Duration(*rc::gen::inRange<int64_t>(0, 5'000'000'000));
  s.commit = {Duration(*rc::gen::inRange<int64_t>(0, 5'000'000'000)),
              *rc::gen::inRange<uint64_t>(0, 100)};
  s.store.slowed = *rc::gen::arbitrary<bool>();
  s.store.l0_files = *rc::gen::inRange(0u, 40u);
  s.store.compaction_share = share();
  s.cpu_pressure = share() / 4;
  s.memory = ByteCount{*rc::gen::inRange<uint64_t>(0, 1'000) << 20};  // below its bound
  s.replay_log = ByteCount{*rc::gen::inRange<uint64_t>(0, 4'000) << 20};
  s.capacity = {400'000, 40'000'000, 400, 40};
  s.throttled = *rc::gen::arbitrary<bool>();
  s.otherwise = static_cast<Reason>(*rc::gen::inRange<int>(0, kReasons));
  s.backlog.event_time = *rc::gen::inRange<int64_t>(0, 100'000) * 1s;
  return s;
}

// Law L7: whatever presses, at least floor × 10 s are granted in any ten seconds, but for the burst
// that a bucket may still lack.
RC_GTEST_PROP(GovernorPropertyTest, TheFloorIsGrantedInAnyTenSecondsUnderAnyPressure, ()) {
  const uint64_t floor = *rc::gen::inRange<uint64_t>(20, 5'000);
  Limits limits;
  limits.events = {.per_second = 100'000};
  limits.floor = {.per_second = floor};
  Governor governor = Governor::create(limits).value();
  MonoTime now{Duration{1'000'000'000'000}};
  Throttle throttle(now);
  const uint64_t batch = *rc::gen::inRange<uint64_t>(1, floor);
  std::vector<uint64_t> granted(1, 0);  // up to each tick
  Signals signals = any_signals();
  for (int ticks = 0; ticks < 1'200; ++ticks) {
    if (ticks % 40 == 0) {
      signals = any_signals();
      if (ticks < 600) signals.live_apply = {10s, 1'000};  // at its worst for half a minute
    }
    const Allowance allowance = governor.tick(signals, now);
    RC_ASSERT(allowance.per_second.events >= floor);
    RC_ASSERT(allowance.per_second.events <= 100'000u);
    RC_ASSERT(allowance.subwindows >= 1 && allowance.subwindows <= limits.subwindows_at_once);
    throttle.set(allowance.per_second, now);
    uint64_t passed = 0;
    const Work request{.events = batch};
    for (MonoTime at = now; (at = throttle.ready_at(request, at)) < now + Governor::kTick;) {
      RC_ASSERT(throttle.try_take(request, at));
      passed += batch;
    }
    granted.push_back(granted.back() + passed);
    signals.done.events = passed;
    now += Governor::kTick;
  }
  for (size_t i = 200; i < granted.size(); ++i)
    RC_ASSERT(granted[i] - granted[i - 200] + 2 * batch + floor / 4 >= floor * 10);
}

// What is allowed is nothing exactly while a hard bound holds, and then the bound is the reason.
RC_GTEST_PROP(GovernorPropertyTest, OnlyHardBoundsAndNobodyRunningStopIt, ()) {
  Governor governor = Governor::create(Limits()).value();
  MonoTime now{Duration{1'000'000'000'000}};
  for (int steps = *rc::gen::inRange(1, 100); steps > 0; --steps) {
    Signals signals = any_signals();
    signals.store.stopped = *rc::gen::inRange(0, 4) == 0;
    signals.running = *rc::gen::inRange(0, 4) != 0;
    const Allowance allowance = governor.tick(signals, now += Governor::kTick);
    RC_ASSERT((allowance.per_second.events == 0) == (signals.store.stopped || !signals.running));
    RC_ASSERT((allowance.subwindows == 0) == (allowance.per_second.events == 0));
    if (signals.store.stopped) RC_ASSERT(allowance.binding == Reason::kStore);
  }
}

}  // namespace
}  // namespace hindcast
