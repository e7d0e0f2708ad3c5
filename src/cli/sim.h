// `hindcast sim`: histories of a simulated node, to look for faults or to repeat one that was
// found.
#pragma once
#include <cstdint>
#include <string>

#include "cli/commands.h"

namespace hindcast {

struct SimOptions {
  std::string scenario = "all";
  uint64_t seed = 1;   // the first one
  uint64_t seeds = 1;  // how many
  bool trace = false;  // print every step
};

/// Runs the scenario, or all of them, once per seed. kExitNo when a law was broken.
int sim_command(const SimOptions& options, const Output& output);

}  // namespace hindcast
