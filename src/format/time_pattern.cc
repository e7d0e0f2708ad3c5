#include "format/time_pattern.h"

#include <array>

#include "base/time.h"

namespace hindcast {
namespace {

constexpr char kDirective = 1, kSpaces = 2;
constexpr std::array<std::string_view, 12> kMonths = {
    "january", "february", "march",     "april",   "may",      "june",
    "july",    "august",   "september", "october", "november", "december"};
constexpr std::array<std::string_view, 7> kDays = {"sunday",   "monday", "tuesday", "wednesday",
                                                   "thursday", "friday", "saturday"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\t'; }

/// What a text has said so far.
struct Parts {
  int64_t year = 1970, epoch = 0;
  int month = 1, day = 1, day_of_year = 0, hour = 0, minute = 0, second = 0;
  int32_t nanosecond = 0;
  std::optional<int32_t> offset;
  std::optional<bool> afternoon;
  bool has_epoch = false, twelve_hours = false;
};

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  bool at_end() const { return text_.empty(); }
  void skip_spaces() {
    while (!text_.empty() && is_space(text_[0])) text_.remove_prefix(1);
  }
  bool literal(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  template <class Int>
  bool number(size_t digits_max, int64_t low, int64_t high, Int& out) {
    size_t n = 0;
    int64_t v = 0;
    while (n < digits_max && n < text_.size() && is_digit(text_[n]))
      v = v * 10 + (text_[n++] - '0');
    if (n == 0 || v < low || v > high) return false;
    text_.remove_prefix(n);
    out = static_cast<Int>(v);
    return true;
  }
  template <size_t N>
  bool name(const std::array<std::string_view, N>& names, int& index) {
    for (size_t i = 0; i < N; ++i) {
      if (!starts_with(names[i].substr(0, 3))) continue;
      text_.remove_prefix(starts_with(names[i]) ? names[i].size() : 3);
      index = static_cast<int>(i);
      return true;
    }
    return false;
  }
  bool fraction(int32_t& out) {
    int32_t v = 0;
    int n = 0;
    while (!text_.empty() && is_digit(text_[0])) {
      if (n < 9) v = v * 10 + (text_[0] - '0');
      ++n;
      text_.remove_prefix(1);
    }
    for (int i = n; i < 9; ++i) v *= 10;
    out = v;
    return n > 0;
  }
  bool offset(std::optional<int32_t>& out) {
    if (literal('Z') || literal('z')) {
      out = 0;
      return true;
    }
    const bool minus = !text_.empty() && text_[0] == '-';
    if (!literal('+') && !literal('-')) return false;
    int hours = 0, minutes = 0;
    if (!number(2, 0, 23, hours)) return false;
    const bool colon = literal(':');
    if ((colon || (!text_.empty() && is_digit(text_[0]))) && !number(2, 0, 59, minutes))
      return false;
    out = (minus ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
  }
  bool signed_number(int64_t& out) {
    const bool minus = literal('-');
    if (!number(18, 0, INT64_MAX, out)) return false;
    if (minus) out = -out;
    return true;
  }
  bool half_of_day(std::optional<bool>& out) {
    if (!starts_with("am") && !starts_with("pm")) return false;
    out = (text_[0] | 0x20) == 'p';
    text_.remove_prefix(2);
    return true;
  }

 private:
  bool starts_with(std::string_view lower) const {
    if (text_.size() < lower.size()) return false;
    for (size_t i = 0; i < lower.size(); ++i) {
      if ((text_[i] | 0x20) != lower[i]) return false;
    }
    return true;
  }
  std::string_view text_;
};

bool read_directive(char directive, Reader& in, Parts& out) {
  int ignored = 0;
  switch (directive) {
    case 'Y':
      return in.number(4, 0, 9999, out.year);
    case 'y':
      if (!in.number(2, 0, 99, out.year)) return false;
      out.year += out.year < 69 ? 2000 : 1900;
      return true;
    case 'm':
      return in.number(2, 1, 12, out.month);
    case 'd':
      return in.number(2, 1, 31, out.day);
    case 'e':
      in.skip_spaces();
      return in.number(2, 1, 31, out.day);
    case 'j':
      return in.number(3, 1, 366, out.day_of_year);
    case 'b':
      if (!in.name(kMonths, out.month)) return false;
      ++out.month;
      return true;
    case 'a':
      return in.name(kDays, ignored);
    case 'H':
      return in.number(2, 0, 24, out.hour);
    case 'I':
      out.twelve_hours = true;
      return in.number(2, 1, 12, out.hour);
    case 'p':
      return in.half_of_day(out.afternoon);
    case 'M':
      return in.number(2, 0, 59, out.minute);
    case 'S':
      return in.number(2, 0, 60, out.second);
    case 'f':
      return in.fraction(out.nanosecond);
    case 'z':
      return in.offset(out.offset);
    case 's':
      out.has_epoch = true;
      return in.signed_number(out.epoch);
    default:
      return false;
  }
}

int days_in_month(int64_t year, int month) {
  constexpr std::array<int, 12> kLengths = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return kLengths[static_cast<size_t>(month - 1)] + (leap && month == 2);
}

/// A clock has 24:00:00 and a leap second, but no 24:01.
bool resolve(const Parts& parts, TimePattern::Civil& out) {
  out.nanosecond = parts.nanosecond;
  if (parts.has_epoch) {
    out.day = 0;
    out.second = parts.epoch;
    out.offset = 0;
    return true;
  }
  int hour = parts.hour;
  if (parts.twelve_hours) hour = hour % 12 + (parts.afternoon.value_or(false) ? 12 : 0);
  if (hour == 24 && (parts.minute != 0 || parts.second != 0 || parts.nanosecond != 0)) return false;
  if (parts.day > days_in_month(parts.year, parts.month)) return false;
  out.day = days_from_civil(parts.year, static_cast<unsigned>(parts.month),
                            static_cast<unsigned>(parts.day));
  if (parts.day_of_year > 0) {
    if (parts.day_of_year == 366 && days_in_month(parts.year, 2) == 28) return false;
    out.day = days_from_civil(parts.year, 1, 1) + parts.day_of_year - 1;
  }
  out.second = hour * 3600 + parts.minute * 60 + parts.second;
  out.offset = parts.offset;
  return true;
}

}  // namespace

Result<TimePattern> TimePattern::compile(std::string_view pattern) {
  TimePattern out;
  std::string expanded;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') {
      expanded += pattern[i];
      continue;
    }
    if (++i == pattern.size()) return invalid_argument("time pattern ends with a single '%'");
    switch (pattern[i]) {
      case 'F':
        expanded += "%Y-%m-%d";
        break;
      case 'T':
        expanded += "%H:%M:%S";
        break;
      case 'D':
        expanded += "%m/%d/%y";
        break;
      case 'R':
        expanded += "%H:%M";
        break;
      case 'n':
      case 't':
        expanded += ' ';
        break;
      default:
        expanded += '%';
        expanded += pattern[i];
    }
  }
  for (size_t i = 0; i < expanded.size(); ++i) {
    char c = expanded[i];
    if (is_space(c)) {
      out.steps_ += kSpaces;
      continue;
    }
    if (c != '%' || expanded[i + 1] == '%') {
      i += c == '%';
      if (c == kDirective || c == kSpaces)
        return invalid_argument("time pattern holds a control character");
      out.steps_ += c;
      continue;
    }
    c = expanded[++i];
    if (c == 'B' || c == 'h') c = 'b';
    if (c == 'A') c = 'a';
    constexpr std::string_view kKnown = "YymdejbaHIpMSfzs";
    if (kKnown.find(c) == std::string_view::npos) {
      return invalid_argument(std::string("time pattern: '%") + c +
                              "' is not known; known are %Y %y %m %d %e %j %b %B %a %A %H %I %p "
                              "%M %S %f %z %s %F %T %D %R %%");
    }
    out.has_date_ = out.has_date_ || std::string_view("Yyjs").find(c) != std::string_view::npos;
    out.has_offset_ = out.has_offset_ || c == 'z' || c == 's';
    out.steps_ += kDirective;
    out.steps_ += c;
  }
  return out;
}

bool TimePattern::parse(std::string_view text, Civil& out) const {
  Reader in(text);
  Parts parts;
  in.skip_spaces();
  for (size_t i = 0; i < steps_.size(); ++i) {
    const char c = steps_[i];
    if (c == kDirective) {
      if (!read_directive(steps_[++i], in, parts)) return false;
    } else if (c == kSpaces) {
      in.skip_spaces();
    } else if (!in.literal(c)) {
      return false;
    }
  }
  in.skip_spaces();
  return in.at_end() && resolve(parts, out);
}

}  // namespace hindcast
