#include "engine/isolation.h"

#include <string>

#include "base/log.h"

namespace hindcast {

std::string_view to_string(IsolationKind kind) {
  switch (kind) {
    case IsolationKind::kOff:
      return "off";
    case IsolationKind::kThreads:
      return "threads";
    case IsolationKind::kProcess:
      return "process";
  }
  return "";
}

void Isolation::enter_live() {
  if (kind_ == IsolationKind::kOff) return;
  const Scheduling held = enter(ThreadClass::kLive);
  live_.store(held, std::memory_order_relaxed);
  if (!said_.exchange(true, std::memory_order_relaxed)) say(held);
}

void Isolation::enter_replay() {
  if (kind_ == IsolationKind::kOff) return;
  replay_.store(enter(ThreadClass::kIdle), std::memory_order_relaxed);
}

void Isolation::say(Scheduling held) {
  const std::string class_name(to_string(held));
  if (held == Scheduling::kFifo) return log_info("live threads go first", {{"class", class_name}});
  const std::string grant =
      "CAP_SYS_NICE (systemd: AmbientCapabilities, docker: --cap-add "
      "SYS_NICE), or a limit RTPRIO of " +
      std::to_string(kLivePriority);
  if (held == Scheduling::kShortSlice)
    return log_info("live threads have a short slice; real time is not permitted",
                    {{"class", class_name}, {"grant", grant}});
  log_warn(
      "live threads have no class of their own: real time is not permitted, and this kernel "
      "(before 6.12) ignores slices; replays will be felt more",
      {{"class", class_name}, {"grant", grant}});
}

}  // namespace hindcast
