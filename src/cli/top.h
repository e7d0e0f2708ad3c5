// `hindcast top`: the daemon at work, on the whole terminal, once a second.
#pragma once
#include <string>

#include "cli/commands.h"
#include "cli/terminal.h"

namespace hindcast {

struct TopOptions {
  bool once = false;  // one frame, as plain text; also where nobody watches
  std::string where;  // what is looked at, for the first line
  Terminal terminal;
};
/// Exit: as its first look says; a daemon that goes away later is waited for.
int top_command(const TopOptions& options, Endpoint& endpoint, const Output& output);

}  // namespace hindcast
