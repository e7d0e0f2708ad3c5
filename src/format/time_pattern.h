// Times as people print them: a strptime-like pattern, compiled once. Own code instead of libc's
// strptime, because that one depends on the process's locale and knows no fractions and no offsets.
//
//   %Y %y %m %d %e %j   year, two-digit year (69..99 = 19xx), month, day, day of the year
//   %b %B %h  %a %A     English month and day names, short or long, any case
//   %H %I %p %M %S %f   hour, 12-hour clock with AM/PM, minute, second, fraction (1 to 9 digits)
//   %z                  Z, +hh, +hhmm or +hh:mm
//   %s                  Unix seconds
//   %F %T %D %R         %Y-%m-%d, %H:%M:%S, %m/%d/%y, %H:%M
//   %% and other text   itself; a space stands for any number of spaces
//
// Pure; any thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hindcast {

class TimePattern {
 public:
  /// Errors: kInvalidArgument naming the directive that is not known.
  static Result<TimePattern> compile(std::string_view pattern);

  struct Civil {
    int64_t day = 0;     // days since 1970-01-01; 0 when the pattern has no date
    int64_t second = 0;  // of the day; may be 86400 (leap second, 24:00)
    int32_t nanosecond = 0;
    std::optional<int32_t> offset;  // seconds east of UTC, when the text says so
  };
  bool parse(std::string_view text, Civil& out) const;

  bool has_date() const { return has_date_; }
  bool has_offset() const { return has_offset_; }

 private:
  std::string
      steps_;  // expanded: '%' is written as 0x01 followed by the directive, a space as 0x02
  bool has_date_ = false, has_offset_ = false;
};

}  // namespace hindcast
