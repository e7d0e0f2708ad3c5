// Where every received event is right now, per source: law L3 as counters that are moved, never
// recomputed from each other, so that the identity can fail if something is lost.
//
//   received = unapplied (in the log) + open (in lanes, or in commits under way) + replay (replay
//   log) + settled
//
// An event counts as received from when it is offered to the log, and no longer if the log refuses
// it: a lane may see a record before the log has answered who appended it.
//
// Thread safety: any thread; one mutex, held for a few additions. Moves are per batch, not per
// event.
#pragma once
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "log/log.h"
#include "progress/checkpoint.h"

namespace hindcast {

struct SourceTally {
  uint64_t received = 0;   // appended to the log (events and dead letters), since the stream began
  uint64_t ignored = 0;    // messages that are no events, since start
  uint64_t silences = 0;   // that it was connected and brought too little, since start
  uint64_t unapplied = 0;  // in the log, not yet seen by a lane
  uint64_t open = 0;       // in lanes, and in commits that are not durable yet
  uint64_t replay = 0;     // in the replay log
  Tallies settled;
  uint64_t pending() const { return unapplied + open + replay; }
  bool balanced() const { return received == pending() + settled.settled(); }
};

/// Events (and dead letters) of records, by source and partition.
using LogCounts = std::map<std::pair<SourceId, PartitionId>, uint64_t>;
template <class Records>  // LogAppend or LogRecord
LogCounts count(const Records& records) {
  LogCounts counts;
  for (const auto& record : records) {
    if (record.header.events > 0)
      counts[{record.header.source, record.header.partition}] += record.header.events;
  }
  return counts;
}

class Ledger {
 public:
  /// What the store says is settled, before anything else happens.
  void restore(SourceId source, const Tallies& settled) {
    const std::scoped_lock lock(mutex_);
    tallies_[source].settled = settled;
  }
  /// A lane has read its log to the end of recovery: what it has received, holds open and waits for
  /// in the replay log.
  void recovered(SourceId source, uint64_t received, uint64_t open, uint64_t replay) {
    const std::scoped_lock lock(mutex_);
    SourceTally& tally = tallies_[source];
    tally.received += received;
    tally.open += open;
    tally.replay += replay;
  }
  void appended(const LogCounts& counts) {
    const std::scoped_lock lock(mutex_);
    for (const auto& [at, events] : counts) {
      tallies_[at.first].received += events;
      tallies_[at.first].unapplied += events;
      unapplied_[at.second] += events;
    }
  }
  void withdrawn(const LogCounts& counts) {
    const std::scoped_lock lock(mutex_);
    for (const auto& [at, events] : counts) {
      tallies_[at.first].received -= events;
      tallies_[at.first].unapplied -= events;
      unapplied_[at.second] -= events;
    }
  }
  void ignored(SourceId source, uint64_t messages) {
    const std::scoped_lock lock(mutex_);
    tallies_[source].ignored += messages;
  }
  void silent(SourceId source) {
    const std::scoped_lock lock(mutex_);
    ++tallies_[source].silences;
  }
  void applied(const LogCounts& counts) {
    const std::scoped_lock lock(mutex_);
    for (const auto& [at, events] : counts) {
      tallies_[at.first].unapplied -= events;
      tallies_[at.first].open += events;
      unapplied_[at.second] -= events;
    }
  }
  void to_replay(const LogCounts& counts) {
    const std::scoped_lock lock(mutex_);
    for (const auto& [at, events] : counts) {
      tallies_[at.first].open -= events;
      tallies_[at.first].replay += events;
    }
  }
  /// A commit is durable.
  void settled(const std::vector<TallyDelta>& deltas, bool from_replay) {
    const std::scoped_lock lock(mutex_);
    for (const TallyDelta& delta : deltas) {
      SourceTally& tally = tallies_[delta.source];
      (from_replay ? tally.replay : tally.open) -= delta.tallies.settled();
      tally.settled += delta.tallies;
    }
  }
  std::map<SourceId, SourceTally> read() const {
    const std::scoped_lock lock(mutex_);
    return tallies_;
  }
  /// Events in the log that the partition's lane has not seen.
  uint64_t unapplied(PartitionId partition) const {
    const std::scoped_lock lock(mutex_);
    const auto found = unapplied_.find(partition);
    return found == unapplied_.end() ? 0 : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<SourceId, SourceTally> tallies_;
  std::map<PartitionId, uint64_t> unapplied_;
};

}  // namespace hindcast
