// One channel of the embedded log: queue → frame → segment file → directory → readers.
//
// Thread safety: as EmbeddedLog. mutex_ is held briefly and never across I/O or callbacks.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "log/directory_internal.h"
#include "log/embedded_log.h"
#include "log/recovery_internal.h"
#include "log/segments_internal.h"

namespace hindcast::log {

class ChannelLog {
 public:
  /// `options` outlives it, and its on_fatal is set.
  static Result<std::unique_ptr<ChannelLog>> open(FileSystem& files,
                                                  const EmbeddedLogOptions& options,
                                                  Channel channel);

  /// True if it was queued (else `done` has run).
  bool append(std::vector<LogAppend> records, Done<std::vector<Position>> done);
  struct Written {
    bool readable = false;  // there is something new to read
    bool switched = false;  // a segment was taken, so that another one should be prepared
  };
  Written write_pending();
  bool has_pending() const;
  bool maintain() { return segments_.maintain(); }
  Result<LogChunk> read(PartitionId partition, Position after, ByteCount max);
  Result<LeaseId> lease(PartitionId partition, Position from, std::string owner);
  bool holds(LeaseId lease) const;
  Position kept_from(PartitionId partition) const;
  void release(LeaseId lease);
  void trim(PartitionId partition, Position below);
  ByteCount between(Position older, Position newer) const;
  LogStats stats() const;
  std::vector<LogDamage> damage() const;
  Status close();

 private:
  struct Waiting {
    std::vector<LogAppend> records;
    uint64_t bytes = 0;  // upper bound in a frame
    Done<std::vector<Position>> done;
  };
  struct Lease {
    PartitionId partition;
    Position from;
    std::string owner;
  };
  struct BrokenLease {
    Lease lease;
    std::string segment;  // that had to go
  };
  struct Kept {
    SegmentFile file;
    MonoTime written;  // its newest record; after a restart: when the log was opened
  };
  // Sections that one read takes from disk at once, and what their bytes must match.
  struct Extent {
    SegmentFile file;
    uint64_t offset = 0;  // in the file
    uint64_t bytes = 0;
    std::vector<Section> sections;
  };

  ChannelLog(FileSystem& files, const EmbeddedLogOptions& options, Channel channel,
             uint64_t segment_bytes);
  void start(Recovered recovered);
  bool has_failed() const;
  std::vector<Waiting> take_group();
  /// Where a frame of at most `bytes` goes; takes the next segment if it does not fit in this one.
  Result<FramePlace> place_frame(uint64_t bytes);
  Status write_frame(const Frame& frame);
  void publish(const Frame& frame);
  Result<std::vector<Extent>> plan_read(PartitionId partition, Position after, uint64_t max) const;
  Error bad_section(const Section& section);
  bool still_there(const Section& section) const;
  MonoTime now() const { return options_.now ? options_.now() : MonoTime{}; }
  Result<Segments::Ready> take_segment();
  /// Frees what is only kept or leased until the channel has less than `bound`. False: live needs
  /// the rest.
  bool make_room(uint64_t bound, std::vector<BrokenLease>& broken);
  /// Gives up the oldest segment, and the leases that hold it. False: live needs it.
  bool drop_oldest(std::vector<BrokenLease>& broken);
  static void tell(const std::vector<BrokenLease>& broken);
  Position lowest_kept(PartitionId partition) const;
  /// Where what is kept by age begins.
  uint64_t aged(MonoTime now) const;
  /// Frees what is settled, below `aged` and not leased.
  void free_below(uint64_t aged);
  uint64_t bytes_from(uint64_t segment) const;
  uint64_t kept_bytes() const;
  uint64_t needed_bytes() const;

  const EmbeddedLogOptions& options_;
  const Channel channel_;
  const uint64_t segment_bytes_;
  const Duration age_;  // for which it keeps what is settled
  Segments segments_;

  // Only write_pending() and close() use these.
  SegmentFile current_;  // null until the first frame
  uint64_t current_segment_ = 0;
  Bytes buffer_;
  bool closed_ = true;  // nothing was written after the last closing frame

  mutable std::mutex mutex_;  // guards all below
  std::deque<Waiting> queue_;
  uint64_t waiting_bytes_ = 0;  // of queue_ and of the group being written
  bool failed_ = false;
  uint64_t end_ = 0;  // of the last durable frame
  Position newest_;
  Directory directory_;
  // Segments that hold records somebody needs, or that are kept; the last one is the writer's.
  std::map<uint64_t, Kept> kept_;
  std::vector<LogDamage> lost_;  // found when it was opened: may have held records of any partition
  std::map<uint64_t, LogDamage> bad_;        // found by reads: one section, by position
  std::map<PartitionId, Position> settled_;  // what trim said
  std::map<PartitionId, Position> dropped_;  // records below it cannot be leased any more
  std::map<LeaseId, Lease> leases_;
  uint64_t broken_leases_ = 0;
  LeaseId next_lease_ = 1;
};

}  // namespace hindcast::log
