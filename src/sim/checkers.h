// What must hold, asked of a snapshot at any moment: laws L3, L4 and L8. L2 is the journal's
// (sim/journal.h), L1 the content's (sim/content.h), L5 the gap checker's (sim/gap_checker.h).
#pragma once
#include <map>
#include <vector>

#include "sim/failures.h"
#include "sim/journal.h"
#include "sim/world.h"

namespace hindcast::sim {

/// L3, at any moment: per source, what the checkpoints say was received is what the log holds up to
/// there, and each of these events is unsettled, waits in the replay log, or is in the tallies,
/// once.
void check_accounts(const Snapshot& snapshot, const Journal& journal, const StreamSchema& schema,
                    Failures& failures);

/// L4: frontiers, watermarks and change numbers never go back; a row changes only by a higher
/// version and a change that names it.
class StoreWatch {
 public:
  explicit StoreWatch(const StreamSchema& schema) : schema_(schema) {}
  void look(const Snapshot& snapshot, Failures& failures);

 private:
  struct Partition {
    Frontier frontier;
    EventTime watermark = kMinEventTime;
    Position applied, drained;
    Epoch epoch;
  };
  void look_at_partition(const Snapshot& snapshot, PartitionId partition, Failures& failures);
  void look_at_changes(const Snapshot& snapshot, Failures& failures);
  void look_at_row(const Row& row, Failures& failures);

  const StreamSchema& schema_;
  std::map<PartitionId, Partition> partitions_;
  std::map<RowKey, Row> rows_;
  ChangeNumber last_change_;
  std::map<RowKey, Version> named_;  // by changes since the last look: newest version
};

/// L8: log, disk, lane memory and unsettled exceptions stay within what was configured.
void check_bounds(World& world, Failures& failures);

}  // namespace hindcast::sim
