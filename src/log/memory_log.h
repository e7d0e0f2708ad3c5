// The log in memory: the contract of log/log.h without the disk. For tests, and for `run` without a
// data folder. Nothing survives the process, so everything is "durable" at once.
//
// Callbacks run on the thread that appends (in append order: a thread that is already running
// callbacks also runs those of appends that other threads make meanwhile). No lock is held then.
#pragma once
#include <array>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "log/log.h"

namespace hindcast {

struct MemoryLogOptions {
  ByteCount retention = 256_MiB;      // bound of each channel
  ByteCount control_reserve = 1_MiB;  // beyond it, for appends that hold control records only
  Duration age{};                     // for which the live channel keeps what is settled
  std::function<MonoTime()> now;      // required with an age
};

class MemoryLog final : public Log {
 public:
  explicit MemoryLog(MemoryLogOptions options = {});

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
  ByteCount between(Channel, Position older, Position newer) const override {
    return ByteCount{older < newer ? newer.lo - older.lo : 0};
  }
  std::vector<LogDamage> damage(Channel) const override { return {}; }
  Status close() override { return {}; }

 private:
  struct Kept {
    LogRecord record;
    MonoTime written;
  };
  struct Partition {
    std::deque<Kept> records;
    Position settled;  // what trim said
    Position dropped;  // records below are gone
  };
  struct Lease {
    Channel channel;
    PartitionId partition;
    Position from;
    std::string owner;
  };
  struct State {
    std::map<PartitionId, Partition> partitions;
    uint64_t end = 0;     // position of the next byte
    uint64_t kept = 0;    // bytes of all records
    uint64_t needed = 0;  // of those that are not settled
    uint64_t broken_leases = 0;
    Position newest;
  };
  State& state(Channel channel) { return channels_[static_cast<size_t>(channel)]; }
  const State& state(Channel channel) const { return channels_[static_cast<size_t>(channel)]; }
  MonoTime now() const { return options_.now ? options_.now() : MonoTime{}; }
  std::vector<Position> take(Channel channel, std::vector<LogAppend> records, MonoTime at);
  void drop(Channel channel, PartitionId id, MonoTime at);
  /// Drops the oldest record that is only kept or, if there is none, leased; the leases that held
  /// it go to `broken`. False: live needs all that is left.
  bool drop_oldest(Channel channel, std::vector<Lease>& broken);
  static void drop_front(State& s, Partition& p);
  void run_completions();

  const MemoryLogOptions options_;
  mutable std::mutex mutex_;  // guards all below except hook_
  std::array<State, 2> channels_;
  std::map<LeaseId, Lease> leases_;
  LeaseId next_lease_ = 1;
  std::deque<std::function<void()>> completions_;
  bool completing_ = false;
  std::function<void(Channel)> hook_;  // set before use
};

}  // namespace hindcast
