// `hindcast gaps` and `hindcast coverage`: what is known to be missing.
#pragma once
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/terminal.h"

namespace hindcast {

struct GapsOptions {
  std::string source, limit;
  bool open_only = false, json = false;
};
int gaps_command(const GapsOptions& options, Endpoint& endpoint, const Output& output);

struct OpenGapOptions {
  std::string source, from, to, reason;
  std::vector<std::string> keys;  // none: all
};
/// Prints the gap, as JSON when `json`.
int open_gap_command(const OpenGapOptions& options, bool json, Endpoint& endpoint,
                     const Output& output);

struct AcceptGapOptions {
  std::string id, reason;
};
int accept_gap_command(const AcceptGapOptions& options, bool json, Endpoint& endpoint,
                       const Output& output);

struct CoverageOptions {
  std::string source, from, to;
  bool json = false;
  Terminal terminal;
};
/// A strip per stream, and the gaps that are not filled.
int coverage_command(const CoverageOptions& options, Endpoint& endpoint, const Output& output);

}  // namespace hindcast
