// The log on disk: docs/formats/log.md. One row of segment files per channel; all partitions of a
// channel share it, so that one sync makes the appends of all of them durable.
//
// It has no thread. Appends are queued; write_pending() writes and syncs a group of them and runs
// their callbacks; maintain() prepares and recycles segments. ThreadedLog runs both on threads of
// its own; the simulator calls them itself.
//
// Thread safety: the calls of Log from any thread; write_pending(c) of one channel, and close(),
// from one thread at a time; maintain(c) from any. Callbacks of accepted appends run in
// write_pending, those of refused ones in append. No lock is held while callbacks run.
//
// ── What a crash leaves ──────────────────────────────────────────────────────────────────────────
// A group of appends becomes one frame, written at the end of the log and synced before anything
// else is written. So at most one frame is ever in flight:
//  - Crash before its sync: the frame is torn or whole. Torn (a checksum fails): dropped when the
//  log is
//    opened, its place is used again; none of its appends was acknowledged. Whole: kept, synced
//    again, and served: appends that were never acknowledged are then wholly there, which their
//    senders must expect.
//  - Crash after its sync: it is there. Each later frame says so ("durable"), so if it cannot be
//  read then, that
//    is damage and not a torn tail, and is reported with its place.
//  - A sync that fails: what is on disk is unknown and cannot be found out (the kernel forgets it).
//  on_fatal ends
//    the process, and opening the log again writes and syncs the last frame anew before it is
//    served.
//  - Crash while a segment is prepared: its file has a temporary name and is deleted; or it is
//  complete, and empty.
//  - Crash while a trimmed segment is renamed: it is found under the old name (its records appear
//  again, until the
//    next trim) or the new one (its old frames name another segment and do not count). The rename
//    is durable before a byte is changed.
//  - trim, lease and age live in memory: after a crash trimmed records may appear again, and what
//  is kept by age is as if it were new; leases are gone.
#pragma once
#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "log/log.h"

namespace hindcast {

struct EmbeddedLogOptions {
  std::string folder;  // made if absent; belongs to this log alone
  /// Of one segment file, [8 KiB, 1 GiB], a multiple of 4 KiB. Space is freed in these steps, and
  /// an append must fit in one. For a new log; an existing one keeps its size.
  ByteCount segment = 64_MiB;
  /// Bound of each channel, at least two segments; at it appends answer kOverloaded. Control
  /// records may use one segment more. On disk there are at most two more (the next one and a
  /// spare).
  ByteCount retention = 4_GiB;
  /// For how long the live channel keeps what is settled, if there is room: a segment as long as
  /// its newest record is younger. After a restart the age counts from the restart, since files do
  /// not say when they were written: kept for too long rather than too short.
  Duration age{};
  std::function<MonoTime()> now;  // from any thread; required with an age
  /// A group of appends is written when it has this size, or at once when nothing is being written.
  /// Larger means more throughput and longer waits for those in it.
  ByteCount group = 1_MiB;
  /// Bound of what waits to be written, per channel; beyond it appends answer kOverloaded.
  ByteCount queue = 64_MiB;
  /// New records get positions above this one. For the highest position that a store has seen: a
  /// log folder that was lost or replaced must not hand out positions that the store takes for
  /// settled.
  std::array<Position, 2> above{};  // by Channel
  /// Called when a write or sync failed, so that it is unknown what is on disk. Must end the node;
  /// the default logs and aborts the process. If it returns (simulation), waiting appends get
  /// kUnknownOutcome and later ones kUnavailable.
  std::function<void(const Error&)> on_fatal;
};

namespace log {
class ChannelLog;
}
/// What there is to do: call write_pending(), or maintain().
enum class LogWork : uint8_t { kWrite, kMaintain };

class EmbeddedLog final : public Log {
 public:
  /// Opens or makes the log, reads it back and repairs its tail. `files` outlives it. Errors:
  /// kInvalidArgument (options), kUnavailable (I/O), kCorruption (not a log). Damage inside is not
  /// an error here: see damage().
  static Result<std::unique_ptr<EmbeddedLog>> open(FileSystem& files, EmbeddedLogOptions options);
  ~EmbeddedLog() override;  // does not write; appends still waiting get no answer

  void append(Channel channel, std::vector<LogAppend> records,
              Done<std::vector<Position>> done) override;
  Result<LogChunk> read(PartitionId partition, Channel channel, Position after,
                        ByteCount max) override;
  void on_readable(std::function<void(Channel)> hook) override;
  Result<LeaseId> lease(PartitionId partition, Channel channel, Position from,
                        std::string owner) override;
  bool holds(LeaseId lease) const override;
  void release(LeaseId lease) override;
  Position kept_from(PartitionId partition, Channel channel) const override;
  Status trim(PartitionId partition, Channel channel, Position below) override;
  LogStats stats(Channel channel) const override;
  ByteCount between(Channel channel, Position older, Position newer) const override;
  std::vector<LogDamage> damage(Channel channel) const override;
  /// Writes what waits, and a closing frame, so that damage to the last frame can be told from a
  /// torn one.
  Status close() override;

  /// Called when an append was queued, or a segment was taken or freed; from any thread and from
  /// within calls of this class, so it only wakes or posts. Set once, before use.
  void on_work(std::function<void(Channel, LogWork)> hook);
  /// Writes, syncs and completes one group of waiting appends. True if more are waiting.
  bool write_pending(Channel channel);
  /// Does a slice (about 1 MiB of I/O) of preparing and recycling segments. True if there is more
  /// to do.
  bool maintain(Channel channel);

 private:
  explicit EmbeddedLog(EmbeddedLogOptions options);
  log::ChannelLog& channel(Channel c) const { return *channels_[static_cast<size_t>(c)]; }

  const EmbeddedLogOptions options_;
  std::array<std::unique_ptr<log::ChannelLog>, 2> channels_;
  std::function<void(Channel, LogWork)> on_work_;
  std::function<void(Channel)> on_readable_;
};

}  // namespace hindcast
