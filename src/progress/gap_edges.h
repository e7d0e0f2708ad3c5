// Where a gap begins and ends in event time, seen from the events on both sides of it.
//
// Events arrive up to `delay` out of order (the watermark's setting), so those that were lost may
// be that much older than the newest before the break, and that much younger than the first after
// it. The edges err towards a larger gap: refilling what is there costs a digest comparison,
// missing one event costs a wrong bucket.
#pragma once
#include <algorithm>

#include "base/time.h"

namespace hindcast {

/// Start of what a source may have lost, given the highest event time it delivered before.
/// Requires: it delivered something (one that never did leaves no gap).
constexpr EventTime gap_start(EventTime highest_before, Duration delay) {
  return highest_before < kMinEventTime + delay ? kMinEventTime : highest_before - delay;
}

/// End, once an event has come again: the first instant that nothing lost can have. (Until then the
/// gap is open-ended: kMaxEventTime.) An instant may hold several events, so that of the event seen
/// is inside.
constexpr EventTime gap_end(EventTime highest_before, EventTime first_after, Duration delay) {
  const EventTime seen = std::max(highest_before, first_after);
  return seen >= kMaxEventTime - delay ? kMaxEventTime : seen + delay + Duration(1);
}

}  // namespace hindcast
