#include "cli/limits.h"

#include <algorithm>
#include <ostream>
#include <utility>

#include "cli/table.h"
#include "net/json_writer.h"

namespace hindcast {
namespace {

constexpr std::pair<std::string_view, std::string_view> kMeanings[] = {
    {"rate", "ceiling: events a second, or a share of measured capacity"},
    {"floor", "what replay gets whatever live needs"},
    {"bytes_rate", "bytes a second read from history"},
    {"store_ops_rate", "operations a second on the store"},
    {"requests_rate", "requests a second to a history"},
    {"subwindows_at_once", "pieces of all replays"},
    {"sources_at_once", "histories read at the same time"},
    {"stagger", "between sources that come back at once"},
    {"live_p99", "target: append to applied"},
    {"live_queue_age", "target: the oldest event that waits for live"},
    {"commit_p99", "target: replay's commits"},
    {"memory", "bound of the process"},
    {"catch_up_within", "within which a backlog is to be gone"},
};

}  // namespace

std::string meaning_of_limit(std::string_view name) {
  const auto* const found =
      std::ranges::find(kMeanings, name, &std::pair<std::string_view, std::string_view>::first);
  return found == std::end(kMeanings) ? "" : std::string(found->second);
}

int limits_command(const LimitsOptions& options, Endpoint& endpoint, const Output& output) {
  Bytes body;
  JsonWriter json(body);
  json.begin_object();
  for (const std::string& change : options.set) {
    const size_t equals = change.find('=');
    if (equals == std::string::npos || equals == 0) {
      return report(
          invalid_argument("--set " + change +
                           ": write NAME=VALUE, like rate=10%; NAME= takes a change back"),
          output);
    }
    json.field(change.substr(0, equals), change.substr(equals + 1));
  }
  json.end_object();
  const Asked asked = options.set.empty()
                          ? ask(endpoint, output, "/v1/limits")
                          : ask(endpoint, output, "/v1/limits", "PATCH", std::move(body));
  if (asked.exit != kExitOk) return asked.exit;
  if (options.json) {
    output.out << asked.body;
    return kExitOk;
  }
  const auto limits = parse_json(asked.body);
  if (!limits) return report(limits.error(), output);
  Table table;
  for (const char* name : {"limit", "value", "meaning"}) table.column(name, Table::Align::kLeft);
  for (const auto& [name, value] : limits->members)
    table.row({name, value.text.empty() ? "-" : value.text, meaning_of_limit(name)});
  table.print(output.out);
  return kExitOk;
}

}  // namespace hindcast
