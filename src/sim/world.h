// One simulated node: a disk that loses what was not synced, the embedded log over it, a store, and
// a lane per partition. Everything happens in steps that the caller chooses, on its thread; the
// node dies and comes back where it says.
//
//   disk (SimFileSystem) ◄── log (EmbeddedLog) ◄──┐
//   store (MemoryStore; commits complete in steps) ◄──┴── lanes (LaneDriver, one per partition)
//     ▲
//     └── recovery (Recovery: job book and workers) ◄── a history, which is no part of the node
#pragma once
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "base/sim_files.h"
#include "base/virtual_runtime.h"
#include "lane/lane_driver.h"
#include "log/embedded_log.h"
#include "sim/recovery.h"
#include "store/memory_store.h"

namespace hindcast::sim {

struct WorldOptions {
  uint32_t partitions = 1;
  LaneDriverOptions lane;  // of each partition; its number is filled in
  ByteCount log_segment = 8_KiB;
  ByteCount log_retention = 256_KiB;
  Duration log_age{};                       // for which it keeps what is settled
  std::optional<RecoveryOptions> recovery;  // absent: nothing is ever read again
};

class World {
 public:
  World(WorldOptions options, uint64_t seed);
  ~World();

  // ── life ──────────────────────────────────────────────────────────────────────────────────────
  /// Opens the log over what the disk holds and builds the lanes from what the store holds. When it
  /// fails, die() before the next attempt.
  Status start();
  /// Power is off, or the log cannot go on: only die() may follow.
  bool dying() const { return dying_; }
  bool up() const { return log_ && !dying_; }
  /// What is not in log or store is gone; with `power_loss` also what the log did not sync.
  void die(bool power_loss);

  // ── faults ────────────────────────────────────────────────────────────────────────────────────
  /// The file operation after so many fails, and all later ones until die().
  void cut_power_after(uint64_t operations);
  void spare_power() { files_.set_hook(nullptr); }
  void fail_next_sync() { files_.fail_next_sync(); }
  void fill_disk();
  void free_disk();
  ByteCount disk_used() const;

  // ── steps ─────────────────────────────────────────────────────────────────────────────────────
  EmbeddedLog& log() { return *log_; }
  Store& store() { return store_; }
  const Store& store() const { return store_; }
  uint32_t partitions() const { return options_.partitions; }
  LaneDriver& lane(uint32_t index) { return *lanes_[index]; }
  const LaneDriver& lane(uint32_t index) const { return *lanes_[index]; }
  const WorldOptions& options() const { return options_; }
  /// Null: the node has none.
  Recovery* recovery() { return recovery_.get(); }
  ProcessingTime now() const { return runtime_.wall_now() + waited_; }
  MonoTime mono_now() const { return runtime_.mono_now() + waited_; }
  /// Time passes, and nothing happens in it.
  void wait_until(MonoTime time) { waited_ += std::max(Duration{}, time - mono_now()); }

  bool log_has_writes(Channel channel) const { return to_write_[index(channel)]; }
  bool log_wants_care(Channel channel) const { return to_maintain_[index(channel)]; }
  void write_log(Channel channel);
  void maintain_log(Channel channel);
  bool store_has_commits() const { return runtime_.pending() > 0; }
  void complete_commit() { runtime_.step(); }

  /// Over all lives.
  LaneDriver::Counts lane_counts() const;

 private:
  static size_t index(Channel channel) { return static_cast<size_t>(channel); }

  const WorldOptions options_;
  mutable SimFileSystem files_;  // asking for free space takes its lock
  ByteCount capacity_;
  VirtualRuntime runtime_;
  MemoryStore store_;
  std::unique_ptr<EmbeddedLog> log_;
  std::vector<std::unique_ptr<LaneDriver>> lanes_;
  std::unique_ptr<Recovery> recovery_;
  JobId last_job_ = 0;
  Duration waited_{};
  std::array<bool, 2> to_write_{}, to_maintain_{};
  bool dying_ = false, power_cut_ = false;
  LaneDriver::Counts former_;  // of lanes that died
};

}  // namespace hindcast::sim
