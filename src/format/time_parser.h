// Event times of one mapping: numbers of a unit, RFC 3339, or a pattern; optionally a time of day
// on a day of its own, in a time zone.
//
// Thread safety: confined; it caches the last day and the last offset.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "format/cell.h"
#include "format/config.h"
#include "format/time_pattern.h"
#include "format/zone.h"

namespace hindcast {

/// "s", "ms", "us", "ns", "rfc3339" or a strptime pattern. False: not known; `out` is unchanged.
bool parse_time_unit(const std::string& unit, TimeMapping& out);
inline constexpr std::string_view kTimeUnitHint =
    "s, ms, us, ns, rfc3339, or a pattern like \"%Y-%m-%d %H:%M:%S\"";

enum class TimeStatus : uint8_t {
  kOk,
  kMalformed,   // not written as the mapping says
  kBadDay,      // the day is neither 20131007 nor 2013-10-07
  kOutOfRange,  // before 1678 or after 2261: not representable in nanoseconds
};

class TimeParser {
 public:
  /// Errors: kInvalidArgument (pattern), kNotFound (zone); they name the cause, not the file.
  static Result<TimeParser> create(const TimeMapping& mapping);

  /// Unix nanoseconds of a cell's text; `day` is the text of the mapping's day, ignored without
  /// one.
  TimeStatus parse(const Cell& cell, std::string_view day, int64_t& out);
  /// For people: "a time in ms", "a time like \"2024-03-01T10:00:00Z\"".
  std::string expected() const;

 private:
  TimeStatus parse_number(const Cell& cell, int128& out) const;
  TimeStatus parse_day(std::string_view day, int64_t& out);
  int64_t civil_to_unix(int64_t civil_seconds);

  TimeUnit unit_ = TimeUnit::kRfc3339;
  bool has_day_ = false;
  unsigned digits_ = 0;  // 10^digits_ nanoseconds are one unit
  std::string pattern_text_;
  std::optional<TimePattern> pattern_;
  std::optional<Zone> zone_;  // absent = UTC
  std::string last_day_;
  int64_t last_day_number_ = 0;
  // The last hour asked for and its offset: changes of offset fall on full quarters of an hour.
  int64_t cached_quarter_ = INT64_MIN, cached_offset_ = 0;
};

}  // namespace hindcast
