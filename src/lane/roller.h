// Folds parent buckets from their children (1m → 5m → 1h → 1d), where marks say that children
// changed.
//
// A mark waits until its parent bucket is wholly behind the partition's frontier; before that
// queries fold the children on the fly. Then the parent is refolded from *all* its children in one
// snapshot, in time order, and one commit puts the rows that differ, deletes exactly the marks that
// were read, and marks the next level up. A mark that arrives meanwhile stays and is rolled next
// time. A refold that changes nothing writes no row and marks nothing (L10).
//
// One roller per partition, one step at a time: a row's version is its previous one + 1, without
// compare-and-set. Thread safety: confined to one shard; step() reads the snapshot, so it may block
// on disk.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "store/store.h"

namespace hindcast {

struct RollerAggregate {
  AggregateId id;
  Rule rule;
  std::vector<Duration>
      resolutions;  // all that are stored, finest first; a parent's children are the one before it
};

struct RollerOptions {
  PartitionId partition;
  StreamSchema schema;
  std::vector<RollerAggregate> aggregates;
  size_t rows_max =
      16'384;  // parent rows put per commit, about (one (bucket, slot) is never split)
};

class Roller {
 public:
  explicit Roller(RollerOptions options);
  ~Roller();

  /// One commit's worth of marked parents; nullopt when no mark is ready. Requires: !busy(); a
  /// snapshot that holds every commit of this roller. Errors: kCorruption from the store.
  Result<std::optional<Commit>> step(const Snapshot& snapshot, ProcessingTime now);
  /// A step's commit is not answered yet.
  bool busy() const;
  /// Not committed: the marks are still there, the next step does it again.
  void committed(CommitId id, const CommitResult& result);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hindcast
