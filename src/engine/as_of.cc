#include "engine/as_of.h"

#include <algorithm>

namespace hindcast {
namespace {

Result<std::optional<Row>> version_at(const Snapshot& snapshot, const Row& row,
                                      ProcessingTime as_of) {
  std::optional<Row> found;
  if (row.published_at <= as_of) {
    found = row;
  } else {
    HC_TRY_ASSIGN(const std::vector<Row> versions, snapshot.versions(row.at));
    const auto old = std::ranges::find_if(
        versions, [&](const Row& version) { return version.published_at <= as_of; });
    if (old != versions.end()) found = *old;
  }
  if (found && found->events == 0) found.reset();  // emptied by then
  return found;
}

}  // namespace

Result<std::vector<LevelRow>> rows_as_of(const AggregateEntry& aggregate, const Snapshot& snapshot,
                                         const Coverage& coverage, size_t level,
                                         const LevelScope& scope, ProcessingTime as_of,
                                         size_t limit) {
  const Duration resolution = aggregate.levels[level];
  const EventTime first = scope.range.start == kMinEventTime
                              ? kMinEventTime
                              : align_down(scope.range.start, resolution);
  std::vector<LevelRow> out;
  for (const PartitionId partition : scope.partitions) {
    Status status;
    size_t left = limit;
    const RowQuery query{aggregate.id, resolution, {first, scope.range.end},
                         partition,    scope.slot, scope.key};
    HC_TRY(snapshot.rows(query, [&](const Row& row) {
      Result<std::optional<Row>> then = version_at(snapshot, row, as_of);
      if (!then) {
        status = std::move(then).error();
      } else if (*then) {
        const BucketStanding standing = standing_of(coverage, (*then)->at, true, false);
        out.push_back({**std::move(then), standing});
        --left;
      }
      return status && left > 0;
    }));
    HC_TRY(status);
  }
  std::ranges::sort(out, {}, [](const LevelRow& r) -> const RowKey& { return r.row.at; });
  return out;
}

}  // namespace hindcast
