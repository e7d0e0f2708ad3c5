// A history that costs nothing: the live log itself, as long as it is kept ([log] retention, age).
// It has what was taken in, so it brings back what was lost later: a damaged page, a fold that went
// wrong. It does not have what never came, and says so (docs/decisions/log-as-history.md).
//
// A cursor reads the entries of the index that may hold events of its range, those with the
// earliest events first, so complete_to is certain and moves while it reads. It leases what it has
// yet to read; when live needs that space it ends with kNotFound, "lease-broken: …".
//
// All sources of the stream are in it: a stream is one truth.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "history/history.h"
#include "replay/log_index.h"

namespace hindcast {

struct LogHistoryParts {
  StreamSchema schema;
  std::string stream;  // its name
  std::vector<PartitionId> partitions;
  Log& log;         // outlives it and its cursors
  LogIndex& index;  // likewise; of these partitions
  /// Where in a range events of the stream were lost before they could be taken in.
  std::function<Result<std::vector<Window>>(const Window& range)> never_taken;
};

std::unique_ptr<History> make_log_history(LogHistoryParts parts);

}  // namespace hindcast
