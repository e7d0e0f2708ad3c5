// What `hindcast top` shows, as text: streams with their time, live and the governor of replay, the
// chain of backpressure, replays with speed and reason.
//
// Pure over the JSON of the API; it remembers the frame before, for rates. Thread safety: confined
// to one thread.
#pragma once
#include <map>
#include <optional>
#include <string>

#include "cli/terminal.h"
#include "net/json_reader.h"

namespace hindcast {

/// Answers of GET /v1/status, /v1/coverage and /v1/replays, asked for in this order.
struct TopData {
  JsonValue status, coverage, replays;
};

class TopView {
 public:
  /// Lines, each ended by a newline, which fit a terminal that somebody watches. `where`: what is
  /// looked at.
  std::string frame(const TopData& data, const std::string& where, const Terminal& terminal);

 private:
  /// Events a second that a source received since the frame before; absent in the first one, and
  /// when the daemon began anew.
  std::optional<double> received_rate(const JsonValue& source, double uptime) const;
  std::string sources(const JsonValue& status);

  std::map<std::string, double> received_;  // by source, in the frame before
  double uptime_ = 0;                       // of the daemon, then
};

}  // namespace hindcast
