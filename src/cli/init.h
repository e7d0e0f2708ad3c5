// `hindcast init FILE`: writes a configuration guessed from a sample of somebody's data.
#pragma once
#include <string>

#include "cli/commands.h"

namespace hindcast {

struct InitOptions {
  std::string sample;                    // the file
  std::string output = "hindcast.toml";  // "-" = standard output
  bool force = false;                    // replace what is there
};

int init_command(const InitOptions& options, const Output& output);

}  // namespace hindcast
