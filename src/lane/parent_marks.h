// Marks for the first rollup beyond the page window: which parents have to be refolded, and for
// which keys.
//
// A parent that is not yet behind the frontier will be folded from all its children anyway, so the
// first child of a slot leaves one mark for the whole slot and the others none: a day of minutes
// marks a slot once, not 1,440 times. Behind the frontier a mark names the keys that changed.
#pragma once
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "lane/live_lane.h"

namespace hindcast {

/// More keys than this are not worth naming: the mark then stands for the whole slot.
inline constexpr size_t kMarkKeysMax = 1'024;

/// Marks of one commit, one per (aggregate, parent bucket, partition, slot): a replay commits pages
/// of several partitions at once.
class MarkSet {
 public:
  /// Empty keys = the whole slot.
  void add(const LaneAggregate& aggregate, const PageKey& page, const std::vector<Bytes>& keys,
           Cause cause);
  std::vector<Mark> take();

 private:
  std::map<std::tuple<AggregateId, EventTime, PartitionId, uint16_t>, Mark> marks_;
};

/// What the live lane knows besides: its frontier, and which open parents have a mark already.
class ParentMarks {
 public:
  explicit ParentMarks(const std::vector<LaneAggregate>& aggregates) : aggregates_(aggregates) {}

  /// `changed_keys` by aggregate, as PageMerge has them. `frontier`: windows below it are closed
  /// once the commit is in.
  void changed(const PageKey& page, const std::vector<std::vector<Bytes>>& changed_keys,
               EventTime frontier, Cause cause, MarkSet& out);
  /// A commit was refused, and perhaps a mark with it: each open parent is marked again.
  void forget() { marked_.clear(); }

 private:
  const std::vector<LaneAggregate>& aggregates_;
  std::set<std::tuple<EventTime, AggregateId, uint16_t>>
      marked_;  // (end of the parent, …): passed ones come first
};

}  // namespace hindcast
