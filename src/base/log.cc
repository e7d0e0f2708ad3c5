#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <exception>

namespace hindcast {
namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

// The one global of the program: an operator's log that had to be passed to every leaf would be
// passed to none. Never destroyed, so that threads may log until the process ends.
spdlog::logger& logger() {
  static auto* const instance = [] {
    auto* l = new spdlog::logger("hindcast", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    l->set_pattern("time=%Y-%m-%dT%H:%M:%S.%eZ %v", spdlog::pattern_time_type::utc);
    l->set_level(spdlog::level::info);
    l->flush_on(spdlog::level::debug);
    return l;
  }();
  return *instance;
}

bool needs_quotes(std::string_view value) {
  if (value.empty()) return true;
  for (const char c : value) {
    const auto u = static_cast<unsigned char>(c);
    if (u <= ' ' || u == 0x7f || c == '"' || c == '=' || c == '\\') return true;
  }
  return false;
}

void append_value(std::string& out, std::string_view value) {
  if (!needs_quotes(value)) {
    out.append(value);
    return;
  }
  static constexpr char kHex[] = "0123456789abcdef";
  out.push_back('"');
  for (const char c : value) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (c == '\n') {
      out.append("\\n");
    } else if (u < ' ' || u == 0x7f) {
      out.append("\\x");
      out.push_back(kHex[u >> 4]);
      out.push_back(kHex[u & 15]);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

void write(LogLevel level, std::string_view text, LogFields fields) {
  spdlog::logger& l = logger();
  if (!l.should_log(spdlog_level(level))) return;
  try {
    l.log(spdlog_level(level), spdlog::string_view_t(format_log_line(level, text, fields)));
  } catch (const std::exception&) {
    // A log that cannot be written must not take the data down with it.
  }
}

}  // namespace

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
  }
  return "unknown";
}

Result<LogLevel> parse_log_level(std::string_view text) {
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError}) {
    if (text == to_string(level)) return level;
  }
  return invalid_argument("log level \"" + std::string(text) +
                          "\": expected debug, info, warn or error");
}

void set_log_level(LogLevel level) { logger().set_level(spdlog_level(level)); }

void log_debug(std::string_view text, LogFields fields) { write(LogLevel::kDebug, text, fields); }
void log_info(std::string_view text, LogFields fields) { write(LogLevel::kInfo, text, fields); }
void log_warn(std::string_view text, LogFields fields) { write(LogLevel::kWarn, text, fields); }
void log_error(std::string_view text, LogFields fields) { write(LogLevel::kError, text, fields); }

std::string format_log_line(LogLevel level, std::string_view text, LogFields fields) {
  std::string line = "level=";
  line.append(to_string(level)).append(" msg=");
  append_value(line, text);
  for (const LogField& field : fields) {
    line.append(" ").append(field.name).append("=");
    append_value(line, field.value);
  }
  return line;
}

}  // namespace hindcast
