// Reads a configuration file for a command.
#pragma once
#include <optional>
#include <string>

#include "format/config.h"

namespace hindcast {

/// The configuration, or nothing after all its problems were printed to stderr. Paths in it are
/// relative to its folder.
std::optional<Config> load_config(const std::string& path);

}  // namespace hindcast
