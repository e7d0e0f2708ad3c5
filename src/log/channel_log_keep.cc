// What a channel keeps, and in which order it lets go: what is settled and old; for live's sake
// what is only kept, and leases. Always whole segments from the oldest on, since the segments on
// disk follow each other without a hole.
#include <algorithm>

#include "base/log.h"
#include "log/channel_log_internal.h"

namespace hindcast::log {

Result<LeaseId> ChannelLog::lease(PartitionId partition, Position from, std::string owner) {
  const std::lock_guard lock(mutex_);
  if (from < lowest_kept(partition)) {
    return not_found("lease of " + owner + ": the log is trimmed beyond that position");
  }
  leases_[next_lease_] = {partition, from, std::move(owner)};
  return next_lease_++;
}

bool ChannelLog::holds(LeaseId lease) const {
  const std::lock_guard lock(mutex_);
  return leases_.contains(lease);
}

Position ChannelLog::kept_from(PartitionId partition) const {
  const std::lock_guard lock(mutex_);
  return lowest_kept(partition);
}

/// What an earlier life freed is known by its segments, which are not there.
Position ChannelLog::lowest_kept(PartitionId partition) const {
  const auto dropped = dropped_.find(partition);
  const Position begin{0, kept_.empty() ? 0 : kept_.begin()->first * segment_bytes_};
  return dropped == dropped_.end() ? begin : std::max(begin, dropped->second);
}

void ChannelLog::release(LeaseId lease) {
  const MonoTime at = now();
  const std::lock_guard lock(mutex_);
  if (leases_.erase(lease) != 0) free_below(aged(at));
}

void ChannelLog::trim(PartitionId partition, Position below) {
  const MonoTime at = now();
  const std::lock_guard lock(mutex_);
  Position& settled = settled_[partition];
  settled = std::max(settled, below);
  free_below(aged(at));
}

uint64_t ChannelLog::aged(MonoTime at) const {
  if (age_ == Duration(0)) return UINT64_MAX;
  const auto young = std::ranges::find_if(
      kept_, [&](const auto& entry) { return at - entry.second.written < age_; });
  return young == kept_.end() ? UINT64_MAX : young->first * segment_bytes_;
}

void ChannelLog::free_below(uint64_t aged) {
  for (const auto& [partition, settled] : settled_) {
    Position below = std::min(settled, Position{0, aged});
    for (const auto& [id, lease] : leases_) {
      if (lease.partition == partition) below = std::min(below, lease.from);
    }
    Position& dropped = dropped_[partition];
    dropped = std::max(dropped, below);
    directory_.drop(partition, below);
  }
  const uint64_t needed = directory_.oldest({}).value_or(UINT64_MAX) / segment_bytes_;
  while (kept_.size() > 1 && kept_.begin()->first < needed) {
    segments_.retire(kept_.begin()->first);
    kept_.erase(kept_.begin());
  }
  if (kept_.empty()) return;
  const Position begin{0, kept_.begin()->first * segment_bytes_};
  std::erase_if(lost_, [&](const LogDamage& d) { return d.resume < begin; });
  bad_.erase(bad_.begin(), bad_.lower_bound(begin.lo));
}

// ── room for live ───────────────────────────────────────────────────────────────────────────────

bool ChannelLog::make_room(uint64_t bound, std::vector<BrokenLease>& broken) {
  while (kept_bytes() + waiting_bytes_ >= bound) {
    if (!drop_oldest(broken)) return false;
  }
  return true;
}

bool ChannelLog::drop_oldest(std::vector<BrokenLease>& broken) {
  if (kept_.size() < 2) return false;
  const uint64_t oldest = kept_.begin()->first;
  const uint64_t end = (oldest + 1) * segment_bytes_;
  const auto in_it = [&](std::optional<uint64_t> position) { return position && *position < end; };
  if (in_it(directory_.oldest(settled_))) return false;
  for (auto it = leases_.begin(); it != leases_.end();) {
    if (in_it(directory_.first(it->second.partition, it->second.from))) {
      broken.push_back({std::move(it->second), segments_.name(oldest)});
      ++broken_leases_;
      it = leases_.erase(it);
    } else {
      ++it;
    }
  }
  free_below(end);
  return kept_.begin()->first != oldest;
}

void ChannelLog::tell(const std::vector<BrokenLease>& broken) {
  for (const auto& [lease, segment] : broken) {
    log_error("live needs the space: a lease of the log is broken",
              {{"owner", lease.owner},
               {"partition", lease.partition},
               {"lost", segment + " and what was before it"},
               {"fix", "a larger [log] retention"}});
  }
}

Result<Segments::Ready> ChannelLog::take_segment() {
  while (true) {
    Result<Segments::Ready> next = segments_.take();
    if (next || next.error().code != ErrorCode::kOverloaded) return next;
    // The disk is full. A segment that is only kept can be used again.
    std::vector<BrokenLease> broken;
    bool dropped = false;
    {
      const std::lock_guard lock(mutex_);
      dropped = drop_oldest(broken);
    }
    tell(broken);
    if (!dropped) return next;
  }
}

// ── what it has ─────────────────────────────────────────────────────────────────────────────────

uint64_t ChannelLog::kept_bytes() const {
  return kept_.empty() ? 0 : bytes_from(kept_.begin()->first);
}

uint64_t ChannelLog::needed_bytes() const {
  if (kept_.empty()) return 0;
  const uint64_t last = kept_.rbegin()->first;  // the writer's cannot be freed
  const auto needed = directory_.oldest(settled_);
  return bytes_from(needed ? std::min(last, *needed / segment_bytes_) : last);
}

uint64_t ChannelLog::bytes_from(uint64_t segment) const {
  const uint64_t begin = segment * segment_bytes_;
  return end_ > begin ? end_ - begin : 0;
}

LogStats ChannelLog::stats() const {
  const std::lock_guard lock(mutex_);
  return {.size = ByteCount{needed_bytes()},
          .limit = options_.retention,
          .oldest = Position{0, directory_.oldest({}).value_or(0)},
          .newest = newest_,
          .kept = ByteCount{kept_bytes()},
          .broken_leases = broken_leases_};
}

ByteCount ChannelLog::between(Position older, Position newer) const {
  return ByteCount{older < newer ? newer.lo - older.lo : 0};
}

}  // namespace hindcast::log
