// Random pressures, stops and limits: the promises of the header.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "replay/valve.h"

namespace hindcast {
namespace {

RC_GTEST_PROP(ValvePropertyTest, StaysWithinItsBoundsRisesSlowlyAndFallsUnderPressure, ()) {
  Valve valve;
  MonoTime now{Duration{1'000'000'000'000}};
  double floor = 100, ceiling = 10'000, pressure = 0;
  bool stopped = true;
  for (int steps = *rc::gen::inRange(1, 400); steps > 0; --steps) {
    if (*rc::gen::inRange(0, 10) == 0) pressure = *rc::gen::inRange(0, 300) / 100.0;
    if (*rc::gen::inRange(0, 60) == 0) {
      floor = *rc::gen::inRange(1, 1'000);
      ceiling = floor + *rc::gen::inRange(0, 100'000);
    }
    if (*rc::gen::inRange(0, 60) == 0) {
      valve.stop(Reason::kStore);
      stopped = true;
      RC_ASSERT(valve.rate() == 0);
    }
    const Duration step(*rc::gen::inRange<int64_t>(1'000'000, 200'000'000));
    now += step;
    const double before = valve.rate();
    const bool ramped = valve.ramping();
    const double done = before * *rc::gen::inRange(0, 101) / 100.0;
    valve.tick({{Reason::kLiveLatency, pressure}, floor, ceiling, done, false}, now);
    RC_ASSERT(valve.rate() >= floor);
    RC_ASSERT(valve.rate() <= ceiling);
    const double seconds = std::chrono::duration<double>(step).count();
    const double fastest = std::pow(ramped ? 1.36 : 1.21, seconds);
    if (!stopped) RC_ASSERT(valve.rate() <= std::max(before * fastest, floor));
    if (pressure >= 1 && !stopped) RC_ASSERT(valve.rate() <= std::max(before, floor));
    stopped = false;
  }
  // Pressure that persists brings any valve to its floor, and in the end of it to its ceiling.
  const auto run = [&](double p, Duration time) {
    for (Duration t{}; t < time; t += 50ms) {
      now += 50ms;
      valve.tick({{Reason::kStore, p}, floor, ceiling, valve.rate(), false}, now);
    }
  };
  const double before = valve.rate();
  run(10, 6s);
  RC_ASSERT(valve.rate() <= std::max(before * 0.31, floor));
  run(10, 5min);
  RC_ASSERT(valve.rate() == floor);
  run(0, 5min);
  RC_ASSERT(valve.rate() == ceiling);
}

}  // namespace
}  // namespace hindcast
