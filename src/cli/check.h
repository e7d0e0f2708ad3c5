// `hindcast check`: is the configuration right, and does a sample of the data fit it?
#pragma once
#include <string>

#include "cli/commands.h"

namespace hindcast {

struct CheckOptions {
  std::string config = "hindcast.toml";
  std::string sample;  // a file; empty = the configuration only
  std::string source;  // that the sample belongs to; empty = the only one, or the one whose path
                       // template it fits
};

/// Says what is configured and how the sample's first events are mapped. kExitNo when the
/// configuration is wrong or no event of the sample can be read.
int check_command(const CheckOptions& options, const Output& output);

}  // namespace hindcast
