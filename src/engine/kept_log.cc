#include "engine/kept_log.h"

#include <algorithm>

#include "progress/coverage.h"
#include "replay/log_history.h"

namespace hindcast {
namespace {

bool read_from_log(const SourceConfig& source) {
  return source.history && source.history->kind == HistoryConfig::Kind::kLog;
}

}  // namespace

KeptLog::KeptLog(const Config& config, const Catalog& catalog, Log& log, const Store& store)
    : config_(config),
      catalog_(catalog),
      log_(log),
      store_(store),
      newest_(log.stats(Channel::kLive).newest) {
  for (const SourceConfig& source : config_.sources) {
    if (!read_from_log(source)) continue;
    const StreamInfo& stream = catalog_.stream_of(source);
    std::unique_ptr<LogIndex>& index = indexes_[stream.id];
    if (index) continue;
    index = std::make_unique<LogIndex>(log_, stream.schema, stream.partitions);
    for (const PartitionId partition : stream.partitions) index_of_[partition] = index.get();
  }
}

void KeptLog::begin(const std::map<PartitionId, EventTime>& highest) {
  const bool whole = log_is_whole();
  for (const auto& [id, index] : indexes_) {
    EventTime of_stream = kMinEventTime;
    for (const auto& [partition, time] : highest) {
      const auto found = index_of_.find(partition);
      if (found != index_of_.end() && found->second == index.get())
        of_stream = std::max(of_stream, time);
    }
    index->begin(newest_, of_stream, whole);
  }
}

/// It holds all that the store has seen of it.
bool KeptLog::log_is_whole() const {
  if (!log_.damage(Channel::kLive).empty()) return false;
  const auto snapshot = store_.snapshot();
  if (!snapshot) return false;
  for (const auto& [partition, index] : index_of_) {
    const auto checkpoint = (*snapshot)->checkpoint(partition);
    if (!checkpoint || (*checkpoint && (*checkpoint)->applied > newest_)) return false;
  }
  return true;
}

std::function<void(PartitionId, Position, EventTime, EventTime)> KeptLog::noter() {
  if (indexes_.empty()) return nullptr;
  return [this](PartitionId partition, Position last, EventTime earliest, EventTime latest) {
    const auto found = index_of_.find(partition);
    if (found != index_of_.end()) found->second->note(partition, last, earliest, latest);
  };
}

/// Gaps of events that did not get here: all but those of a damaged page or log and, where a
/// history is always the log, of a comparison with it.
Result<std::vector<Window>> KeptLog::never_taken(const StreamInfo& stream,
                                                 const Window& range) const {
  const bool compared = std::ranges::all_of(config_.sources, [&](const SourceConfig& source) {
    return &catalog_.stream_of(source) != &stream || !source.history || read_from_log(source);
  });
  HC_TRY_ASSIGN(const std::shared_ptr<const Snapshot> snapshot, store_.snapshot());
  HC_TRY_ASSIGN(const CoverageFacts facts, snapshot->coverage(stream.id));
  std::vector<Window> out;
  const Coverage coverage(facts, stream.partitions);
  for (const Hole& hole : coverage.holes()) {
    const Gap::Cause cause = std::ranges::find(facts.gaps, hole.gap, &Gap::id)->cause;
    const bool here =
        cause == Gap::Cause::kCorruption || (cause == Gap::Cause::kVerify && compared);
    if (!here && hole.range.intersects(range)) out.push_back(hole.range);
  }
  return out;
}

void KeptLog::add_to(Histories& histories) const {
  for (const SourceConfig& source : config_.sources) {
    if (!read_from_log(source)) continue;
    const StreamInfo& stream = catalog_.stream_of(source);
    histories.emplace(catalog_.sources().at(source.name),
                      make_log_history({.schema = stream.schema,
                                        .stream = source.stream,
                                        .partitions = stream.partitions,
                                        .log = log_,
                                        .index = *indexes_.at(stream.id),
                                        .never_taken = [this, &stream](const Window& range) {
                                          return never_taken(stream, range);
                                        }}));
  }
}

std::optional<EventTime> KeptLog::complete_from(const SourceConfig& source) const {
  if (!read_from_log(source)) return std::nullopt;
  const StreamInfo& stream = catalog_.stream_of(source);
  std::map<PartitionId, Position> kept_from;
  for (const PartitionId partition : stream.partitions)
    kept_from[partition] = log_.kept_from(partition, Channel::kLive);
  const EventTime from = indexes_.at(stream.id)->complete_from(kept_from);
  return from == kMinEventTime ? std::nullopt : std::optional(from);
}

}  // namespace hindcast
