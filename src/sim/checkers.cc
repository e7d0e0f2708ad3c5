#include "sim/checkers.h"

#include <algorithm>

#include "model/key.h"

namespace hindcast::sim {
namespace {

constexpr Window kAlways{kMinEventTime, kMaxEventTime};

std::string name(PartitionId partition) { return "partition " + std::to_string(partition.value); }

/// Is an event at or below `applied` settled, by the words of progress/checkpoint.h?
bool settled(const Checkpoint& checkpoint, const StreamSchema& schema, const Accepted& record,
             uint32_t row) {
  if (record.at <= checkpoint.safe) return true;
  const Event& event = record.events[row];
  const EventTime window = align_down(EventTime(event.time), schema.page_window);
  const uint16_t slot = slot_of(event.key, schema.slots);
  if (checkpoint.frontier.behind(window, slot)) {
    return std::ranges::count(checkpoint.exceptions, EventPosition{record.at, row}) == 0;
  }
  return std::ranges::any_of(checkpoint.spilled, [&](const Spilled& page) {
    return page.window == window && page.slot == slot && record.at <= page.through;
  });
}

struct Account {
  uint64_t applied = 0;   // events of the log up to the checkpoints
  uint64_t received = 0;  // as the checkpoints say
  uint64_t pending = 0;   // unsettled, or in the replay log
};

}  // namespace

void check_accounts(const Snapshot& snapshot, const Journal& journal, const StreamSchema& schema,
                    Failures& failures) {
  std::map<SourceId, Account> accounts;
  for (const SourceId source : kSources) accounts[source] = {};
  for (uint32_t p = 0; p < schema.partitions; ++p) {
    const PartitionId partition = partition_at(p);
    const auto checkpoint = snapshot.checkpoint(partition).value();
    if (!checkpoint) continue;
    for (const Accepted& record : journal.of(partition)) {
      if (record.at > checkpoint->applied) break;
      Account& account = accounts[record.header.source];
      account.applied += record.header.events;
      for (uint32_t row = 0; row < record.events.size(); ++row) {
        account.pending += !settled(*checkpoint, schema, record, row);
      }
    }
    const auto drained = snapshot.drain_checkpoint(partition).value();
    for (const SourceState& state : checkpoint->sources) {
      accounts[state.source].received += state.received;
      accounts[state.source].pending += state.replayed;
    }
    if (!drained) continue;
    for (const auto& [source, merged] : drained->merged) accounts[source].pending -= merged;
  }
  for (const auto& [source, account] : accounts) {
    const uint64_t counted = snapshot.tallies(source).value().settled();
    if (account.received == account.applied && account.received == account.pending + counted) {
      continue;
    }
    failures.add("L3", "source " + std::to_string(source.value) + ": the log holds " +
                           std::to_string(account.applied) + " events, received " +
                           std::to_string(account.received) + ", pending " +
                           std::to_string(account.pending) + ", settled " +
                           std::to_string(counted));
  }
}

// ── L4 ───────────────────────────────────────────────────────────────────────────────────────────

void StoreWatch::look(const Snapshot& snapshot, Failures& failures) {
  for (uint32_t p = 0; p < schema_.partitions; ++p) {
    look_at_partition(snapshot, partition_at(p), failures);
  }
  look_at_changes(snapshot, failures);
  size_t rows = 0;
  for (const RollerAggregate& aggregate : stream_rollups(schema_)) {
    for (const Duration resolution : aggregate.resolutions) {
      snapshot
          .rows({.aggregate = aggregate.id, .resolution = resolution, .range = kAlways},
                [&](const Row& row) {
                  ++rows;
                  look_at_row(row, failures);
                  return true;
                })
          .value();
    }
  }
  if (rows != rows_.size()) failures.add("L4", "rows that were there are gone");
  named_.clear();
}

void StoreWatch::look_at_partition(const Snapshot& snapshot, PartitionId partition,
                                   Failures& failures) {
  Partition& known = partitions_[partition];
  const auto never_back = [&](auto& before, const auto& now, const char* what) {
    if (now < before) failures.add("L4", name(partition) + ": " + what + " went back");
    before = now;
  };
  if (const auto checkpoint = snapshot.checkpoint(partition).value()) {
    never_back(known.frontier, checkpoint->frontier, "the frontier");
    never_back(known.watermark, checkpoint->watermark, "the watermark");
    never_back(known.applied, checkpoint->applied, "the applied position");
    never_back(known.epoch, checkpoint->epoch, "the epoch");
    if (checkpoint->safe > checkpoint->applied) {
      failures.add("L4", name(partition) + ": safe is ahead of applied");
    }
  }
  if (const auto drained = snapshot.drain_checkpoint(partition).value()) {
    never_back(known.drained, drained->applied, "the drained position");
  }
}

void StoreWatch::look_at_changes(const Snapshot& snapshot, Failures& failures) {
  if (snapshot.last_change() < last_change_) failures.add("L4", "change numbers went back");
  snapshot
      .changes(last_change_,
               [&](const Change& change) {
                 if (change.number.value != last_change_.value + 1) {
                   failures.add("L4", "change numbers have a hole before " +
                                          std::to_string(change.number.value));
                 }
                 last_change_ = change.number;
                 for (const auto& [key, bucket] : change.rows) {
                   Version& newest = named_[{change.aggregate, change.resolution, bucket,
                                             change.partition, change.slot, key}];
                   newest = std::max(newest, change.version);
                 }
                 return true;
               })
      .value();
}

void StoreWatch::look_at_row(const Row& row, Failures& failures) {
  const auto [known, is_new] = rows_.try_emplace(row.at, row);
  if (!is_new && row == known->second) return;
  const std::string which = "row " + row.at.key + " " + hindcast::to_string(row.at.resolution) +
                            " " + to_rfc3339(row.at.bucket) + " of " + name(row.at.partition);
  if (!is_new && row.version <= known->second.version) {
    failures.add("L4", which + " changed without a higher version");
  }
  const auto change = named_.find(row.at);
  if (change == named_.end() || change->second != row.version) {
    failures.add("L4", which + " changed without a change that names it");
  }
  known->second = row;
}

// ── L5 ───────────────────────────────────────────────────────────────────────────────────────────

namespace {

constexpr Duration kCell = 5s;  // gaps and buckets begin and end at multiples of it

bool in_scope(const GapScope& scope, PartitionId partition, const Bytes& key) {
  switch (scope.kind) {
    case GapScope::Kind::kAll:
      return true;
    case GapScope::Kind::kPartition:
      return scope.partition == partition;
    case GapScope::Kind::kKeys:
      return std::ranges::count(scope.keys, std::pair(partition, key)) > 0;
  }
  return false;
}

enum class CellState : uint8_t { kCovered, kClosed, kOpen };

CellState state_of(const CoverageFacts& facts, const Gap& gap, EventTime cell, const Row& row) {
  Window range = gap.range;
  for (const GapBound& bound : facts.bounds) {
    if (bound.gap == gap.id && gap.range.end == kMaxEventTime) range.end = bound.end;
  }
  if (!range.contains(cell) || !in_scope(gap.scope, row.at.partition, row.at.key)) {
    return CellState::kCovered;
  }
  CellState state = CellState::kOpen;
  for (const GapOutcome& outcome : facts.outcomes) {
    if (std::ranges::count(outcome.gaps, gap.id) == 0 || !outcome.range.contains(cell) ||
        !in_scope(outcome.scope, row.at.partition, row.at.key)) {
      continue;
    }
    if (outcome.kind == GapOutcome::Kind::kFilled) return CellState::kCovered;
    state = CellState::kClosed;
  }
  return state;
}

}  // namespace

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
  const auto check = [&](const Row& row) {
    const Window bucket = window_of(row.at.bucket, row.at.resolution);
    const bool behind = bucket.end <= frontiers[row.at.partition];
    const bool marked = snapshot
                            .mark_pending(row.at.aggregate, row.at.resolution, row.at.bucket,
                                          row.at.partition, row.at.slot)
                            .value();
    bool open = false, closed = false;
    for (EventTime cell = bucket.start; cell < bucket.end; cell += kCell) {
      for (const Gap& gap : facts.gaps) {
        const CellState state = state_of(facts, gap, cell, row);
        open |= state == CellState::kOpen;
        closed |= state == CellState::kClosed;
      }
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

// ── L8 ───────────────────────────────────────────────────────────────────────────────────────────

void check_bounds(World& world, Failures& failures) {
  const auto at_most = [&](const std::string& what, uint64_t value, uint64_t bound) {
    if (value <= bound) return;
    failures.add("L8",
                 what + " is " + std::to_string(value) + ", more than " + std::to_string(bound));
  };
  const uint64_t segment = world.options().log_segment.value;
  const uint64_t retention = world.options().log_retention.value;
  for (const Channel channel : {Channel::kLive, Channel::kReplay}) {
    // One append may begin just below the bound; control records may use one segment more.
    at_most(channel == Channel::kLive ? "live log" : "replay log",
            world.log().stats(channel).size.value, retention + 3 * segment);
  }
  at_most("disk", world.disk_used().value, 2 * (retention + 5 * segment));
  const LiveLaneOptions& options = world.options().lane.lane;
  for (uint32_t p = 0; p < world.partitions(); ++p) {
    const std::string which = name(partition_at(p));
    // Half as much again while commits that free it are under way, and what one read brings.
    at_most(which + ": memory of the lane", world.lane(p).lane().memory().value,
            options.memory_max.value + options.memory_max.value / 2 + (256_KiB).value);
  }
}

}  // namespace hindcast::sim
