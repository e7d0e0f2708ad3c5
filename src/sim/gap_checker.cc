#include "sim/gap_checker.h"

#include <algorithm>
#include <map>

namespace hindcast::sim {
namespace {

constexpr Window kAlways{kMinEventTime, kMaxEventTime};
constexpr Duration kCell = 5s;  // gaps of make_gaps() begin and end at multiples of it

bool in_scope(const GapScope& scope, PartitionId partition, const Bytes& key) {
  switch (scope.kind) {
    case GapScope::Kind::kAll:
      return true;
    case GapScope::Kind::kPartition:
      return scope.partition == partition;
    case GapScope::Kind::kKeys:
      return std::ranges::count(scope.keys, std::pair(partition, key)) > 0;
    case GapScope::Kind::kAllBut:
      return std::ranges::count(scope.keys, std::pair(partition, key)) == 0;
  }
  return false;
}

/// Where anything that is known of gaps begins or ends.
std::vector<EventTime> edges_of(const CoverageFacts& facts) {
  std::vector<EventTime> edges;
  const auto add = [&](const Window& range) {
    edges.push_back(range.start);
    edges.push_back(range.end);
  };
  for (const Gap& gap : facts.gaps) add(gap.range);
  for (const GapBound& bound : facts.bounds) edges.push_back(bound.end);
  for (const GapOutcome& outcome : facts.outcomes) add(outcome.range);
  std::ranges::sort(edges);
  edges.erase(std::ranges::unique(edges).begin(), edges.end());
  return edges;
}

}  // namespace

InstantState state_at(const CoverageFacts& facts, const Gap& gap, EventTime instant,
                      PartitionId partition, const Bytes& key) {
  Window range = gap.range;
  for (const GapBound& bound : facts.bounds) {
    if (bound.gap == gap.id && gap.range.end == kMaxEventTime) range.end = bound.end;
  }
  if (!range.contains(instant) || !in_scope(gap.scope, partition, key)) {
    return InstantState::kCovered;
  }
  InstantState state = InstantState::kOpen;
  for (const GapOutcome& outcome : facts.outcomes) {
    if (std::ranges::count(outcome.gaps, gap.id) == 0 || !outcome.range.contains(instant) ||
        !in_scope(outcome.scope, partition, key)) {
      continue;
    }
    if (outcome.kind == GapOutcome::Kind::kFilled) return InstantState::kCovered;
    state = InstantState::kClosed;
  }
  return state;
}

CoverageFacts make_gaps(uint32_t partitions, Duration until, Rng& rng) {
  CoverageFacts facts;
  const auto cells = 1 + static_cast<uint64_t>(until / kCell);
  const auto any_window = [&] {
    const uint64_t start = rng.below(cells);
    const uint64_t end = start + 1 + rng.below(cells / 4 + 1);
    return Window{EventTime(kCell * start), EventTime(kCell * end)};
  };
  const auto any_scope = [&] {
    GapScope scope{.kind = static_cast<GapScope::Kind>(rng.below(3))};
    const PartitionId partition = partition_at(static_cast<uint32_t>(rng.below(partitions)));
    if (scope.kind == GapScope::Kind::kPartition) scope.partition = partition;
    if (scope.kind == GapScope::Kind::kKeys) {
      scope.keys = {{partition, "k" + std::to_string(rng.below(9))}};
    }
    return scope;
  };
  for (GapId id = rng.below(4); id > 0; --id) {
    Gap gap;
    gap.id = id;
    gap.stream = kStream;
    gap.range = any_window();
    gap.scope = any_scope();
    gap.cause = Gap::Cause::kOperator;
    if (rng.chance(0.3)) {
      if (rng.chance(0.7)) facts.bounds.push_back({id, gap.range.end});
      gap.range.end = kMaxEventTime;
    }
    for (uint64_t n = rng.below(4); n > 0; --n) {
      GapOutcome outcome;
      outcome.gaps = {id};
      outcome.range = rng.chance(0.5) ? gap.range : any_window();
      outcome.scope = rng.chance(0.5) ? gap.scope : any_scope();
      outcome.kind = static_cast<GapOutcome::Kind>(rng.below(3));
      facts.outcomes.push_back(std::move(outcome));
    }
    facts.gaps.push_back(std::move(gap));
  }
  return facts;
}

void check_coverage(const Snapshot& snapshot, const StreamSchema& schema,
                    const CoverageFacts& facts, Failures& failures) {
  std::vector<PartitionId> partitions;
  std::map<PartitionId, EventTime> frontiers;
  for (uint32_t p = 0; p < schema.partitions; ++p) {
    partitions.push_back(partition_at(p));
    const auto checkpoint = snapshot.checkpoint(partition_at(p)).value();
    frontiers[partition_at(p)] = checkpoint ? checkpoint->frontier.window : kMinEventTime;
  }
  const Coverage coverage(facts, partitions);
  const std::vector<EventTime> edges = edges_of(facts);
  const auto check = [&](const Row& row) {
    const Window bucket = window_of(row.at.bucket, row.at.resolution);
    const bool behind = bucket.end <= frontiers[row.at.partition];
    const bool marked = snapshot
                            .mark_pending(row.at.aggregate, row.at.resolution, row.at.bucket,
                                          row.at.partition, row.at.slot)
                            .value();
    bool open = false, closed = false;
    const auto look_at = [&](EventTime instant) {
      for (const Gap& gap : facts.gaps) {
        const InstantState state = state_at(facts, gap, instant, row.at.partition, row.at.key);
        open |= state == InstantState::kOpen;
        closed |= state == InstantState::kClosed;
      }
    };
    look_at(bucket.start);
    for (auto edge = std::ranges::upper_bound(edges, bucket.start);
         edge != edges.end() && *edge < bucket.end; ++edge) {
      look_at(*edge);
    }
    const BucketStanding standing = standing_of(
        behind, marked, coverage.touching(bucket, {row.at.partition, BytesView(row.at.key)}));
    const bool may_be_final = behind && !marked && !open;
    if ((standing.state == BucketState::kFinal) != may_be_final) {
      failures.add("L5", "bucket " + to_rfc3339(bucket.start) + " " + row.at.key + " is " +
                             std::string(to_string(standing.state)) + " with" +
                             (open ? "" : "out") + " an open gap");
    }
    if (standing.complete != !(open || closed)) {
      failures.add("L5", "bucket " + to_rfc3339(bucket.start) + " " + row.at.key +
                             " is wrongly said to be " +
                             (standing.complete ? "complete" : "incomplete"));
    }
    return true;
  };
  for (const RollerAggregate& aggregate : stream_rollups(schema)) {
    for (const Duration resolution : aggregate.resolutions) {
      snapshot.rows({.aggregate = aggregate.id, .resolution = resolution, .range = kAlways}, check)
          .value();
    }
  }
}

}  // namespace hindcast::sim
