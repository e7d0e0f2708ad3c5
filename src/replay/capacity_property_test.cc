// The estimate does not depend on how much the path was made to wait, nor on how work was cut.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "replay/capacity.h"

namespace hindcast {
namespace {

RC_GTEST_PROP(CapacityPropertyTest, LiesBetweenTheSlowestAndTheFastestWork, ()) {
  Capacity capacity;
  uint64_t slowest = capacity.per_second(1).events, fastest = slowest;
  for (int steps = *rc::gen::inRange(1, 60); steps > 0; --steps) {
    const auto busy = *rc::gen::inRange<int64_t>(1, 60'000);
    const auto per_millisecond = *rc::gen::inRange<uint64_t>(1, 5'000);
    const uint64_t speed = per_millisecond * 1'000;
    const Work done{.events = per_millisecond * static_cast<uint64_t>(busy)};
    capacity.add(done, {.compute = busy * 1ms});
    slowest = std::min(slowest, speed - 1);
    fastest = std::max(fastest, speed);
    const uint64_t events = capacity.per_second(1).events;
    RC_ASSERT(events + 1 >= slowest);
    RC_ASSERT(events <= fastest + 1);
  }
}

RC_GTEST_PROP(CapacityPropertyTest, AnyBytesAreACapacityOrAnError, (const std::string& bytes)) {
  const auto capacity = Capacity::decode(bytes);
  if (capacity) RC_ASSERT(capacity.value().per_second(1).events >= 1);
}

}  // namespace
}  // namespace hindcast
