#include "log/memory_log.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "base/log.h"
#include "log/append_check_internal.h"

namespace hindcast {
namespace {

// What a record counts: its payload and about what its header takes on disk.
uint64_t weight(size_t payload_bytes) { return payload_bytes + 16; }

}  // namespace

MemoryLog::MemoryLog(MemoryLogOptions options) : options_(options) {}

void MemoryLog::append(Channel channel, std::vector<LogAppend> records,
                       Done<std::vector<Position>> done) {
  if (Status ok = log::check_sizes(records); !ok) {
    done(std::move(ok).error());
    return;
  }
  const uint64_t limit =
      options_.retention.value +
      (log::only_control(records) ? options_.control_reserve.value : uint64_t{0});
  const MonoTime at = now();
  std::vector<Lease> broken;
  bool full = false;
  {
    const std::lock_guard lock(mutex_);
    const State& s = state(channel);
    while (!records.empty() && s.kept >= limit && !full) full = !drop_oldest(channel, broken);
    if (!full) {
      std::vector<Position> positions = take(channel, std::move(records), at);
      completions_.emplace_back(
          [this, channel, done = std::move(done), positions = std::move(positions)]() mutable {
            done(std::move(positions));
            if (hook_) hook_(channel);
          });
    }
  }
  for (const Lease& lease : broken) {
    log_error("live needs the space: a lease of the log is broken",
              {{"owner", lease.owner}, {"partition", lease.partition}});
  }
  if (full) {
    done(overloaded("the log is at its bound of " + std::to_string(options_.retention.value) +
                    " bytes"));
    return;
  }
  run_completions();
}

std::vector<Position> MemoryLog::take(Channel channel, std::vector<LogAppend> records,
                                      MonoTime at) {
  State& s = state(channel);
  std::vector<Position> positions;
  positions.reserve(records.size());
  for (LogAppend& record : records) {
    const Position position{0, s.end + 1};
    const uint64_t bytes = weight(record.payload.size());
    Partition& p = s.partitions[record.header.partition];
    s.end += bytes;
    s.kept += bytes;
    if (position >= p.settled) s.needed += bytes;
    s.newest = position;
    positions.push_back(position);
    p.records.push_back({{position, record.header, std::move(record.payload)}, at});
  }
  return positions;
}

void MemoryLog::run_completions() {
  std::unique_lock lock(mutex_);
  if (completing_) return;  // whoever is at it also takes ours, in order
  completing_ = true;
  while (!completions_.empty()) {
    const std::function<void()> completion = std::move(completions_.front());
    completions_.pop_front();
    lock.unlock();
    completion();
    lock.lock();
  }
  completing_ = false;
}

Result<LogChunk> MemoryLog::read(PartitionId partition, Channel channel, Position after,
                                 ByteCount max) {
  const std::lock_guard lock(mutex_);
  LogChunk chunk;
  chunk.next = after;
  const auto& partitions = state(channel).partitions;
  const auto found = partitions.find(partition);
  if (found == partitions.end()) return chunk;
  const auto& records = found->second.records;
  auto it = std::upper_bound(records.begin(), records.end(), after,
                             [](Position p, const Kept& k) { return p < k.record.position; });
  uint64_t bytes = 0;
  for (; it != records.end(); ++it) {
    bytes += it->record.payload.size();
    if (!chunk.records.empty() && bytes > max.value) break;
    chunk.records.push_back(it->record);
    chunk.next = it->record.position;
  }
  return chunk;
}

void MemoryLog::on_readable(std::function<void(Channel)> hook) { hook_ = std::move(hook); }

Result<LeaseId> MemoryLog::lease(PartitionId partition, Channel channel, Position from,
                                 std::string owner) {
  const std::lock_guard lock(mutex_);
  if (from < state(channel).partitions[partition].dropped) {
    return not_found("lease of " + owner + ": the log is trimmed beyond that position");
  }
  leases_[next_lease_] = {channel, partition, from, std::move(owner)};
  return next_lease_++;
}

bool MemoryLog::holds(LeaseId lease) const {
  const std::lock_guard lock(mutex_);
  return leases_.contains(lease);
}

Position MemoryLog::kept_from(PartitionId partition, Channel channel) const {
  const std::lock_guard lock(mutex_);
  const auto& partitions = state(channel).partitions;
  const auto found = partitions.find(partition);
  return found == partitions.end() ? Position{} : found->second.dropped;
}

void MemoryLog::release(LeaseId lease) {
  const MonoTime at = now();
  const std::lock_guard lock(mutex_);
  const auto it = leases_.find(lease);
  if (it == leases_.end()) return;
  const Lease ended = std::move(it->second);
  leases_.erase(it);
  drop(ended.channel, ended.partition, at);
}

Status MemoryLog::trim(PartitionId partition, Channel channel, Position below) {
  const MonoTime at = now();
  const std::lock_guard lock(mutex_);
  State& s = state(channel);
  Partition& p = s.partitions[partition];
  const auto position = [](const Kept& k) { return k.record.position; };
  auto it = std::ranges::lower_bound(p.records, p.settled, {}, position);
  for (; it != p.records.end() && it->record.position < below; ++it)
    s.needed -= weight(it->record.payload.size());
  p.settled = std::max(p.settled, below);
  drop(channel, partition, at);
  return {};
}

void MemoryLog::drop(Channel channel, PartitionId id, MonoTime at) {
  State& s = state(channel);
  Partition& p = s.partitions[id];
  const Duration age = channel == Channel::kLive ? options_.age : Duration(0);
  Position below = p.settled;
  for (const auto& [number, lease] : leases_) {
    if (lease.channel == channel && lease.partition == id) below = std::min(below, lease.from);
  }
  while (!p.records.empty() && p.records.front().record.position < below) {
    if (at - p.records.front().written < age) return;
    drop_front(s, p);
  }
  p.dropped = std::max(p.dropped, below);
}

void MemoryLog::drop_front(State& s, Partition& p) {
  const LogRecord& gone = p.records.front().record;
  s.kept -= weight(gone.payload.size());
  p.dropped = std::max(p.dropped, Position{0, gone.position.lo + 1});
  p.records.pop_front();
}

bool MemoryLog::drop_oldest(Channel channel, std::vector<Lease>& broken) {
  State& s = state(channel);
  const auto holds = [channel](const Lease& lease, PartitionId id, Position position) {
    return lease.channel == channel && lease.partition == id && lease.from <= position;
  };
  std::optional<std::tuple<bool, Position, PartitionId>> oldest;  // leased ones last
  for (const auto& [id, p] : s.partitions) {
    if (p.records.empty() || p.records.front().record.position >= p.settled) continue;
    const Position position = p.records.front().record.position;
    bool leased = false;
    for (const auto& [number, lease] : leases_) leased = leased || holds(lease, id, position);
    const std::tuple found{leased, position, id};
    if (!oldest || found < *oldest) oldest = found;
  }
  if (!oldest) return false;
  const auto [leased, position, id] = *oldest;
  for (auto it = leases_.begin(); it != leases_.end();) {
    if (holds(it->second, id, position)) {
      broken.push_back(std::move(it->second));
      ++s.broken_leases;
      it = leases_.erase(it);
    } else {
      ++it;
    }
  }
  drop_front(s, s.partitions.at(id));
  return true;
}

LogStats MemoryLog::stats(Channel channel) const {
  const std::lock_guard lock(mutex_);
  const State& s = state(channel);
  LogStats out{.size = ByteCount{s.needed},
               .limit = options_.retention,
               .oldest = {},
               .newest = s.newest,
               .kept = ByteCount{s.kept},
               .broken_leases = s.broken_leases};
  bool any = false;
  for (const auto& [id, p] : s.partitions) {
    if (p.records.empty()) continue;
    const Position first = p.records.front().record.position;
    out.oldest = any ? std::min(out.oldest, first) : first;
    any = true;
  }
  return out;
}

}  // namespace hindcast
