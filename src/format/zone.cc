#include "format/zone.h"

#include <algorithm>

#include "base/host.h"
#include "base/time.h"

namespace hindcast {
namespace {

constexpr std::string_view kFolder = "/usr/share/zoneinfo/";
constexpr size_t kFileMax = 1 << 20;

int64_t big_endian(std::string_view bytes, size_t at, size_t size) {
  uint64_t v = 0;
  for (size_t i = 0; i < size; ++i) v = v << 8 | static_cast<unsigned char>(bytes[at + i]);
  return size == 4 ? static_cast<int32_t>(v) : static_cast<int64_t>(v);
}

struct Counts {
  size_t utc, standard, leaps, transitions, types, chars;
  size_t body(size_t time_size) const {
    return transitions * (time_size + 1) + types * 6 + chars + leaps * (time_size + 4) + standard +
           utc;
  }
};

constexpr size_t kHeader = 44;
bool read_header(std::string_view bytes, size_t at, Counts& out) {
  if (bytes.size() < at + kHeader || bytes.substr(at, 4) != "TZif") return false;
  const auto count = [&](size_t i) {
    return static_cast<size_t>(static_cast<uint32_t>(big_endian(bytes, at + 20 + 4 * i, 4)));
  };
  out = {count(0), count(1), count(2), count(3), count(4), count(5)};
  // Bounded before any product of them is formed.
  for (const size_t n : {out.utc, out.standard, out.leaps, out.transitions, out.types, out.chars}) {
    if (n > kFileMax) return false;
  }
  return out.types > 0;
}

/// Reads what the POSIX TZ text of the footer is made of.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}
  bool at_end() const { return text_.empty(); }
  bool take(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool name() {
    size_t n = 0;
    if (take('<')) {
      n = text_.find('>');
      if (n == std::string_view::npos) return false;
      text_.remove_prefix(n + 1);
      return true;
    }
    while (n < text_.size() && ((text_[n] | 0x20) >= 'a' && (text_[n] | 0x20) <= 'z')) ++n;
    text_.remove_prefix(n);
    return n >= 3;
  }
  bool number(int& out) {
    size_t n = 0;
    out = 0;
    while (n < text_.size() && n < 4 && text_[n] >= '0' && text_[n] <= '9')
      out = out * 10 + (text_[n++] - '0');
    text_.remove_prefix(n);
    return n > 0;
  }
  /// [+-]hh[:mm[:ss]] in seconds.
  bool time(int32_t& out) {
    const bool minus = take('-');
    if (!minus) take('+');
    int part = 0;
    if (!number(part)) return false;
    out = part * 3600;
    for (const int unit : {60, 1}) {
      if (!take(':')) break;
      if (!number(part)) return false;
      out += part * unit;
    }
    if (minus) out = -out;
    return true;
  }

 private:
  std::string_view text_;
};

int64_t year_of(int64_t civil_seconds) {
  // Days to year, Hinnant's civil_from_days cut down to the year.
  int64_t z = civil_seconds / 86400 - (civil_seconds % 86400 < 0) + 719468;
  const int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  const int64_t doe = z - era * 146097;
  const int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  return yoe + era * 400 + (doy >= 306);  // the year of this calendar begins in March
}

}  // namespace

int64_t Zone::Change::civil_in(int64_t year) const {
  const int64_t first = days_from_civil(year, static_cast<unsigned>(month), 1);
  const int64_t first_weekday = ((first + 4) % 7 + 7) % 7;  // 1970-01-01 was a Thursday
  int64_t day = first + (weekday - first_weekday + 7) % 7 + 7 * (week - 1);
  const int64_t next_month = month == 12
                                 ? days_from_civil(year + 1, 1, 1)
                                 : days_from_civil(year, static_cast<unsigned>(month) + 1, 1);
  while (day >= next_month) day -= 7;  // week 5 is the last one
  return day * 86400 + second;
}

bool Zone::parse_footer(std::string_view text, Footer& out) {
  Scanner s(text);
  int32_t west = 0;
  if (!s.name() || !s.time(west)) return false;
  out.standard = -west;
  out.summer = out.standard + 3600;
  if (s.at_end()) return true;
  if (!s.name()) return false;
  out.has_summer = true;
  if (!s.take(',')) {
    if (!s.time(west) || !s.take(',')) return false;
    out.summer = -west;
  }
  for (Change* change : {&out.to_summer, &out.to_standard}) {
    // The forms "Jn" and "n" are not used by any zone of today; without a rule the last offset
    // stays.
    if (!s.take('M') || !s.number(change->month) || !s.take('.') || !s.number(change->week) ||
        !s.take('.') || !s.number(change->weekday)) {
      return false;
    }
    if (s.take('/') && !s.time(change->second)) return false;
    if (change->month < 1 || change->month > 12 || change->week < 1 || change->week > 5 ||
        change->weekday > 6)
      return false;
    if (change == &out.to_summer && !s.take(',')) return false;
  }
  return s.at_end();
}

Result<Zone> Zone::parse(std::string_view bytes) {
  const auto bad = [](const char* what) {
    return corruption(std::string("time zone file: ") + what);
  };
  Counts counts{};
  if (!read_header(bytes, 0, counts)) return bad("no TZif header");
  size_t at = kHeader, time_size = 4;
  if (bytes[4] >= '2') {  // the 64-bit block follows the 32-bit one
    at += counts.body(4);
    if (!read_header(bytes, at, counts)) return bad("no 64-bit block");
    at += kHeader;
    time_size = 8;
  }
  if (bytes.size() < at + counts.body(time_size)) return bad("truncated");
  const size_t indexes = at + counts.transitions * time_size;
  const size_t types = indexes + counts.transitions;
  const auto offset_of = [&](size_t type) {
    return static_cast<int32_t>(big_endian(bytes, types + type * 6, 4));
  };
  Zone zone;
  zone.first_offset_ = offset_of(0);
  for (size_t i = 0; i < counts.transitions; ++i) {
    const auto type = static_cast<unsigned char>(bytes[indexes + i]);
    if (type >= counts.types) return bad("type out of range");
    const int64_t when = big_endian(bytes, at + i * time_size, time_size);
    if (!zone.transitions_.empty() && when <= zone.transitions_.back())
      return bad("transitions out of order");
    zone.transitions_.push_back(when);
    zone.offsets_.push_back(offset_of(type));
  }
  const size_t footer = at + counts.body(time_size);
  if (time_size == 8 && footer < bytes.size() && bytes[footer] == '\n') {
    const size_t end = bytes.find('\n', footer + 1);
    if (end == std::string_view::npos) return bad("unterminated footer");
    zone.has_footer_ = parse_footer(bytes.substr(footer + 1, end - footer - 1), zone.footer_);
  }
  return zone;
}

Result<Zone> Zone::load(const std::string& name) {
  if (name == "UTC" || name == "Z") return Zone();
  if (name.empty() || name.front() == '/' || name.find("..") != std::string::npos) {
    return invalid_argument("time zone '" + name + "' is not a name like \"America/New_York\"");
  }
  auto bytes = read_host_file(std::string(kFolder) + name, kFileMax);
  if (!bytes) {
    return not_found("time zone '" + name + "': there is no file " + std::string(kFolder) + name +
                     " (names look like \"America/New_York\"; the package tzdata has them)");
  }
  auto zone = parse(*bytes);
  if (!zone) return std::move(zone).error().with("time zone '" + name + "'");
  return zone;
}

int32_t Zone::footer_offset(int64_t unix_seconds) const {
  if (!footer_.has_summer) return footer_.standard;
  const int64_t year = year_of(unix_seconds + footer_.standard);
  const int64_t summer = footer_.to_summer.civil_in(year) - footer_.standard;
  const int64_t standard = footer_.to_standard.civil_in(year) - footer_.summer;
  const bool is_summer = summer < standard ? summer <= unix_seconds && unix_seconds < standard
                                           : !(standard <= unix_seconds && unix_seconds < summer);
  return is_summer ? footer_.summer : footer_.standard;
}

int32_t Zone::offset_at(int64_t unix_seconds) const {
  const auto next = std::upper_bound(transitions_.begin(), transitions_.end(), unix_seconds);
  if (next == transitions_.end() && has_footer_) return footer_offset(unix_seconds);
  if (next == transitions_.begin()) return first_offset_;
  return offsets_[static_cast<size_t>(next - transitions_.begin()) - 1];
}

int64_t Zone::to_unix(int64_t civil_seconds) const {
  // No offset exceeds a day, so the two offsets that can hold are those in force a day before and
  // after. In an overlap the earlier instant has the offset before the change; in a gap neither
  // fits.
  const int32_t before = offset_at(civil_seconds - 86400);
  const int32_t after = offset_at(civil_seconds + 86400);
  if (before == after) return civil_seconds - before;
  const int64_t early = civil_seconds - before;
  if (offset_at(early) == before) return early;
  const int64_t late = civil_seconds - after;
  if (offset_at(late) == after) return late;
  return early;
}

}  // namespace hindcast
