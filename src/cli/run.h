// `hindcast run`: the daemon.
#pragma once
#include <string>

namespace hindcast {

struct RunOptions {
  std::string config = "hindcast.toml";
  bool until_drained =
      false;           // end once every file and stdin source has ended and all of it is sealed
  std::string listen;  // overrides [server] listen: "127.0.0.1:0"
};

/// The exit code: 0; 1 when a source failed under --until-drained; 2 when the configuration is
/// wrong or the daemon cannot start.
int run_command(const RunOptions& options);

}  // namespace hindcast
