// What was sent to the live log and what became of it: the checkers' own memory of the input,
// independent of the node. Law L2: what was acknowledged or could be read is there after any crash;
// an append is there wholly or not at all; nothing is there that nobody sent.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "progress/facts_codec.h"
#include "sim/failures.h"
#include "sim/stream.h"
#include "store/store.h"

namespace hindcast::sim {

struct Accepted {
  Position at;
  RecordHeader header;
  uint64_t payload = 0;  // its hash
  std::vector<Event> events;
  std::optional<GapRecord> gap;
};

class Journal {
 public:
  Journal(const StreamSchema& schema, uint32_t partitions)
      : schema_(schema), accepted_(partitions) {}

  /// An append is given to the log; the number names it in what follows.
  uint64_t sent(const std::vector<LogAppend>& records);
  void durable(uint64_t attempt, const std::vector<Position>& positions, Failures& failures);
  /// The log said that nothing was written.
  void refused(uint64_t attempt) { outstanding_.erase(attempt); }

  /// After a restart, before any append: compares the log with what must be in it, and finds the
  /// appends that are durable though nobody heard of it.
  void recovered(Log& log, const Snapshot& store, Failures& failures);
  /// A reader's look at what is new to it: all of it must be durable.
  void read(Log& log, PartitionId partition, Failures& failures);

  /// In order of positions.
  const std::vector<Accepted>& of(PartitionId partition) const {
    return accepted_[partition.value - 1];
  }
  uint64_t received(SourceId source) const;
  uint64_t found() const { return found_; }

 private:
  struct Attempt {
    std::vector<Accepted> records;  // without positions
  };
  std::vector<Accepted>& list(PartitionId partition) { return accepted_[partition.value - 1]; }
  void accept(Accepted record, Failures& failures);

  const StreamSchema& schema_;
  std::vector<std::vector<Accepted>> accepted_;  // by partition
  std::map<uint64_t, Attempt> outstanding_;      // in the order sent
  std::map<PartitionId, Position> read_to_;
  uint64_t last_attempt_ = 0, found_ = 0;
};

}  // namespace hindcast::sim
