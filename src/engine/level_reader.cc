#include "engine/level_reader.h"

#include <algorithm>

#include "engine/open_view.h"
#include "model/join.h"

namespace hindcast {

LevelReader::LevelReader(const StreamInfo& stream, const AggregateEntry& aggregate,
                         const Snapshot& snapshot, const Coverage& coverage,
                         const std::vector<OpenPage>& open, ProcessingTime now)
    : stream_(stream),
      aggregate_(aggregate),
      snapshot_(snapshot),
      coverage_(coverage),
      open_(open),
      now_(now) {}

Result<std::vector<LevelRow>> LevelReader::rows(size_t level, const LevelScope& scope, size_t limit,
                                                std::optional<BucketState> only) {
  return level < aggregate_.page_levels ? page_level(level, scope, limit, only)
                                        : rollup_level(level, scope, limit, only);
}

Result<EventTime> LevelReader::closed(const std::vector<PartitionId>& partitions) {
  EventTime closed = kMaxEventTime;
  for (const PartitionId partition : partitions) {
    HC_TRY_ASSIGN(const Frontier border, frontier(partition));
    closed = std::min(closed, border.window);
  }
  return closed;
}

Status LevelReader::keys(const LevelScope& scope, std::set<Bytes>& out) {
  const auto note = [&](const Row& row) -> Result<bool> {
    if (row.events > 0 && !out.contains(row.at.key)) out.insert(row.at.key);
    return false;
  };
  // The coarsest level has the fewest rows; where it is not folded yet, the finest says the same.
  const size_t coarsest = aggregate_.levels.size() - 1;
  HC_TRY(stored(coarsest, scope, SIZE_MAX, note));
  for (const PartitionId partition : scope.partitions) {
    if (coarsest < aggregate_.page_levels) break;
    HC_TRY_ASSIGN(const Frontier border, frontier(partition));
    HC_TRY_ASSIGN(const std::vector<Window> todo,
                  unfinished(coarsest, partition, scope.range, border));
    for (const Window& window : todo)
      HC_TRY(stored(0, {{partition}, scope.slot, scope.key, window}, SIZE_MAX, note));
  }
  for (const OpenPage& page : open_) {
    HC_TRY_ASSIGN(const PageParts spilled, snapshot_.page(page.key, Lane::kLive));
    HC_TRY_ASSIGN(const EventBatch events, whole_page(stream_.schema, page.events, spilled));
    for (const KeyRun& run : key_runs(events)) out.emplace(events.keys[run.key]);
  }
  return {};
}

Result<Frontier> LevelReader::frontier(PartitionId partition) {
  if (const auto found = frontiers_.find(partition); found != frontiers_.end())
    return found->second;
  HC_TRY_ASSIGN(const auto checkpoint, snapshot_.checkpoint(partition));
  return frontiers_[partition] = checkpoint ? checkpoint->frontier : Frontier{};
}

Result<const std::set<LevelReader::Parent>*> LevelReader::pending(PartitionId partition) {
  const auto [found, added] = pending_.try_emplace(partition);
  if (added) {
    HC_TRY(snapshot_.marks(partition, [&](const Mark& mark) {
      if (mark.aggregate != aggregate_.id) return true;
      for (size_t level = aggregate_.page_levels; level < aggregate_.levels.size(); ++level) {
        const Duration resolution = aggregate_.levels[level];
        if (resolution >= mark.resolution)
          found->second.insert({level, align_down(mark.bucket, resolution), mark.slot});
      }
      return true;
    }));
  }
  return &found->second;
}

Result<std::vector<Window>> LevelReader::unfinished(size_t level, PartitionId partition,
                                                    const Window& range, const Frontier& border) {
  const Duration resolution = aggregate_.levels[level];
  std::vector<Window> out;
  const auto add = [&](Window window) {
    window = {std::max(window.start, range.start), std::min(window.end, range.end)};
    if (window.start >= window.end) return;
    if (!out.empty() && window.start <= out.back().end) {
      out.back().end = std::max(out.back().end, window.end);
    } else {
      out.push_back(window);
    }
  };
  HC_TRY_ASSIGN(const std::set<Parent>* waiting, pending(partition));
  for (auto at = waiting->lower_bound({level, kMinEventTime, 0});
       at != waiting->end() && std::get<0>(*at) == level; ++at) {
    if (std::get<1>(*at) < border.window) add(window_of(std::get<1>(*at), resolution));
  }
  add({border.window == kMinEventTime ? kMinEventTime : align_down(border.window, resolution),
       kMaxEventTime});
  return out;
}

/// Stored rows of a level that intersect the scope's range, with hidden ones.
Status LevelReader::stored(size_t level, const LevelScope& scope, size_t limit,
                           const std::function<Result<bool>(const Row&)>& each) {
  const Duration resolution = aggregate_.levels[level];
  const EventTime first = scope.range.start == kMinEventTime
                              ? kMinEventTime
                              : align_down(scope.range.start, resolution);
  for (const PartitionId partition : scope.partitions) {
    Status status;
    size_t left = limit;
    const RowQuery query{aggregate_.id, resolution, {first, scope.range.end},
                         partition,     scope.slot, scope.key};
    HC_TRY(snapshot_.rows(query, [&](const Row& row) {
      const Result<bool> taken = each(row);
      if (!taken) {
        status = taken.error();
        return false;
      }
      return !*taken || --left > 0;
    }));
    HC_TRY(status);
  }
  return {};
}

Result<std::vector<LevelRow>> LevelReader::page_level(size_t level, const LevelScope& scope,
                                                      size_t limit,
                                                      std::optional<BucketState> only) {
  std::vector<LevelRow> out;
  const Duration window = stream_.schema.page_window;
  // A stored row is sealed instead of final only because of a gap.
  if (!only || *only == BucketState::kFinal ||
      (*only == BucketState::kSealed && !coverage_.holes().empty())) {
    HC_TRY(stored(level, scope, limit, [&](const Row& row) -> Result<bool> {
      HC_TRY_ASSIGN(const Frontier border, frontier(row.at.partition));
      const bool sealed = border.behind(align_down(row.at.bucket, window), row.at.slot);
      if (!sealed || row.events == 0) return false;
      const BucketStanding standing = standing_of(coverage_, row.at, true, false);
      if (only && standing.state != *only) return false;
      out.push_back({row, standing});
      return true;
    }));
  }
  if (!only || *only == BucketState::kOpen) HC_TRY(add_open(level, scope, out));
  std::ranges::sort(out, {}, [](const LevelRow& r) -> const RowKey& { return r.row.at; });
  return out;
}

/// Folds the open pages of the scope, with what was spilled of them.
Status LevelReader::add_open(size_t level, const LevelScope& scope, std::vector<LevelRow>& out) {
  const Duration resolution = aggregate_.levels[level];
  const StreamSchema& schema = stream_.schema;
  for (const OpenPage& page : open_) {
    if (!std::ranges::count(scope.partitions, page.key.partition)) continue;
    if (scope.slot && *scope.slot != page.key.slot) continue;
    const Window window{page.key.window, page.key.window + schema.page_window};
    if (!window.intersects(scope.range)) continue;
    HC_TRY_ASSIGN(const Frontier border, frontier(page.key.partition));
    if (border.behind(page.key.window, page.key.slot)) continue;  // sealed since the view was taken
    HC_TRY_ASSIGN(const PageParts spilled, snapshot_.page(page.key, Lane::kLive));
    HC_TRY_ASSIGN(const EventBatch joined, whole_page(schema, page.events, spilled));
    std::vector<KeyRun> runs = key_runs(joined);
    if (scope.key)
      std::erase_if(runs, [&](const KeyRun& run) { return joined.keys[run.key] != *scope.key; });
    std::vector<Row> rows;
    fold_rows(schema, aggregate_.config.rule, aggregate_.id, resolution, page.key.partition,
              page.key.slot, joined, runs, rows);
    for (Row& row : rows) {
      if (!window_of(row.at.bucket, resolution).intersects(scope.range)) continue;
      row.published_at = now_;
      row.version = spilled.head.version;
      const BucketStanding standing = standing_of(coverage_, row.at, false, false);
      out.push_back({std::move(row), standing});
    }
  }
  return {};
}

Result<std::vector<LevelRow>> LevelReader::rollup_level(size_t level, const LevelScope& scope,
                                                        size_t limit,
                                                        std::optional<BucketState> only) {
  const Duration resolution = aggregate_.levels[level];
  const auto wanted = [&](BucketState state) { return !only || *only == state; };
  std::vector<LevelRow> out;
  std::map<std::tuple<EventTime, PartitionId, uint16_t, Bytes>, Row>
      known;  // stored, but perhaps behind its children
  HC_TRY(stored(level, scope, limit, [&](const Row& row) -> Result<bool> {
    HC_TRY_ASSIGN(const Frontier border, frontier(row.at.partition));
    HC_TRY_ASSIGN(const std::set<Parent>* waiting, pending(row.at.partition));
    const bool waits = waiting->contains({level, row.at.bucket, row.at.slot});
    if (waits || row.at.bucket + resolution > border.window) {
      known.emplace(std::tuple(row.at.bucket, row.at.partition, row.at.slot, row.at.key), row);
      return false;
    }
    if (row.events == 0 || only == BucketState::kOpen) return false;
    const BucketStanding standing = standing_of(coverage_, row.at, true, false);
    if (!wanted(standing.state)) return false;
    out.push_back({row, standing});
    return true;
  }));
  if (only == BucketState::kFinal) return out;
  // The rest is folded from children: parents that are open, or whose mark the roller has not got
  // to.
  for (const PartitionId partition : scope.partitions) {
    HC_TRY_ASSIGN(const Frontier border, frontier(partition));
    LevelScope below = scope;
    below.partitions = {partition};
    below.range.start = scope.range.start == kMinEventTime
                            ? kMinEventTime
                            : align_down(scope.range.start, resolution);
    if (scope.range.end != kMaxEventTime)
      below.range.end = window_of(scope.range.end - 1ns, resolution).end;
    HC_TRY_ASSIGN(const std::set<Parent>* waiting, pending(partition));
    HC_TRY_ASSIGN(const std::vector<Window> todo,
                  unfinished(level, partition, below.range, border));
    for (const Window& parents : todo) {
      below.range = parents;
      HC_TRY_ASSIGN(const std::vector<LevelRow> children, rows(level - 1, below, SIZE_MAX));
      std::map<std::tuple<EventTime, uint16_t, Bytes>, std::vector<const LevelRow*>> groups;
      for (const LevelRow& child : children) {
        groups[{align_down(child.row.at.bucket, resolution), child.row.at.slot, child.row.at.key}]
            .push_back(&child);
      }
      for (const auto& [at, members] : groups) {
        const auto& [bucket, slot, key] = at;
        const bool open = bucket + resolution > border.window;
        if (!open && !waiting->contains({level, bucket, slot})) continue;  // stored, above
        if (!wanted(open ? BucketState::kOpen : BucketState::kSealed)) continue;
        std::vector<const Row*> child_rows;
        for (const LevelRow* member : members) child_rows.push_back(&member->row);
        HC_TRY_ASSIGN(
            Row row,
            roll_up(stream_.schema, aggregate_.config.rule,
                    RowKey{aggregate_.id, resolution, bucket, partition, slot, key}, child_rows));
        row.published_at = now_;
        if (const auto stored_row = known.find({bucket, partition, slot, key});
            stored_row != known.end()) {
          row.version = stored_row->second.version;
        }
        const BucketStanding standing = standing_of(coverage_, row.at, !open, true);
        out.push_back({std::move(row), standing});
      }
    }
  }
  std::ranges::sort(out, {}, [](const LevelRow& r) -> const RowKey& { return r.row.at; });
  return out;
}

Result<Coverage> coverage_of(const Snapshot& snapshot, const StreamInfo& stream) {
  HC_TRY_ASSIGN(const CoverageFacts facts, snapshot.coverage(stream.id));
  return Coverage(facts, stream.partitions);
}

BucketStanding standing_of(const Coverage& coverage, const RowKey& at, bool behind,
                           bool mark_pending) {
  return standing_of(
      behind, mark_pending,
      coverage.touching(window_of(at.bucket, at.resolution), {at.partition, at.key}));
}

}  // namespace hindcast
