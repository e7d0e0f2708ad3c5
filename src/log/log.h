// The partition log: the only input of the live lane. What a clock or a socket decides is a control
// record in it, ordered before the events that follow, so a lane's content is a pure function of
// its log.
//
// Durability: `done` of append runs after the record survives power loss; nothing is readable
// before. Ordering: positions of one (partition, channel) grow with append order. Done callbacks
// run in that order. Thread safety: all calls from any thread; callbacks run on an implementation's
// thread or on the caller's (each implementation says which), so callers post to their shard.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/runtime.h"
#include "base/units.h"

namespace hindcast {

enum class RecordKind : uint8_t { kEvents, kDead, kAdvance, kConnected, kDisconnected, kGap };
enum class Channel : uint8_t { kLive, kReplay };

struct RecordHeader {
  PartitionId partition;
  RecordKind kind = RecordKind::kEvents;
  SourceId source;
  uint32_t events =
      0;  // events (or dead letters) in the record: lets a reader count what it has not decoded
};

struct LogRecord {
  Position position;
  RecordHeader header;
  Bytes payload;  // progress/control.h says what each kind holds
};

struct LogChunk {
  std::vector<LogRecord> records;  // in position order; empty = nothing (more) there now
  Position next;                   // read after this to go on
};

/// One record to append.
struct LogAppend {
  RecordHeader header;
  Bytes payload;  // at most 1 MiB
};

using LeaseId = uint64_t;

/// A place of the log that was durable and can no longer be read.
struct LogDamage {
  Position begin;     // first byte that may be lost
  Position resume;    // read after this to go on behind it
  std::string place;  // segment file, byte, and what is wrong there
};

struct LogStats {
  ByteCount size;  // bytes between the oldest record that is not settled and the newest one (of the
                   // whole channel): what live needs
  ByteCount limit;             // bound; at `size >= limit` append answers kOverloaded
  Position oldest, newest;     // of all that can be read
  ByteCount kept;              // bytes from the oldest one on: also what age and leases keep
  uint64_t broken_leases = 0;  // since the log was opened
};

class Log {
 public:
  virtual ~Log() = default;
  /// Appends all records, or none (atomic also over a crash: recovery shows all of them or none).
  /// They may belong to several partitions. `done` gets the position of each. Errors: kOverloaded
  /// (log at its bound: nothing was appended; slow down), kInvalidArgument (record too large). An
  /// empty vector is never refused for space and completes after all before it. A failed sync ends
  /// the process (real) or the simulated node.
  virtual void append(Channel channel, std::vector<LogAppend> records,
                      Done<std::vector<Position>> done) = 0;
  /// Durable records of `partition` after `after` (exclusive), at most about `max` payload bytes
  /// but at least one record if there is one. Blocks for disk at most; never waits for new records.
  /// Errors: kCorruption (the next thing after `after` is a bad record below the durable mark: the
  /// message names segment and byte; damage() lists the place, and reading after its `resume` goes
  /// on behind it), kUnavailable (I/O).
  virtual Result<LogChunk> read(PartitionId partition, Channel channel, Position after,
                                ByteCount max) = 0;
  /// Called (on the implementation's thread) whenever new records of any partition became readable;
  /// set once, before use.
  virtual void on_readable(std::function<void(Channel)> hook) = 0;
  /// Keeps records at and after `from` until released, whatever trim says. Only live's own need of
  /// the space breaks a lease, the oldest first: that is logged as an error that names the owner,
  /// who has to ask holds(). Errors: kNotFound when the log does not have all of that any more.
  virtual Result<LeaseId> lease(PartitionId partition, Channel channel, Position from,
                                std::string owner) = 0;
  /// Neither broken nor released: what was read so far of what it keeps had no hole.
  virtual bool holds(LeaseId lease) const = 0;
  /// Of a broken lease: nothing.
  virtual void release(LeaseId lease) = 0;
  /// From here on no record of the partition was freed: the lowest that can be leased.
  virtual Position kept_from(PartitionId partition, Channel channel) const = 0;
  /// Records of `partition` below `below` are settled: live does not need them. They are freed when
  /// they are older than what the log keeps by age and no lease needs them; at once, oldest first,
  /// when an append would be refused otherwise.
  virtual Status trim(PartitionId partition, Channel channel, Position below) = 0;
  virtual LogStats stats(Channel channel) const = 0;
  /// Bytes of the channel (all partitions) between two of its positions; how far `safe` lags behind
  /// `applied`.
  virtual ByteCount between(Channel channel, Position older, Position newer) const = 0;
  /// Damage found so far (when the log was opened, and by reads), in order of position.
  virtual std::vector<LogDamage> damage(Channel channel) const = 0;
  /// Stops writers after what was appended is durable. No call may follow.
  virtual Status close() = 0;
};

}  // namespace hindcast
