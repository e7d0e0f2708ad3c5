// Figures as people take them in at a glance: bars, three digits, a line that fits.
//
// Pure. Thread safety: any thread.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "net/json_reader.h"

namespace hindcast {

/// 0 for null and for what is no number.
double number(const JsonValue& value);
/// "4m10s", "2.5s".
std::string human_seconds(double seconds);

/// "[####......]": `share`, cut to [0, 1], of `width` characters; full only at 1.
std::string bar(double share, size_t width);
/// "987", "12.3k", "250k", "1.25M".
std::string short_count(double count);
/// "0.85 ms", "12.3 ms", "1.2 s"; "-" for null.
std::string short_latency(const JsonValue& seconds);
/// "47 %"; 100 only when all is done; "-" for null.
std::string percent_done(const JsonValue& share);
/// "rate 81% · store 12% · compute 7%" of an object of seconds by reason: the largest first, those
/// below half a percent left out; "-" where no time was taken.
std::string reasons_line(const JsonValue& seconds_by_reason);

/// The beginning of a line that fits into so many columns. Escape sequences take no room, and stay
/// whole; colour ends at the cut.
std::string fit(std::string_view line, size_t columns);

}  // namespace hindcast
