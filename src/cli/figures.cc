#include "cli/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "base/time.h"
#include "cli/table.h"
#include "replay/reason_shares.h"

namespace hindcast {

double number(const JsonValue& value) {
  double out = 0;
  std::from_chars(value.text.data(), value.text.data() + value.text.size(), out);
  return out;
}

std::string human_seconds(double seconds) {
  constexpr double kLongest = 1e9;  // 32 years
  seconds = std::clamp(seconds, 0.0, kLongest);
  const auto duration =
      std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  // Above ten seconds nobody reads fractions.
  if (duration >= Duration(10s))
    return human_duration(std::chrono::round<std::chrono::seconds>(duration));
  return fmt::format("{:.1f}s", seconds);
}

std::string bar(double share, size_t width) {
  const auto full = static_cast<size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(width));
  return "[" + std::string(full, '#') + std::string(width - full, '.') + "]";
}

std::string short_count(double count) {
  constexpr const char* kUnits[] = {"", "k", "M", "G", "T"};
  size_t unit = 0;
  for (; count >= 999.5 && unit + 1 < std::size(kUnits); ++unit) count /= 1000;
  const int decimals = unit == 0 || count >= 99.95 ? 0 : count >= 9.995 ? 1 : 2;
  std::string out = fmt::format("{:.{}f}", count, decimals);
  if (decimals > 0) {
    out.erase(out.find_last_not_of('0') + 1);
    if (out.ends_with('.')) out.pop_back();
  }
  return out + kUnits[unit];
}

std::string short_latency(const JsonValue& seconds) {
  if (seconds.is_null()) return "-";
  const double milliseconds = number(seconds) * 1000;
  if (milliseconds == 0) return "0 ms";
  if (milliseconds >= 999.5) return fmt::format("{:.1f} s", milliseconds / 1000);
  return fmt::format("{:.{}f} ms", milliseconds,
                     milliseconds >= 99.95   ? 0
                     : milliseconds >= 9.995 ? 1
                                             : 2);
}

std::string percent_done(const JsonValue& share) {
  return share.is_null() ? "-" : fmt::format("{:.0f} %", std::floor(100 * number(share)));
}

std::string reasons_line(const JsonValue& seconds_by_reason) {
  ReasonTimes times{};
  for (size_t i = 0; i < kReasons; ++i) {
    times[i] = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(
        number(seconds_by_reason[to_string(static_cast<Reason>(i))])));
  }
  const auto shares = shares_of(times, 100);
  std::array<size_t, kReasons> order{};
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater(), [&](size_t i) { return shares[i]; });
  std::string out;
  for (const size_t i : order) {
    if (shares[i] == 0) break;
    out += fmt::format("{}{} {}%", out.empty() ? "" : " · ", to_string(static_cast<Reason>(i)),
                       shares[i]);
  }
  return out.empty() ? "-" : out;
}

std::string fit(std::string_view line, size_t columns) {
  std::string out;
  size_t used = 0;
  bool coloured = false;
  for (size_t at = 0; at < line.size();) {
    size_t end = at + 1;
    if (line[at] == '\x1b') {
      end = std::min(line.find('m', at), line.size() - 1) + 1;
      coloured = true;
    } else {
      // The bytes that continue a character of UTF-8 begin with the bits 10.
      while (end < line.size() && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) ++end;
      if (used++ == columns) break;
    }
    out += line.substr(at, end - at);
    at = end;
  }
  if (coloured && !out.ends_with("\x1b[0m")) out += "\x1b[0m";
  return out;
}

}  // namespace hindcast
