// `hindcast replay`: start, watch and steer the jobs that read lost time again.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/terminal.h"

namespace hindcast {

/// A fifth of a second.
void wait_a_moment();

struct ReplayOptions {
  std::string action = "list";  // start list show pause resume rate order cancel report
  std::string id, value;        // of which job; what `rate` and `order` set
  std::string source, from, to, order, rate;
  std::vector<std::string> keys;
  bool follow = false;  // start, show: until the job has ended, with its progress
  bool json = false;
  Terminal terminal;
  std::function<void()> pause = wait_a_moment;  // from one look at a followed job to the next
};
/// Exit: kExitNo when a followed job failed or was cancelled.
int replay_command(const ReplayOptions& options, Endpoint& endpoint, const Output& output);

/// Progress for people who wait: on a terminal a bar that stays in its place, elsewhere a line for
/// every five percent, every change of state, and every half minute.
class ProgressDisplay {
 public:
  ProgressDisplay(const Terminal& terminal, std::ostream& out) : terminal_(terminal), out_(out) {}
  void show(const JsonValue& job);
  void clear();

 private:
  const Terminal terminal_;
  std::ostream& out_;
  std::string state_;
  int percent_ = 0, silence_ = 0;
};

}  // namespace hindcast
