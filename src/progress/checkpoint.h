// Durable statement of one partition: what of its log is settled. Committed with the data it speaks of.
//
// A record's event is *settled* (its outcome is in the store and in the tallies) if
//   position < safe, or
//   position < applied and its (window, slot) is behind the frontier, and it is not in `exceptions`, or
//   position < spilled[(window, slot)].
// Restart reads from `safe` and skips what is settled, so it counts nothing twice and makes no late storm of its own.
// Control records and tallies of sources are settled below `applied`.
#pragma once
#include <compare>
#include <vector>

#include "progress/watermark.h"

namespace hindcast {

/// Per source; law L3: received = pending + aggregated + duplicate + superseded + dead_lettered.
struct Tallies {
  uint64_t aggregated = 0, duplicate = 0, superseded = 0, dead_lettered = 0;
  Tallies& operator+=(const Tallies& o) {
    aggregated += o.aggregated; duplicate += o.duplicate; superseded += o.superseded; dead_lettered += o.dead_lettered;
    return *this;
  }
  uint64_t settled() const { return aggregated + duplicate + superseded + dead_lettered; }
  bool operator==(const Tallies&) const = default;
};
/// What one commit adds to a source's tallies; the store keeps the sums, changed in the same commit.
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
  Position below;  // events of this page in records below it are in the store
  bool operator==(const Spilled&) const = default;
};

struct Checkpoint {
  PartitionId partition;
  Epoch epoch;
  Position safe;     // first record that is not wholly settled
  Position applied;  // records below it were applied
  Frontier frontier;
  std::vector<Spilled> spilled;          // pages not behind the frontier
  std::vector<EventPosition> exceptions; // late events applied but not yet merged, sorted; bounded by the late buffer
  std::vector<SourceState> sources;      // as of `applied`
  Position replay_applied;               // replay log: records below it are merged
  EventPosition replay_origin;           // replay log: live events at or below it were merged already (a restart may append them again)
  bool operator==(const Checkpoint&) const = default;
};
Bytes encode(const Checkpoint& checkpoint);
Result<Checkpoint> decode_checkpoint(BytesView bytes);

}  // namespace hindcast
