#include "base/virtual_runtime.h"

#include <algorithm>

namespace hindcast {

VirtualRuntime::VirtualRuntime(uint64_t seed, ProcessingTime wall) : wall_(wall), rng_(seed) {}

void VirtualRuntime::post(ShardId shard, Task task) { at(shard, now_, std::move(task)); }

void VirtualRuntime::at(ShardId, MonoTime when, Task task) {
  tasks_.emplace(std::pair(std::max(when, now_), posted_++), std::move(task));
}

bool VirtualRuntime::step() {
  if (tasks_.empty()) return false;
  auto next = tasks_.extract(tasks_.begin());
  now_ = next.key().first;
  next.mapped()();
  return true;
}

void VirtualRuntime::run_until(MonoTime until) {
  while (!tasks_.empty() && tasks_.begin()->first.first <= until) step();
  now_ = std::max(now_, until);
}

}  // namespace hindcast
