#include "replay/log_index.h"

#include <algorithm>

#include "model/event_batch.h"
#include "progress/control.h"

namespace hindcast {
namespace {

Position behind(Position p) { return {p.hi, p.lo + 1}; }
bool freed(Position last, Position kept_from) { return behind(last) <= kept_from; }

}  // namespace

LogIndex::LogIndex(Log& log, StreamSchema schema, const std::vector<PartitionId>& partitions,
                   ByteCount block)
    : log_(log), schema_(std::move(schema)), block_(block) {
  for (const PartitionId partition : partitions) parts_[partition];
}

void LogIndex::begin(Position newest, EventTime highest, bool whole) {
  const std::scoped_lock lock(mutex_);
  whole_ = whole;
  begin_ = newest;
  highest_before_ = highest;
  for (auto& [id, part] : parts_) {
    part.highest = highest;
    part.ended = newest == Position{};
  }
}

bool LogIndex::join(LogBlock& block, Position last, EventTime earliest, EventTime latest) const {
  if (log_.between(Channel::kLive, block.after, last) > block_) return false;
  block.last = last;
  block.earliest = std::min(block.earliest, earliest);
  block.latest = std::max(block.latest, latest);
  block.highest = std::max(block.highest, latest);
  return true;
}

void LogIndex::note(PartitionId partition, Position last, EventTime earliest, EventTime latest) {
  const std::scoped_lock lock(mutex_);
  Part& part = parts_.at(partition);
  part.highest = std::max(part.highest, latest);
  if (!part.since.empty() && join(part.since.back(), last, earliest, latest)) return;
  const Position after = part.since.empty() ? begin_ : part.since.back().last;
  part.since.push_back({partition, after, last, earliest, latest, part.highest});
  forget_freed(partition, part);
}

void LogIndex::forget_freed(PartitionId partition, Part& part) const {
  const Position kept_from = log_.kept_from(partition, Channel::kLive);
  for (auto* blocks : {&part.before, &part.since}) {
    while (!blocks->empty() && freed(blocks->front().last, kept_from)) blocks->pop_front();
  }
}

Result<std::optional<ByteCount>> LogIndex::scan(ByteCount max) {
  PartitionId partition;
  Position after;
  {
    const std::scoped_lock lock(mutex_);
    const auto next = std::ranges::find_if(parts_, [](const auto& p) { return !p.second.ended; });
    if (next == parts_.end()) return std::optional<ByteCount>();
    partition = next->first;
    after = next->second.scanned;
  }
  const Result<LogChunk> read = log_.read(partition, Channel::kLive, after, max);
  if (!read && read.error().code == ErrorCode::kCorruption) {
    step_over(partition, after);
    return std::optional(ByteCount{});
  }
  if (!read) return read.error();
  const LogChunk& chunk = *read;
  std::vector<LogBlock> found;
  ByteCount bytes;
  EventBatch batch;
  for (const LogRecord& record : chunk.records) {
    bytes += ByteCount{record.payload.size()};
    if (record.position > begin_ || record.header.kind != RecordKind::kEvents) continue;
    HC_TRY(decode_events(schema_, record.payload, batch));
    if (batch.empty()) continue;
    const auto [low, high] = std::ranges::minmax(batch.time);
    found.push_back({partition, after, record.position, event_time_ns(low), event_time_ns(high),
                     highest_before_});
  }
  const std::scoped_lock lock(mutex_);
  Part& part = parts_.at(partition);
  if (part.ended || part.scanned != after) return std::optional(bytes);  // somebody else was here
  for (LogBlock& block : found) {
    if (!part.before.empty() && !part.stepped_over) {
      if (join(part.before.back(), block.last, block.earliest, block.latest)) continue;
      block.after = part.before.back().last;
    }
    part.stepped_over = false;
    part.before.push_back(block);
  }
  part.scanned = chunk.next;
  part.ended = chunk.records.empty() || chunk.next >= begin_;
  return std::optional(bytes);
}

void LogIndex::step_over(PartitionId partition, Position after) {
  Position resume = begin_;
  for (const LogDamage& damage : log_.damage(Channel::kLive)) {
    if (damage.resume > after) resume = std::min(resume, damage.resume);
  }
  const std::scoped_lock lock(mutex_);
  whole_ = false;
  Part& part = parts_.at(partition);
  if (part.scanned != after) return;
  part.scanned = std::max(resume, after);
  part.stepped_over = true;
  part.ended = part.scanned >= begin_;
}

std::vector<LogBlock> LogIndex::find(const Window& range) const {
  const LogStats stats = log_.stats(Channel::kLive);
  const std::scoped_lock lock(mutex_);
  std::vector<LogBlock> out;
  for (const auto& [id, part] : parts_) {
    for (const auto* blocks : {&part.before, &part.since}) {
      std::ranges::copy_if(*blocks, std::back_inserter(out), [&](const LogBlock& b) {
        return b.earliest < range.end && b.latest >= range.start;
      });
    }
    const Position noted = part.since.empty() ? begin_ : part.since.back().last;
    if (noted < stats.newest)
      out.push_back({id, noted, stats.newest, kMinEventTime, kMaxEventTime, kMaxEventTime});
  }
  std::ranges::stable_sort(out, {}, &LogBlock::earliest);
  return out;
}

EventTime LogIndex::complete_from(const std::map<PartitionId, Position>& kept_from) const {
  const std::scoped_lock lock(mutex_);
  EventTime from = kMinEventTime;
  if (!whole_ && highest_before_ != kMinEventTime) from = highest_before_ + 1ns;
  for (const auto& [id, position] : kept_from) {
    if (position == Position{}) continue;
    const Part& part = parts_.at(id);
    EventTime highest = highest_before_;
    if (freed(begin_, position)) {
      // The entry in which the freed part ends; what is after all of them is freed as well.
      const auto ends = std::ranges::find_if(
          part.since, [&, at = position](const LogBlock& b) { return behind(b.last) >= at; });
      highest = ends == part.since.end() ? part.highest : ends->highest;
    }
    if (highest != kMinEventTime) from = std::max(from, highest + 1ns);
  }
  return from;
}

size_t LogIndex::size() const {
  const std::scoped_lock lock(mutex_);
  size_t out = 0;
  for (const auto& [id, part] : parts_) out += part.before.size() + part.since.size();
  return out;
}

}  // namespace hindcast
