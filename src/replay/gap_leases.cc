#include "replay/gap_leases.h"

#include <algorithm>

namespace hindcast {

void GapLeases::follow(const std::vector<Need>& needs) {
  std::map<std::pair<GapId, PartitionId>, Position> wanted;
  for (const Need& need : needs) {
    const auto [known, is_new] = wanted.try_emplace({need.gap, need.partition}, need.from);
    if (!is_new) known->second = std::min(known->second, need.from);
  }
  std::erase_if(held_, [&](const auto& entry) {
    if (wanted.contains(entry.first)) return false;
    log_.release(entry.second.lease);
    return true;
  });
  for (const auto& [whose, lowest] : wanted) {
    const auto& [gap, partition] = whose;
    const auto held = held_.find(whose);
    if (held != held_.end() && (lowest <= held->second.from || !log_.holds(held->second.lease)))
      continue;
    const Position from = std::max(lowest, log_.kept_from(partition, Channel::kLive));
    const auto lease =
        log_.lease(partition, Channel::kLive, from,
                   "open gap " + std::to_string(gap) + " of stream '" + stream_ + "'");
    if (!lease) continue;  // freed just now; the next call asks for what is left
    if (held != held_.end()) log_.release(held->second.lease);
    held_[whose] = {*lease, from};
  }
}

}  // namespace hindcast
