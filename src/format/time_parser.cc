#include "format/time_parser.h"

#include "base/time.h"
#include "format/value_parser.h"

namespace hindcast {
namespace {

constexpr int128 kSecond = 1'000'000'000;

/// INT64_MIN and INT64_MAX stand for "no time" and "end of time" elsewhere.
TimeStatus in_range(int128 ns, int64_t& out) {
  if (ns <= INT64_MIN || ns >= INT64_MAX) return TimeStatus::kOutOfRange;
  out = static_cast<int64_t>(ns);
  return TimeStatus::kOk;
}

bool two_digits(const char* at, unsigned& out) {
  const auto tens = static_cast<unsigned>(at[0] - '0'), ones = static_cast<unsigned>(at[1] - '0');
  out = tens * 10 + ones;
  return tens < 10 && ones < 10;
}

/// "2015-09-12T00:46:58.771Z" and the same with ' ', any number of fraction digits up to 9: the
/// common case by hand, the rest (offsets, errors) by base/time.h.
bool parse_utc(std::string_view text, int64_t& out) {
  if (text.size() < 20 || text.size() > 30 || text.back() != 'Z') return false;
  const char* t = text.data();
  unsigned century = 0, year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!two_digits(t, century) || !two_digits(t + 2, year) || t[4] != '-' ||
      !two_digits(t + 5, month) || t[7] != '-' || !two_digits(t + 8, day) ||
      (t[10] != 'T' && t[10] != ' ') || !two_digits(t + 11, hour) || t[13] != ':' ||
      !two_digits(t + 14, minute) || t[16] != ':' || !two_digits(t + 17, second)) {
    return false;
  }
  year += century * 100;
  // Days 29 to 31 depend on the month, and the range of years on the nanoseconds: not common enough
  // to be decided here.
  if (year < 1700 || year > 2200 || month < 1 || month > 12 || day < 1 || day > 28 || hour > 23 ||
      minute > 59 || second > 59) {
    return false;
  }
  int64_t fraction = 0;
  if (text.size() > 20) {
    if (t[19] != '.' || text.size() == 21) return false;
    int64_t weight = 100'000'000;
    for (size_t i = 20; i + 1 < text.size(); ++i, weight /= 10) {
      const auto digit = static_cast<unsigned>(t[i] - '0');
      if (digit > 9) return false;
      fraction += digit * weight;
    }
  }
  out = ((days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
  out = out * 1'000'000'000 + fraction;
  return true;
}

}  // namespace

bool parse_time_unit(const std::string& unit, TimeMapping& out) {
  constexpr std::pair<std::string_view, TimeUnit> kUnits[] = {{"s", TimeUnit::kSeconds},
                                                              {"ms", TimeUnit::kMilliseconds},
                                                              {"us", TimeUnit::kMicroseconds},
                                                              {"ns", TimeUnit::kNanoseconds},
                                                              {"rfc3339", TimeUnit::kRfc3339}};
  for (const auto& [name, value] : kUnits) {
    if (unit != name) continue;
    out.unit = value;
    return true;
  }
  if (unit.find('%') == std::string::npos) return false;
  out.unit = TimeUnit::kPattern;
  out.pattern = unit;
  return true;
}

Result<TimeParser> TimeParser::create(const TimeMapping& mapping) {
  TimeParser out;
  out.unit_ = mapping.unit;
  out.has_day_ = mapping.day.has_value();
  switch (mapping.unit) {
    case TimeUnit::kSeconds:
      out.digits_ = 9;
      break;
    case TimeUnit::kMilliseconds:
      out.digits_ = 6;
      break;
    case TimeUnit::kMicroseconds:
      out.digits_ = 3;
      break;
    case TimeUnit::kNanoseconds:
      out.digits_ = 0;
      break;
    case TimeUnit::kRfc3339:
      if (out.has_day_)
        return invalid_argument(
            "a time with a day of its own needs a unit or a pattern for the time of day");
      break;
    case TimeUnit::kPattern: {
      HC_TRY_ASSIGN(out.pattern_, TimePattern::compile(mapping.pattern));
      out.pattern_text_ = mapping.pattern;
      if (!out.pattern_->has_date() && !out.has_day_) {
        return invalid_argument("the time pattern '" + mapping.pattern +
                                "' has no year; add one, or `day`");
      }
    }
  }
  if (mapping.zone != "UTC") {
    HC_TRY_ASSIGN(out.zone_, Zone::load(mapping.zone));
  }
  return out;
}

int64_t TimeParser::civil_to_unix(int64_t civil_seconds) {
  if (!zone_) return civil_seconds;
  const int64_t quarter = civil_seconds / 900 - (civil_seconds % 900 < 0);
  if (quarter != cached_quarter_) {
    // Whether a quarter is whole is decided by its ends: only then may its offset be reused.
    const int64_t first = quarter * 900, last = first + 899;
    const int64_t offset = first - zone_->to_unix(first);
    if (last - zone_->to_unix(last) != offset) return zone_->to_unix(civil_seconds);
    cached_quarter_ = quarter;
    cached_offset_ = offset;
  }
  return civil_seconds - cached_offset_;
}

TimeStatus TimeParser::parse_number(const Cell& cell, int128& out) const {
  const std::string_view text = cell.text;
  // Whole numbers of the unit: nearly every feed.
  int64_t whole = 0;
  if (text.size() <= 18 && parse_integer(cell, whole) == ParseStatus::kOk) {
    constexpr int64_t kUnit[] = {1, 0, 0, 1000, 0, 0, 1'000'000, 0, 0, 1'000'000'000};
    out = static_cast<int128>(whole) * kUnit[digits_];
    return TimeStatus::kOk;
  }
  switch (parse_scaled_floor(text, digits_, out)) {
    case ParseStatus::kOk:
      return TimeStatus::kOk;
    case ParseStatus::kOverflow:
      return TimeStatus::kOutOfRange;
    default:
      return TimeStatus::kMalformed;
  }
}

TimeStatus TimeParser::parse_day(std::string_view day, int64_t& out) {
  if (day == last_day_ && !last_day_.empty()) {
    out = last_day_number_;
    return TimeStatus::kOk;
  }
  const bool dashes = day.size() == 10 && day[4] == day[7] && (day[4] == '-' || day[4] == '/');
  if (!dashes && day.size() != 8) return TimeStatus::kBadDay;
  std::string digits(day);
  if (dashes) {
    digits.erase(7, 1);
    digits.erase(4, 1);
  }
  static const TimePattern kDay = TimePattern::compile("%Y%m%d").value();
  TimePattern::Civil civil;
  if (!kDay.parse(digits, civil)) return TimeStatus::kBadDay;
  last_day_ = day;
  last_day_number_ = out = civil.day;
  return TimeStatus::kOk;
}

TimeStatus TimeParser::parse(const Cell& cell, std::string_view day_text, int64_t& out) {
  const std::string_view text = cell.text;
  int64_t day = 0;
  if (has_day_) {
    if (const TimeStatus status = parse_day(trim_spaces(day_text), day); status != TimeStatus::kOk)
      return status;
  }
  if (unit_ == TimeUnit::kRfc3339) {
    if (parse_utc(text, out)) return TimeStatus::kOk;
    const auto time = parse_rfc3339(trim_spaces(text));
    return time ? in_range(unix_ns(*time), out) : TimeStatus::kMalformed;
  }
  if (unit_ == TimeUnit::kPattern) {
    TimePattern::Civil civil;
    if (!pattern_->parse(text, civil)) return TimeStatus::kMalformed;
    const int64_t seconds = (has_day_ ? day : civil.day) * 86400 + civil.second;
    const int64_t at = civil.offset ? seconds - *civil.offset : civil_to_unix(seconds);
    return in_range(at * kSecond + civil.nanosecond, out);
  }
  int128 ns = 0;
  if (const TimeStatus status = parse_number(cell, ns); status != TimeStatus::kOk) return status;
  if (!has_day_) return in_range(ns, out);
  // A time of day is what the clock on the wall shows: on a day with a change of offset, 16:00
  // stays 16:00.
  if (ns < 0 || ns > 2 * 86400 * kSecond) return TimeStatus::kMalformed;
  const auto second = static_cast<int64_t>(ns / kSecond);
  return in_range(civil_to_unix(day * 86400 + second) * kSecond + ns % kSecond, out);
}

std::string TimeParser::expected() const {
  const std::string what = has_day_ ? "a time of day in " : "a Unix time in ";
  switch (unit_) {
    case TimeUnit::kSeconds:
      return what + "s";
    case TimeUnit::kMilliseconds:
      return what + "ms";
    case TimeUnit::kMicroseconds:
      return what + "us";
    case TimeUnit::kNanoseconds:
      return what + "ns";
    case TimeUnit::kRfc3339:
      return "a time like \"2024-03-01T10:00:00Z\"";
    case TimeUnit::kPattern:
      return "a time like the pattern \"" + pattern_text_ + "\"";
  }
  return "a time";
}

}  // namespace hindcast
