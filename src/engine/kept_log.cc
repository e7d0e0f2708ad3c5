#include "engine/kept_log.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "progress/coverage.h"
#include "replay/log_history.h"

namespace hindcast {
namespace {

constexpr ByteCount kScan = 4_MiB;  // of an earlier life's log, with each look

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
    std::unique_ptr<Kept>& kept = kept_[stream.id];
    if (kept) continue;
    kept.reset(new Kept{.stream = stream,
                        .index = LogIndex(log_, stream.schema, stream.partitions),
                        .leases = GapLeases(log_, source.stream)});
    for (const PartitionId partition : stream.partitions) index_of_[partition] = &kept->index;
  }
}

void KeptLog::begin(const std::map<PartitionId, EventTime>& highest) {
  const bool whole = log_is_whole();
  for (const auto& [id, kept] : kept_) {
    EventTime of_stream = kMinEventTime;
    for (const auto& [partition, time] : highest) {
      const auto found = index_of_.find(partition);
      if (found != index_of_.end() && found->second == &kept->index)
        of_stream = std::max(of_stream, time);
    }
    kept->index.begin(newest_, of_stream, whole);
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
  if (kept_.empty()) return nullptr;
  return [this](PartitionId partition, Position last, EventTime earliest, EventTime latest) {
    const auto found = index_of_.find(partition);
    if (found != index_of_.end()) found->second->note(partition, last, earliest, latest);
  };
}

/// What got here: gaps of a damaged page or log and, where a history is always the log, of a
/// comparison with it.
Result<std::vector<Hole>> KeptLog::holes(const StreamInfo& stream, bool went_through) const {
  const bool compared = std::ranges::all_of(config_.sources, [&](const SourceConfig& source) {
    return &catalog_.stream_of(source) != &stream || !source.history || read_from_log(source);
  });
  HC_TRY_ASSIGN(const std::shared_ptr<const Snapshot> snapshot, store_.snapshot());
  HC_TRY_ASSIGN(const CoverageFacts facts, snapshot->coverage(stream.id));
  std::vector<Hole> out = Coverage(facts, stream.partitions).holes();
  std::erase_if(out, [&](const Hole& hole) {
    const Gap::Cause cause = std::ranges::find(facts.gaps, hole.gap, &Gap::id)->cause;
    const bool here =
        cause == Gap::Cause::kCorruption || (cause == Gap::Cause::kVerify && compared);
    return here != went_through;
  });
  return out;
}

Result<std::vector<Window>> KeptLog::never_taken(const StreamInfo& stream,
                                                 const Window& range) const {
  HC_TRY_ASSIGN(const std::vector<Hole> lost, holes(stream, /*went_through=*/false));
  std::vector<Window> out;
  for (const Hole& hole : lost) {
    if (hole.range.intersects(range)) out.push_back(hole.range);
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
                                        .index = kept_.at(stream.id)->index,
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
  const EventTime from = kept_.at(stream.id)->index.complete_from(kept_from);
  return from == kMinEventTime ? std::nullopt : std::optional(from);
}

void KeptLog::hold_open_gaps() {
  for (const auto& [id, kept] : kept_) {
    const auto needs = needs_of_gaps(*kept);
    if (needs) {
      kept->leases.follow(*needs);
      kept->needs_unknown = false;
    } else if (!std::exchange(kept->needs_unknown, true)) {  // once: this is asked twice a second
      log_warn("not known what open gaps need of the log",
               {{"stream", std::to_string(id.value)}, {"error", needs.error().message}});
    }
  }
}

Result<std::vector<GapLeases::Need>> KeptLog::needs_of_gaps(Kept& kept) const {
  HC_TRY_ASSIGN(std::vector<Hole> open, holes(kept.stream, /*went_through=*/true));
  std::erase_if(open, [](const Hole& hole) { return hole.state != Hole::State::kOpen; });
  std::vector<GapLeases::Need> out;
  if (open.empty()) return out;
  HC_TRY_ASSIGN(const std::optional<ByteCount> scanned, kept.index.scan(kScan));
  for (const Hole& hole : open) {
    if (scanned) {  // until all is known: all there is
      for (const PartitionId partition : kept.stream.partitions)
        out.push_back({hole.gap, partition, Position{}});
      continue;
    }
    for (const LogBlock& block : kept.index.find(hole.range)) {
      if (!hole.partition || *hole.partition == block.partition)
        out.push_back({hole.gap, block.partition, block.after});
    }
  }
  return out;
}

}  // namespace hindcast
