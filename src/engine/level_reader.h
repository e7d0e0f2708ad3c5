// Rows of one aggregate level by level: stored where they are final, folded on the spot where they
// are not. The one place that knows how an open or not yet rolled-up bucket gets its value.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "engine/catalog.h"
#include "engine/reader.h"
#include "engine/service.h"
#include "store/store.h"

namespace hindcast {

struct LevelRow {
  Row row;
  BucketStanding standing;
};

/// Which rows: of these partitions, one slot and key of them or all, buckets that intersect
/// `range`.
struct LevelScope {
  std::vector<PartitionId> partitions;
  std::optional<uint16_t> slot;  // needs a single partition
  std::optional<Bytes> key;      // needs slot
  Window range;
};

class LevelReader {
 public:
  /// `open` and `coverage` (of the stream, in this snapshot) outlive the reader. Errors of the
  /// snapshot surface in rows().
  LevelReader(const StreamInfo& stream, const AggregateEntry& aggregate, const Snapshot& snapshot,
              const Coverage& coverage, const std::vector<OpenPage>& open, ProcessingTime now);

  /// Rows of levels()[level], in RowKey order, hidden (emptied) ones left out; of one state or all.
  /// The first `limit` of them, and perhaps some more.
  Result<std::vector<LevelRow>> rows(size_t level, const LevelScope& scope, size_t limit,
                                     std::optional<BucketState> only = {});
  /// Keys of all rows of the scope, without making the rows.
  Status keys(const LevelScope& scope, std::set<Bytes>& out);
  /// Every bucket of these partitions that ends at or before it is behind the frontier.
  Result<EventTime> closed(const std::vector<PartitionId>& partitions);

 private:
  Result<Frontier> frontier(PartitionId partition);
  Result<std::vector<LevelRow>> page_level(size_t level, const LevelScope& scope, size_t limit,
                                           std::optional<BucketState> only);
  Result<std::vector<LevelRow>> rollup_level(size_t level, const LevelScope& scope, size_t limit,
                                             std::optional<BucketState> only);
  Status add_open(size_t level, const LevelScope& scope, std::vector<LevelRow>& out);
  /// Parents that a waiting mark will change, at its own level and at all above it.
  using Parent = std::tuple<size_t, EventTime, uint16_t>;  // level, bucket, slot
  Result<const std::set<Parent>*> pending(PartitionId partition);
  /// Where parents of `level` are to be folded here: ahead of the frontier, or a mark is pending.
  /// Disjoint, ascending.
  Result<std::vector<Window>> unfinished(size_t level, PartitionId partition, const Window& range,
                                         const Frontier& border);
  /// `each` says whether it took the row; ends after `limit` taken ones of each partition.
  Status stored(size_t level, const LevelScope& scope, size_t limit,
                const std::function<Result<bool>(const Row&)>& each);

  const StreamInfo& stream_;
  const AggregateEntry& aggregate_;
  const Snapshot& snapshot_;
  const Coverage& coverage_;
  const std::vector<OpenPage>& open_;
  ProcessingTime now_;
  std::map<PartitionId, Frontier> frontiers_;
  std::map<PartitionId, std::set<Parent>> pending_;
};

/// What is known to be missing of a stream.
Result<Coverage> coverage_of(const Snapshot& snapshot, const StreamInfo& stream);
/// Of the bucket of a row.
BucketStanding standing_of(const Coverage& coverage, const RowKey& at, bool behind,
                           bool mark_pending);

}  // namespace hindcast
