#include "progress/coverage.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/assert.h"

namespace hindcast {
namespace {

// Sets of instants, as sorted windows that neither touch nor are empty.
using Ranges = std::vector<Window>;

Ranges united(Ranges ranges) {
  std::sort(ranges.begin(), ranges.end());
  Ranges out;
  for (const Window& w : ranges) {
    if (w.start >= w.end) continue;
    if (!out.empty() && w.start <= out.back().end) {
      out.back().end = std::max(out.back().end, w.end);
    } else {
      out.push_back(w);
    }
  }
  return out;
}

Ranges minus(const Ranges& from, const Ranges& what) {
  Ranges out;
  auto cut = what.begin();
  for (Window rest : from) {
    while (cut != what.end() && cut->end <= rest.start) ++cut;
    for (auto c = cut; c != what.end() && c->start < rest.end; ++c) {
      if (rest.start < c->start) out.push_back({rest.start, c->start});
      rest.start = std::min(c->end, rest.end);
    }
    if (rest.start < rest.end) out.push_back(rest);
  }
  return out;
}

Ranges common(const Ranges& a, const Ranges& b) { return minus(a, minus(a, b)); }

bool is_void(const GapOutcome& outcome, const std::set<uint64_t>& withdrawn) {
  return outcome.kind == GapOutcome::Kind::kFilled &&
         (withdrawn.contains(outcome.job) ||
          std::any_of(outcome.leaned_on.begin(), outcome.leaned_on.end(),
                      [&](uint64_t job) { return withdrawn.contains(job); }));
}

using Outcomes = std::vector<const GapOutcome*>;

bool holds_for(const GapScope& scope, PartitionId partition, const Bytes* key) {
  const auto names_key = [&] {
    return key != nullptr && std::find(scope.keys.begin(), scope.keys.end(),
                                       std::pair(partition, *key)) != scope.keys.end();
  };
  switch (scope.kind) {
    case GapScope::Kind::kAll:
      return true;
    case GapScope::Kind::kPartition:
      return scope.partition == partition;
    case GapScope::Kind::kKeys:
      return names_key();
    case GapScope::Kind::kAllBut:
      return !names_key();
  }
  return false;
}

// Outcomes that hold for a key of a partition; without a key: for one that no outcome names.
Outcomes holding(const Outcomes& outcomes, PartitionId partition, const Bytes* key) {
  Outcomes out;
  for (const GapOutcome* outcome : outcomes) {
    if (holds_for(outcome->scope, partition, key)) out.push_back(outcome);
  }
  return out;
}

// What is left of one gap, for all keys to which the same outcomes apply.
void add_holes(const Hole& piece, Window range, const Outcomes& outcomes, std::vector<Hole>& out) {
  Ranges of[3];  // by GapOutcome::Kind
  for (const GapOutcome* outcome : outcomes) {
    of[static_cast<size_t>(outcome->kind)].push_back(outcome->range);
  }
  const Ranges left = minus(united({range}), united(of[0]));
  const Ranges accepted = common(left, united(of[2]));
  const Ranges unfillable = minus(common(left, united(of[1])), accepted);
  const Ranges open = minus(minus(left, accepted), unfillable);
  const auto add = [&](Hole::State state, const Ranges& ranges) {
    for (const Window& w : ranges) {
      out.push_back(piece);
      out.back().state = state;
      out.back().range = w;
    }
  };
  add(Hole::State::kOpen, open);
  add(Hole::State::kUnfillable, unfillable);
  add(Hole::State::kAccepted, accepted);
}

// The keys that a gap or its outcomes name, by partition.
std::map<PartitionId, std::set<Bytes>> named_keys(const Outcomes& outcomes) {
  std::map<PartitionId, std::set<Bytes>> out;
  for (const GapOutcome* outcome : outcomes) {
    for (const auto& [partition, key] : outcome->scope.keys) out[partition].insert(key);
  }
  return out;
}

// Keys of one partition, each with the outcomes that hold for it; equal ones share a hole.
void add_named(Hole piece, Window range, PartitionId partition, const std::set<Bytes>& keys,
               const Outcomes& outcomes, std::vector<Hole>& out) {
  std::map<Outcomes, std::vector<Bytes>> alike;
  for (const Bytes& key : keys) alike[holding(outcomes, partition, &key)].push_back(key);
  piece.partition = partition;
  piece.all_but = false;
  for (auto& [holds, members] : alike) {
    piece.keys = std::move(members);
    add_holes(piece, range, holds, out);
  }
}

void resolve(const Gap& gap, Window range, const Outcomes& outcomes,
             const std::vector<PartitionId>& partitions, std::vector<Hole>& out) {
  Hole piece;
  piece.gap = gap.id;
  if (gap.scope.kind == GapScope::Kind::kKeys) {
    std::map<PartitionId, std::set<Bytes>> keys;
    for (const auto& [partition, key] : gap.scope.keys) keys[partition].insert(key);
    for (const auto& [partition, members] : keys) {
      add_named(piece, range, partition, members, outcomes, out);
    }
    return;
  }
  const bool whole = std::all_of(outcomes.begin(), outcomes.end(), [](const GapOutcome* outcome) {
    return outcome->scope.kind == GapScope::Kind::kAll;
  });
  if (whole && gap.scope.kind == GapScope::Kind::kAll)
    return add_holes(piece, range, outcomes, out);

  const auto named = named_keys(outcomes);
  const std::vector<PartitionId> own = {gap.scope.partition};
  for (const PartitionId partition : gap.scope.kind == GapScope::Kind::kAll ? partitions : own) {
    piece.partition = partition;
    piece.keys.clear();
    if (const auto found = named.find(partition); found != named.end()) {
      add_named(piece, range, partition, found->second, outcomes, out);
      piece.keys.assign(found->second.begin(), found->second.end());
    }
    add_holes(piece, range, holding(outcomes, partition, nullptr), out);
  }
}

bool concerns(const Hole& hole, const Folded& folded) {
  if (!hole.partition || !folded.partition) return true;
  if (*hole.partition != *folded.partition) return false;
  if (!folded.key) return true;
  const bool named = std::binary_search(hole.keys.begin(), hole.keys.end(), *folded.key);
  return named != hole.all_but;
}

}  // namespace

Coverage::Coverage(const CoverageFacts& facts, const std::vector<PartitionId>& partitions) {
  std::map<GapId, EventTime> bounds;
  for (const GapBound& bound : facts.bounds) {
    const auto [at, added] = bounds.try_emplace(bound.gap, bound.end);
    if (!added) at->second = std::max(at->second, bound.end);
  }
  const std::set<uint64_t> withdrawn(facts.withdrawn.begin(), facts.withdrawn.end());
  std::map<GapId, Outcomes> outcomes;
  for (const GapOutcome& outcome : facts.outcomes) {
    if (is_void(outcome, withdrawn)) continue;
    for (const GapId gap : std::set<GapId>(outcome.gaps.begin(), outcome.gaps.end())) {
      outcomes[gap].push_back(&outcome);
    }
  }
  for (const Gap& gap : facts.gaps) {
    Window range = gap.range;
    const auto bound = bounds.find(gap.id);
    if (range.end == kMaxEventTime && bound != bounds.end()) range.end = bound->second;
    resolve(gap, range, outcomes[gap.id], partitions, holes_);
  }
  std::stable_sort(holes_.begin(), holes_.end(),
                   [](const Hole& a, const Hole& b) { return a.range.start < b.range.start; });
  for (const Hole& hole : holes_) {
    furthest_end_.push_back(furthest_end_.empty() ? hole.range.end
                                                  : std::max(furthest_end_.back(), hole.range.end));
  }
}

Touched Coverage::touching(Window bucket, const Folded& folded) const {
  HC_ASSERT(!folded.key || folded.partition);
  Touched out;
  const auto after = std::partition_point(holes_.begin(), holes_.end(), [&](const Hole& hole) {
    return hole.range.start < bucket.end;
  });
  for (auto i = static_cast<size_t>(after - holes_.begin());
       i > 0 && furthest_end_[i - 1] > bucket.start; --i) {
    const Hole& hole = holes_[i - 1];
    if (!hole.range.intersects(bucket) || !concerns(hole, folded)) continue;
    out.open |= hole.state == Hole::State::kOpen;
    out.unfillable |= hole.state == Hole::State::kUnfillable;
    out.accepted |= hole.state == Hole::State::kAccepted;
    out.gaps.push_back(hole.gap);
  }
  std::sort(out.gaps.begin(), out.gaps.end());
  out.gaps.erase(std::unique(out.gaps.begin(), out.gaps.end()), out.gaps.end());
  return out;
}

BucketStanding standing_of(bool behind, bool mark_pending, const Touched& touched) {
  const bool waits = touched.open || mark_pending;
  const BucketState state = !behind ? BucketState::kOpen
                            : waits ? BucketState::kSealed
                                    : BucketState::kFinal;
  return {state, touched.nothing()};
}

bool is_outage(Gap::Cause cause) {
  return cause == Gap::Cause::kDisconnect || cause == Gap::Cause::kStop ||
         cause == Gap::Cause::kSilence;
}

std::string_view to_string(Gap::Cause cause) {
  switch (cause) {
    case Gap::Cause::kDisconnect:
      return "disconnect";
    case Gap::Cause::kStop:
      return "stop";
    case Gap::Cause::kSequence:
      return "sequence";
    case Gap::Cause::kSilence:
      return "silence";
    case Gap::Cause::kCorruption:
      return "corruption";
    case Gap::Cause::kOperator:
      return "operator";
    case Gap::Cause::kVerify:
      return "verify";
  }
  return "unknown";
}

std::string_view to_string(GapOutcome::Kind kind) {
  switch (kind) {
    case GapOutcome::Kind::kFilled:
      return "filled";
    case GapOutcome::Kind::kUnfillable:
      return "unfillable";
    case GapOutcome::Kind::kAccepted:
      return "accepted";
  }
  return "unknown";
}

std::string_view to_string(Hole::State state) {
  switch (state) {
    case Hole::State::kOpen:
      return "open";
    case Hole::State::kUnfillable:
      return "unfillable";
    case Hole::State::kAccepted:
      return "accepted";
  }
  return "unknown";
}

std::string_view to_string(BucketState state) {
  switch (state) {
    case BucketState::kOpen:
      return "open";
    case BucketState::kSealed:
      return "sealed";
    case BucketState::kFinal:
      return "final";
  }
  return "unknown";
}

}  // namespace hindcast
