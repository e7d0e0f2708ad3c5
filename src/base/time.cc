#include "base/time.h"

#include <charconv>
#include <cstdio>
#include <limits>

namespace hindcast {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kDaySeconds = 86'400;

struct Civil {
  int64_t year;
  unsigned month, day;
};

// Hinnant, "chrono-compatible low-level date algorithms".
Civil civil_from_days(int64_t days) {
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const auto doe = static_cast<unsigned>(days - era * 146097);
  const unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const unsigned mp = (5 * doy + 2) / 153;
  const unsigned month = mp < 10 ? mp + 3 : mp - 9;
  return {static_cast<int64_t>(yoe) + era * 400 + (month <= 2), month,
          doy - (153 * mp + 2) / 5 + 1};
}

std::string format_ns(int64_t ns) {
  int64_t seconds = ns / kSecond, fraction = ns % kSecond;
  if (fraction < 0) {
    fraction += kSecond;
    --seconds;
  }
  int64_t days = seconds / kDaySeconds, of_day = seconds % kDaySeconds;
  if (of_day < 0) {
    of_day += kDaySeconds;
    --days;
  }
  const Civil c = civil_from_days(days);
  const auto second = static_cast<unsigned>(of_day);
  char out[64];
  int n = std::snprintf(out, sizeof out, "%04lld-%02u-%02uT%02u:%02u:%02u",
                        static_cast<long long>(c.year), c.month, c.day, second / 3600,
                        second / 60 % 60, second % 60);
  const auto digits = [&](int width, int64_t value) {
    n += std::snprintf(out + n, sizeof out - static_cast<size_t>(n), ".%0*lld", width,
                       static_cast<long long>(value));
  };
  if (fraction % 1'000 != 0) {
    digits(9, fraction);
  } else if (fraction % 1'000'000 != 0) {
    digits(6, fraction / 1'000);
  } else if (fraction != 0) {
    digits(3, fraction / 1'000'000);
  }
  return std::string(out, static_cast<size_t>(n)) + "Z";
}

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads fixed-width fields; the first mismatch makes everything after it fail too.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}
  bool ok() const { return ok_; }
  bool at_end() const { return at_ == text_.size(); }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  char take() {
    const char c = peek();
    at_ < text_.size() ? ++at_ : (ok_ = false, at_);
    return c;
  }
  void expect(char c) { ok_ = take() == c && ok_; }
  unsigned number(int width) {
    unsigned v = 0;
    for (int i = 0; i < width; ++i) {
      const char c = take();
      if (!is_digit(c)) {
        ok_ = false;
        return 0;
      }
      v = v * 10 + static_cast<unsigned>(c - '0');
    }
    return v;
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
  bool ok_ = true;
};

unsigned days_in_month(unsigned year, unsigned month) {
  constexpr unsigned kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[month - 1];
}

Error bad_time(std::string_view text, std::string_view what) {
  return invalid_argument("\"" + std::string(text.substr(0, 64)) + "\": " + std::string(what));
}

}  // namespace

std::string to_rfc3339(EventTime t) { return format_ns(unix_ns(t)); }
std::string to_rfc3339(ProcessingTime t) { return format_ns(unix_ns(t)); }

Result<EventTime> parse_rfc3339(std::string_view text) {
  constexpr std::string_view kExpected = "expected a time like 2024-03-01T10:00:00Z";
  Scanner in(text);
  const unsigned year = in.number(4);
  in.expect('-');
  const unsigned month = in.number(2);
  in.expect('-');
  const unsigned day = in.number(2);
  const char separator = in.take();
  const unsigned hour = in.number(2);
  in.expect(':');
  const unsigned minute = in.number(2);
  in.expect(':');
  const unsigned second = in.number(2);
  if (!in.ok() || (separator != 'T' && separator != 't' && separator != ' ')) {
    return bad_time(text, kExpected);
  }
  int64_t fraction = 0;
  if (in.peek() == '.') {
    in.take();
    int64_t scale = kSecond;
    int digits = 0;
    for (; is_digit(in.peek()); ++digits) {
      scale /= 10;
      fraction += scale * (in.take() - '0');
    }
    if (digits == 0 || digits > 9) return bad_time(text, "expected 1 to 9 digits of a second");
  }
  int64_t offset = 0;
  const char zone = in.take();
  if (zone == '+' || zone == '-') {
    const unsigned hours = in.number(2);
    in.expect(':');
    const unsigned minutes = in.number(2);
    if (hours > 23 || minutes > 59) return bad_time(text, "offset out of range");
    offset = int64_t{hours * 3600 + minutes * 60} * (zone == '-' ? -1 : 1);
  } else if (zone != 'Z' && zone != 'z') {
    return bad_time(text, "expected Z or an offset like +02:00 after the time");
  }
  if (!in.ok() || !in.at_end()) return bad_time(text, kExpected);
  // A leap second (:60) is refused: it has no Unix time of its own, and two events must not be made
  // simultaneous silently.
  if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 ||
      minute > 59 || second > 59) {
    return bad_time(text, "no such date or time of day");
  }
  const int64_t seconds =
      days_from_civil(year, month, day) * kDaySeconds + hour * 3600 + minute * 60 + second - offset;
  // Instants in the first second of the range need the sum before the overflow check.
  __extension__ const __int128 wide = static_cast<__int128>(seconds) * kSecond + fraction;
  if (wide < std::numeric_limits<int64_t>::min() || wide > std::numeric_limits<int64_t>::max()) {
    return bad_time(text, "outside of the years 1678 to 2261");
  }
  return event_time_ns(static_cast<int64_t>(wide));
}

Result<EventTime> parse_request_time(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || end != text.data() + text.size() || error == std::errc::invalid_argument) {
    return parse_rfc3339(text);
  }
  constexpr int64_t kMillisAbove = 100'000'000'000;
  const bool millis = number > kMillisAbove || number < -kMillisAbove;
  int64_t ns = 0;
  if (error != std::errc() ||
      __builtin_mul_overflow(number, millis ? int64_t{1'000'000} : kSecond, &ns)) {
    return bad_time(text, "outside of the years 1678 to 2261");
  }
  return event_time_ns(ns);
}

namespace {
struct Unit {
  std::string_view name;
  int64_t ns;
};
// Largest first: to_string takes the first that divides.
constexpr Unit kUnits[] = {{"w", 7 * kDaySeconds* kSecond},
                           {"d", kDaySeconds* kSecond},
                           {"h", 3600 * kSecond},
                           {"m", 60 * kSecond},
                           {"s", kSecond},
                           {"ms", 1'000'000},
                           {"us", 1'000},
                           {"ns", 1}};
}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  if (text == "0") return Duration{0};
  int64_t number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  const std::string_view name(end, static_cast<size_t>(last - end));
  if (error == std::errc() && number >= 0 && is_digit(text.front())) {
    for (const Unit& unit : kUnits) {
      if (unit.name != name) continue;
      int64_t ns = 0;
      if (__builtin_mul_overflow(number, unit.ns, &ns)) {
        return bad_time(text, "longer than 292 years");
      }
      return Duration{ns};
    }
  }
  return bad_time(text,
                  "expected a whole number with a unit ns, us, ms, s, m, h, d or w, as in 90s");
}

std::string to_string(Duration d) {
  if (d.count() == 0) return "0";
  for (const Unit& unit : kUnits) {
    if (d.count() % unit.ns == 0) {
      return std::to_string(d.count() / unit.ns).append(unit.name);
    }
  }
  return std::to_string(d.count()) + "ns";
}

}  // namespace hindcast
