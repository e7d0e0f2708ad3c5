// `hindcast replay`: start, watch and steer the jobs that read lost time again.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"

namespace hindcast {

struct ReplayOptions {
  std::string action = "list";  // start list show pause resume rate order cancel report
  std::string id, value;        // of which job; what `rate` and `order` set
  std::string source, from, to, order, rate;
  std::vector<std::string> keys;
  bool follow = false;  // start, show: until the job has ended, with its progress
  bool json = false;
};
/// Exit: kExitNo when a followed job failed or was cancelled.
int replay_command(const ReplayOptions& options, Endpoint& endpoint, const Output& output);

/// "[#########.........]  47 %  120,000 ev/s  rate  eta 2m", for people who wait.
std::string progress_line(double share, double events_per_second, const std::string& state,
                          const std::string& waits_for, double elapsed_seconds);

}  // namespace hindcast
