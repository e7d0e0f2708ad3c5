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
            world.log().stats(channel).kept.value, retention + 3 * segment);
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
