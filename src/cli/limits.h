// `hindcast limits`: what replay is held by, shown and changed while it runs.
#pragma once
#include <string>
#include <vector>

#include "cli/commands.h"

namespace hindcast {

struct LimitsOptions {
  std::vector<std::string> set;  // "rate=10%"; nothing behind '=' takes a change back
  bool json = false;
};
int limits_command(const LimitsOptions& options, Endpoint& endpoint, const Output& output);

/// What a limit is, in a few words; "" for one that this program does not know.
std::string meaning_of_limit(std::string_view name);

}  // namespace hindcast
