#include "log/memory_log.h"

#include <algorithm>

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
  bool full = false;
  {
    const std::lock_guard lock(mutex_);
    State& s = state(channel);
    const uint64_t limit =
        options_.retention.value +
        (log::only_control(records) ? options_.control_reserve.value : uint64_t{0});
    full = !records.empty() && s.size >= limit;
    if (!full) {
      std::vector<Position> positions;
      positions.reserve(records.size());
      for (LogAppend& record : records) {
        const Position position{0, s.end + 1};
        const uint64_t bytes = weight(record.payload.size());
        s.end += bytes;
        s.size += bytes;
        s.newest = position;
        positions.push_back(position);
        s.partitions[record.header.partition].records.push_back(
            {position, record.header, std::move(record.payload)});
      }
      completions_.emplace_back(
          [this, channel, done = std::move(done), positions = std::move(positions)]() mutable {
            done(std::move(positions));
            if (hook_) hook_(channel);
          });
    }
  }
  if (full) {
    done(overloaded("the log is at its bound of " + std::to_string(options_.retention.value) +
                    " bytes"));
    return;
  }
  run_completions();
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
                             [](Position p, const LogRecord& r) { return p < r.position; });
  uint64_t bytes = 0;
  for (; it != records.end(); ++it) {
    bytes += it->payload.size();
    if (!chunk.records.empty() && bytes > max.value) break;
    chunk.records.push_back(*it);
    chunk.next = it->position;
  }
  return chunk;
}

void MemoryLog::on_readable(std::function<void(Channel)> hook) { hook_ = std::move(hook); }

Result<LeaseId> MemoryLog::lease(PartitionId partition, Channel channel, Position from,
                                 std::string owner) {
  const std::lock_guard lock(mutex_);
  if (from < state(channel).partitions[partition].floor) {
    return not_found("lease of " + owner + ": the log is trimmed beyond that position");
  }
  leases_[next_lease_] = {channel, partition, from};
  return next_lease_++;
}

void MemoryLog::release(LeaseId lease) {
  const std::lock_guard lock(mutex_);
  const auto it = leases_.find(lease);
  if (it == leases_.end()) return;
  const Lease ended = it->second;
  leases_.erase(it);
  drop(ended.channel, ended.partition);
}

Status MemoryLog::trim(PartitionId partition, Channel channel, Position below) {
  const std::lock_guard lock(mutex_);
  Partition& p = state(channel).partitions[partition];
  p.trimmed = std::max(p.trimmed, below);
  drop(channel, partition);
  return {};
}

void MemoryLog::drop(Channel channel, PartitionId id) {
  State& s = state(channel);
  Partition& p = s.partitions[id];
  Position below = p.trimmed;
  for (const auto& [number, lease] : leases_) {
    if (lease.channel == channel && lease.partition == id) below = std::min(below, lease.from);
  }
  while (!p.records.empty() && p.records.front().position < below) {
    s.size -= weight(p.records.front().payload.size());
    p.records.pop_front();
  }
  p.floor = std::max(p.floor, below);
}

LogStats MemoryLog::stats(Channel channel) const {
  const std::lock_guard lock(mutex_);
  const State& s = state(channel);
  LogStats out{ByteCount{s.size}, options_.retention, {}, s.newest};
  bool any = false;
  for (const auto& [id, p] : s.partitions) {
    if (p.records.empty()) continue;
    const Position first = p.records.front().position;
    out.oldest = any ? std::min(out.oldest, first) : first;
    any = true;
  }
  return out;
}

}  // namespace hindcast
