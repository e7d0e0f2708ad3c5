// Time lives in types: event time (when it happened), processing time (when we saw it) and
// monotonic time (budgets, deadlines) do not mix. Nobody above base reads a clock; `now` is handed
// down.
#pragma once
#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hindcast {

using namespace std::chrono_literals;  // NOLINT: 1h, 250ms are the unit syntax of this code base
using Duration = std::chrono::nanoseconds;

struct EventClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<EventClock>;
  static constexpr bool is_steady = false;
};
struct ProcessingClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<ProcessingClock>;
  static constexpr bool is_steady = false;
};
struct MonoClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonoClock>;
  static constexpr bool is_steady = true;
};

/// When it happened. Unix nanoseconds, years 1678 to 2261.
using EventTime = EventClock::time_point;
/// When we saw it. Unix nanoseconds. Stamps only, never logic.
using ProcessingTime = ProcessingClock::time_point;
/// For budgets, deadlines and backoff; its zero has no meaning.
using MonoTime = MonoClock::time_point;

constexpr EventTime event_time_ns(int64_t unix_ns) { return EventTime(Duration(unix_ns)); }
constexpr int64_t unix_ns(EventTime t) { return t.time_since_epoch().count(); }
constexpr int64_t unix_ns(ProcessingTime t) { return t.time_since_epoch().count(); }
constexpr EventTime kMinEventTime = EventTime::min();
constexpr EventTime kMaxEventTime = EventTime::max();

/// Processing time minus event time.
constexpr Duration lag(ProcessingTime now, EventTime event) {
  return now.time_since_epoch() - event.time_since_epoch();
}

/// Half-open event-time interval [start, end).
struct Window {
  EventTime start;
  EventTime end;
  bool contains(EventTime t) const { return start <= t && t < end; }
  bool intersects(const Window& o) const { return start < o.end && o.start < end; }
  auto operator<=>(const Window&) const = default;
};

/// The window of `size` aligned to the Unix epoch that holds `t`. Requires size > 0. Saturates at
/// the ends of time.
constexpr EventTime align_down(EventTime t, Duration size) {
  const int64_t n = unix_ns(t), s = size.count();
  const int64_t r = n % s;
  const int64_t back = r < 0 ? r + s : r;
  return n < INT64_MIN + back ? kMinEventTime : event_time_ns(n - back);
}
constexpr Window window_of(EventTime t, Duration size) {
  const EventTime start = align_down(t, size);
  return {start, unix_ns(start) > INT64_MAX - size.count() ? kMaxEventTime : start + size};
}

/// RFC 3339 in UTC with as many fraction digits as needed (0, 3, 6 or 9): "2024-03-01T10:00:00Z".
std::string to_rfc3339(EventTime t);
std::string to_rfc3339(ProcessingTime t);
/// RFC 3339 with Z or an offset, 'T' or ' ' between date and time, 0 to 9 fraction digits. Errors:
/// kInvalidArgument.
Result<EventTime> parse_rfc3339(std::string_view text);
/// RFC 3339, or Unix seconds or milliseconds (told apart by size: above 1e11 it is ms), as the API
/// accepts it.
Result<EventTime> parse_request_time(std::string_view text);
/// "250ms", "5s", "1m", "6h", "7d", "1w", "0". Errors: kInvalidArgument naming the allowed units.
Result<Duration> parse_duration(std::string_view text);
/// The shortest spelling parse_duration reads back: "1m", "90s", "1h".
std::string to_string(Duration d);

/// Days since 1970-01-01 of a civil date (proleptic Gregorian). Month 1..12, day 1..31.
constexpr int64_t days_from_civil(int64_t y, unsigned m, unsigned d) {
  // Hinnant, "chrono-compatible low-level date algorithms".
  y -= m <= 2;
  const int64_t era = (y >= 0 ? y : y - 399) / 400;
  const auto yoe = static_cast<unsigned>(y - era * 400);
  const unsigned doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
  const unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + static_cast<int64_t>(doe) - 719468;
}

}  // namespace hindcast
