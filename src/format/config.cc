#include "format/config.h"

#include <fmt/format.h>

namespace hindcast {

std::vector<Duration> AggregateConfig::resolutions() const {
  std::vector<Duration> out{bucket};
  out.insert(out.end(), rollups.begin(), rollups.end());
  return out;
}

const StreamConfig* Config::stream(const std::string& name) const {
  for (const StreamConfig& s : streams) {
    if (s.schema.name == name) return &s;
  }
  return nullptr;
}

const SourceConfig* Config::source(const std::string& name) const {
  for (const SourceConfig& s : sources) {
    if (s.name == name) return &s;
  }
  return nullptr;
}

std::string_view to_string(ReplayRoute route) {
  return route == ReplayRoute::kSeparate ? "separate" : "direct";
}

std::string_view couples(ReplayRoute route) {
  if (route == ReplayRoute::kDirect)
    return "history goes straight into the store: it shares nothing else with live";
  return "history goes through the replay log: it shares its disk space and bound ([log] "
         "retention) "
         "with events later than late_as_replay, and takes half of it at most";
}

std::string to_string(const std::vector<ConfigProblem>& problems, const std::string& file) {
  std::string out;
  for (const ConfigProblem& p : problems) {
    out += p.line > 0 ? fmt::format("{}:{}: {}", file, p.line, p.message)
                      : fmt::format("{}: {}", file, p.message);
    if (!p.hint.empty()) out += fmt::format("  ({})", p.hint);
    out += "\n";
  }
  return out;
}

}  // namespace hindcast
