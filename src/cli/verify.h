// hindcast verify: is what is stored what it should be?
#pragma once
#include "cli/commands.h"

namespace hindcast {

struct VerifyOptions {
  std::string from, to, against, source;
  bool repair = false, json = false;
};
/// kExitNo when something differs, or could not be compared.
int verify_command(const VerifyOptions& options, Endpoint& endpoint, const Output& output);

}  // namespace hindcast
