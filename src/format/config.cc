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
