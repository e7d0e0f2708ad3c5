// Durable statement of one partition: what of its log is settled. Committed with the data it speaks
// of.
//
// A record's event is *settled* (its outcome is in the store and in the tallies, or it is in the
// replay log) if
//   position <= safe, or
//   position <= applied and its (window, slot) is behind the frontier, and it is not in
//   `exceptions`, or position <= spilled[(window, slot)].
// Restart reads the log after `safe` and skips what is settled, so it counts nothing twice and
// makes no late storm of its own. Control records, dead letters and all fields of a source state
// are settled at and below `applied`.
//
// Two drivers write for one partition, each its own statement, so that neither waits for the other:
// the live lane its Checkpoint, the drain of the replay log its DrainCheckpoint. An event moves
// from one to the other in a single live commit: the one whose checkpoint takes it out of
// `exceptions` and covers its replay-log record by `replay`. A record that was appended but is not
// covered (the process died in between) does not count: its events were still the live log's, and
// the next owner of the partition handles them again.
#pragma once
#include <compare>
#include <utility>
#include <vector>

#include "progress/watermark.h"

namespace hindcast {

/// Per source; law L3: received = pending + aggregated + duplicate + superseded + dead_lettered.
struct Tallies {
  uint64_t aggregated = 0, duplicate = 0, superseded = 0, dead_lettered = 0;
  Tallies& operator+=(const Tallies& o) {
    aggregated += o.aggregated;
    duplicate += o.duplicate;
    superseded += o.superseded;
    dead_lettered += o.dead_lettered;
    return *this;
  }
  uint64_t settled() const { return aggregated + duplicate + superseded + dead_lettered; }
  bool operator==(const Tallies&) const = default;
};
/// What one commit adds to a source's tallies; the store keeps the sums, changed in the same
/// commit.
struct TallyDelta {
  SourceId source;
  Tallies tallies;
  bool operator==(const TallyDelta&) const = default;
};

/// One event of the log: the record, and the row in it.
struct EventPosition {
  Position record;
  uint32_t row = 0;
  auto operator<=>(const EventPosition&) const = default;
};

struct Spilled {
  EventTime window{};
  uint16_t slot = 0;
  Position through;  // events of this page in records at or below it are in the store
  bool operator==(const Spilled&) const = default;
};

/// Records [first, last] of the partition's replay log. What lies between two ranges was never
/// covered and is void.
struct ReplayRange {
  Position first, last;
  auto operator<=>(const ReplayRange&) const = default;
};

struct Checkpoint {
  PartitionId partition;
  Epoch epoch;
  Position safe;     // records at or below it are wholly settled: read after it
  Position applied;  // records at or below it were applied
  Frontier frontier;
  std::vector<Spilled> spilled;           // pages not behind the frontier, sorted by (window, slot)
  std::vector<EventPosition> exceptions;  // late events applied but not yet merged or moved,
                                          // sorted; bounded by the late buffer
  std::vector<SourceState> sources;       // as of `applied`
  EventTime watermark = kMinEventTime;    // as of `applied`: it never goes back, so it does not
                                          // follow from `sources` alone
  std::vector<ReplayRange> replay;  // what of the replay log counts, ascending; one range per life
                                    // of the lane, drained ones go
  bool operator==(const Checkpoint&) const = default;
};
/// Requires: `exceptions` sorted. docs/formats/checkpoint.md says the bytes.
Bytes encode(const Checkpoint& checkpoint);
/// Errors: kCorruption.
Result<Checkpoint> decode_checkpoint(BytesView bytes);

/// The drain's statement of one partition.
struct DrainCheckpoint {
  PartitionId partition;
  Epoch epoch;
  Position applied;  // replay log: records at or below it are merged, or void
  Position through;  // records after `applied` up to and with it are merged in the pages behind
                     // `pages`; the batch that
  Frontier
      pages;  // is under way touches more pages than one commit takes. through <= applied: none
  std::vector<std::pair<SourceId, uint64_t>>
      merged;  // events so far, by source; SourceState::replayed - merged waits
  bool operator==(const DrainCheckpoint&) const = default;
};
Bytes encode(const DrainCheckpoint& checkpoint);
Result<DrainCheckpoint> decode_drain_checkpoint(BytesView bytes);

}  // namespace hindcast
