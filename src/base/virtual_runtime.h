// Runtime of the simulator: one thread, virtual time, and the same order in every run.
//
// Tasks run in order of (time, order of posting); shards are only labels here. A task may post
// more. Thread safety: none; all of it belongs to the thread that steps.
#pragma once
#include <cstddef>
#include <map>
#include <utility>

#include "base/runtime.h"

namespace hindcast {

class VirtualRuntime final : public Runtime {
 public:
  /// `wall` is what wall_now() says at virtual time zero.
  explicit VirtualRuntime(uint64_t seed, ProcessingTime wall = ProcessingTime{});

  MonoTime mono_now() const override { return now_; }
  ProcessingTime wall_now() const override { return wall_ + now_.time_since_epoch(); }
  Rng& rng() override { return rng_; }
  void post(ShardId shard, Task task) override;
  void at(ShardId shard, MonoTime when, Task task) override;

  /// Moves time to the next task and runs it. False when there is none.
  bool step();
  /// Runs everything due at or before `until`, then sets the time to it.
  void run_until(MonoTime until);
  size_t pending() const { return tasks_.size(); }
  /// Forgets all tasks without running them: they die with the process that posted them.
  void drop_all() { tasks_.clear(); }

 private:
  MonoTime now_{};
  ProcessingTime wall_;
  uint64_t posted_ = 0;
  std::map<std::pair<MonoTime, uint64_t>, Task> tasks_;
  Rng rng_;
};

}  // namespace hindcast
