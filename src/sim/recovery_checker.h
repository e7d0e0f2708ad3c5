// What must hold of recovery. L5: facts of gaps are in the store before a frontier passes them, and
// where no gap is open nothing is missing that was there in time or that history has. L9: an event
// stays until a higher one of its identity supersedes it. And the law of a job's counts.
#pragma once
#include <map>
#include <set>
#include <vector>

#include "sim/content.h"
#include "sim/journal.h"
#include "sim/past.h"

namespace hindcast::sim {

class RecoveryWatch {
 public:
  RecoveryWatch(const StreamSchema& schema, const Workload& workload);
  /// Law L9, and L5 as far as can be told from what is stored now and what was there before.
  void look(const Snapshot& snapshot, const Journal& journal, const Past& past, Failures& failures);

 private:
  using Held = std::map<Identity, Event>;
  void check_facts(const Snapshot& snapshot, const Journal& journal, const CoverageFacts& facts,
                   Failures& failures) const;
  void check_lost(const Held& held, const CoverageFacts& facts, const Past& past,
                  Failures& failures) const;
  void check_sealed(const Snapshot& snapshot, const Journal& journal, const Held& held,
                    Failures& failures);

  const StreamSchema& schema_;
  std::vector<Event> lost_;
  Held held_;                                  // at the last look
  std::map<PartitionId, Position> looked_to_;  // records that were judged to be in time or not
  std::map<PartitionId, std::vector<Event>> in_time_;  // applied before the frontier passed them
};

/// At rest, all gaps closed: buckets are incomplete where the past said that it lacks something,
/// and nowhere but where it does.
void check_completeness(const Snapshot& snapshot, const StreamSchema& schema,
                        const Workload& workload, const Past& past, Failures& failures);
/// read = added + duplicate + superseded + outside + dead, of every job.
void check_job_counts(const Snapshot& snapshot, Failures& failures);
/// Law L10: two of these are equal when nothing was written in between but jobs.
Hash128 fingerprint(const Snapshot& snapshot, const StreamSchema& schema);

}  // namespace hindcast::sim
