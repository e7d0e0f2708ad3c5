// The operator's log: one key=value line per fact on stderr.
//
//   log_warn("replay paused", {{"lane", "replay"}, {"backlog_bytes", n}});
//   time=2024-03-01T10:00:00.000Z level=warn msg="replay paused" lane=replay backlog_bytes=4096
//
// Log a fact once, where it is handled. error = data is wrong or unavailable; warn = degraded but
// recovering; info = a state changed; debug = per batch. Never per event.
//
// Thread safety: all functions from any thread.
#pragma once
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hindcast {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarn, kError };
std::string_view to_string(LogLevel level);
/// "debug", "info", "warn" or "error". Errors: kInvalidArgument.
Result<LogLevel> parse_log_level(std::string_view text);

/// A name and a value that is text, a number, a bool or anything with value (ids, ByteCount).
struct LogField {
  LogField(std::string_view field, std::string_view v) : name(field), value(v) {}
  LogField(std::string_view field, const char* v) : name(field), value(v) {}
  LogField(std::string_view field, const std::string& v) : name(field), value(v) {}
  LogField(std::string_view field, bool v) : name(field), value(v ? "true" : "false") {}
  template <class T>
  requires std::integral<T> || std::floating_point<T> LogField(std::string_view field, T v)
      : name(field), value(std::to_string(v)) {}
  template <class T>
  requires requires(const T& t) { std::to_string(t.value); }
  LogField(std::string_view field, const T& v) : name(field), value(std::to_string(v.value)) {}

  std::string_view name;
  std::string value;
};
using LogFields = std::initializer_list<LogField>;

/// Lines below `level` are dropped. Default: info.
void set_log_level(LogLevel level);

void log_debug(std::string_view text, LogFields fields = {});
void log_info(std::string_view text, LogFields fields = {});
void log_warn(std::string_view text, LogFields fields = {});
void log_error(std::string_view text, LogFields fields = {});

/// The part of a line after its time. A value with spaces, quotes, '=' or control characters is
/// quoted and escaped, so that one fact stays on one line whatever a producer sent.
std::string format_log_line(LogLevel level, std::string_view text, LogFields fields);

}  // namespace hindcast
