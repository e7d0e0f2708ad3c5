#include "progress/replay_windows.h"

namespace hindcast {
namespace {

uint64_t page_windows(const std::vector<Window>& stretches, Duration page_window) {
  uint64_t count = 0;
  for (const Window& stretch : stretches) {
    if (stretch.end == kMaxEventTime) continue;
    count += static_cast<uint64_t>((stretch.end - stretch.start + page_window - 1ns) / page_window);
  }
  return count;
}

}  // namespace

uint64_t windows_done(const ReplayJob& job, Duration page_window) {
  uint64_t count = 0;
  for (const Window& stretch : job.done)
    count += page_windows(left_of(stretch, job.skipped), page_window);
  return count;
}

std::vector<Window> stretches_left(const ReplayJob& job) {
  std::vector<Window> taken = job.done;
  for (const ReplayJob::SetAside& aside : job.set_aside) add_window(taken, aside.window);
  return left_of(job.range, taken);
}

uint64_t windows_left(const ReplayJob& job, Duration page_window) {
  return page_windows(stretches_left(job), page_window);
}

}  // namespace hindcast
