// Which parts of the live log may hold events of a time: one entry for about 1 MiB of log and each
// partition of a stream. What came since the start is noted as it becomes durable; what an earlier
// life left in the log is scanned once, when somebody first asks.
//
// Entries of what the log has freed are forgotten, so there are about as many as the log has MiB.
//
// Thread safety: any thread; one mutex, never held while the log is read.
#pragma once
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/units.h"
#include "log/log.h"
#include "model/schema.h"

namespace hindcast {

/// A stretch of one partition of the log: what is behind `after`, up to `last`.
struct LogBlock {
  PartitionId partition;
  Position after, last;
  EventTime earliest, latest;  // of its events
  EventTime highest;           // no event of the partition up to `last` is later
};

class LogIndex {
 public:
  /// `log` outlives it. `block`: of log in one entry, about.
  LogIndex(Log& log, StreamSchema schema, const std::vector<PartitionId>& partitions,
           ByteCount block = 1_MiB);

  /// The log has records up to `newest` that this life did not append. No event that an earlier
  /// life took in is later than `highest`. `whole`: none of them is lost with a damaged log. Once,
  /// before the first note().
  void begin(Position newest, EventTime highest, bool whole);
  /// Events of a partition with times in [earliest, latest] are durable, the last at `last`. In
  /// order of positions.
  void note(PartitionId partition, Position last, EventTime earliest, EventTime latest);

  /// Reads on in what was there at the begin, about `max` bytes; nullopt: all of it is indexed.
  /// Damage is stepped over; then the log is not whole. Errors: kUnavailable.
  Result<std::optional<ByteCount>> scan(ByteCount max);

  /// What may hold events of `range`, those with the earliest events first. First of all the end of
  /// each partition that is not noted yet, which may hold anything. Requires: scan() has ended.
  std::vector<LogBlock> find(const Window& range) const;
  /// No event from this time on is in a record that was freed or lost; kMinEventTime: none was.
  /// `kept_from`: of each partition, as the log said.
  EventTime complete_from(const std::map<PartitionId, Position>& kept_from) const;
  size_t size() const;  // entries

 private:
  struct Part {
    std::deque<LogBlock> before, since;  // the begin
    Position scanned;                    // as far as it was read
    bool ended = true;                   // nothing is left to be scanned
    bool stepped_over = false;           // damage lies before what is scanned next
    EventTime highest = kMinEventTime;   // of all that was noted
  };
  bool join(LogBlock& block, Position last, EventTime earliest, EventTime latest) const;
  void step_over(PartitionId partition, Position after);
  void forget_freed(PartitionId partition, Part& part) const;

  Log& log_;
  const StreamSchema schema_;
  const ByteCount block_;
  mutable std::mutex mutex_;  // guards all below
  Position begin_;
  EventTime highest_before_ = kMinEventTime;
  bool whole_ = true;  // what was there at the begin
  std::map<PartitionId, Part> parts_;
};

}  // namespace hindcast
