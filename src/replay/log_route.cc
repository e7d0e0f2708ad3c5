#include "replay/log_route.h"

#include <algorithm>
#include <utility>

namespace hindcast {

bool LogRoute::has_room(ByteCount bytes) const {
  const LogStats stats = log_.stats(Channel::kReplay);
  return stats.size.value + bytes.value <= stats.limit.value / 2;
}

bool LogRoute::is_merged(PartitionId partition, Position position) const {
  const std::scoped_lock lock(mutex_);
  const auto found = merged_.find(partition);
  return found != merged_.end() && position <= found->second;
}

ReplayCounts LogRoute::take(JobId job) {
  const std::scoped_lock lock(mutex_);
  const auto found = did_.find(job);
  if (found == did_.end()) return {};
  const ReplayCounts counts = found->second;
  did_.erase(found);
  return counts;
}

void LogRoute::merged(PartitionId partition, Position through) {
  {
    const std::scoped_lock lock(mutex_);
    Position& known = merged_[partition];
    if (through <= known) return;
    known = through;
  }
  if (wake_) wake_();
}

void LogRoute::did(JobId job, const ReplayCounts& counts) {
  const std::scoped_lock lock(mutex_);
  did_[job] += counts;
}

}  // namespace hindcast
