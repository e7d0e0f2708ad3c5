// Drains the replay log of one partition: events that came so late (`late_as_replay`) that merging
// them at live priority would be a storm through the front door, and history on the route
// "separate". Same merge as the late path, at replay priority, at a pace the driver sets.
//
//        wants_records ──give()──► can_step ──step()──► (pages read) ──pages_read()──► (commit)
//        ──committed()──┐
//              ▲                      ▲  ▲                   ▲ kConflict: │ │ │  └── more pages
//              ──── │ ◄───────────────────────────────────────────────┤ └── batch is merged
//              ───┴──────────────────────┴─────────────────────────────────────────────────┘
//
// Only records that the live lane's *stored* checkpoint covers are taken; others are still the live
// log's, and those that no range will ever cover are void (progress/checkpoint.h). So each event
// counts once, wherever the process dies. History needs no such statement: it is the reader's to
// say that it has been read, and what is merged twice counts once all the same. A batch holds late
// events, or history of one job.
//
// A state machine over values, like the live lane. Thread safety: confined to one shard. Time:
// stamps only.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "lane/live_lane.h"

namespace hindcast {

struct DrainOptions {
  PartitionId partition;
  Epoch epoch;
  StreamSchema schema;
  std::vector<LaneAggregate> aggregates;
  size_t events_max = 16'384;  // taken at once (at least one record): bounds memory
  size_t pages_max = 64;  // read and merged per commit: bounds the commit and what is read for it
  StreamId stream;
  std::function<Result<GapId>()>
      next_gap;  // for what a damaged page lost; absent: the drain fails there
};

class Drain {
 public:
  /// From nothing, or from the last one in the store.
  Drain(DrainOptions options, std::optional<DrainCheckpoint> checkpoint);
  ~Drain();

  /// Replay channel: read after this position.
  Position read_after() const;
  /// No batch is held: give() it records.
  bool wants_records() const;
  /// Takes what of `chunk` counts, up to events_max; the rest is to be read again (read_after()
  /// says from where). `live`: the partition's checkpoint in the store, read after the chunk was.
  /// Errors: kCorruption naming the record; it is then skipped, late events in it count as
  /// dead-lettered.
  Status give(const LogChunk& chunk, const Checkpoint& live);

  /// A batch is held and no read or commit is under way. The driver decides when: this is where the
  /// pace is set.
  bool can_step() const;
  Effects step();
  Effects pages_read(std::vector<PageParts> pages, ProcessingTime now);
  /// kConflict: someone else changed a page; the effects ask for the same pages again. kFenced:
  /// drop the drain.
  Effects committed(CommitId id, const CommitResult& result, ProcessingTime now);

  /// Fenced, or refused for good: drop it and build a new one from the store.
  bool dropped() const;
  Status failure() const;  // why
  Position safe() const;   // as committed: the replay log is not needed up to and with it
  /// What was committed of a job's history since the last call.
  struct OfHistory {
    JobId job = 0;
    ReplayCounts counts;  // added, duplicate, superseded; pages, rows and bytes written
  };
  std::optional<OfHistory> take_history();
  ByteCount memory() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hindcast
