// `hindcast feed FILE…`: serves a recorded data set as a live exchange (docs/feed.md).
#pragma once
#include <string>
#include <vector>

#include "cli/commands.h"
#include "server/feed.h"

namespace hindcast {

struct FeedCommandOptions {
  std::vector<std::string> files;  // plain, .gz or .zst
  std::vector<std::string> key;
  std::string time, time_unit = "rfc3339", id, channel_by, seq_name = "seq";
  std::string format;  // "" = by the files' names
  std::string delimiter = ",";
  std::string listen = "127.0.0.1:0";
  double speed = 1;
  std::string rate;  // "500/s"; "" = speed
  bool fastest = false;
  std::string start_at = "first-connection";
  std::string heartbeat = "1s", max_late = "0", end_heartbeats = "3d";  // of feed time
  uint64_t limit = 1000;
};

/// Serves until a signal asks to stop.
int feed_command(const FeedCommandOptions& options, const Output& output);

/// The parts of it, for tests. Errors: kInvalidArgument naming the option.
Result<FeedMapping> feed_mapping(const FeedCommandOptions& options);
Result<FeedOptions> feed_options(const FeedCommandOptions& options);

}  // namespace hindcast
