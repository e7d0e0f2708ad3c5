// Runtime on real threads: one named thread per shard, each with its own queue and timers.
//
// Thread safety: post, at and the clocks from any thread. rng() belongs to the calling shard's
// thread; all other threads share one generator and must not call it concurrently.
// The queues are not bounded here: whoever posts data bounds what it has in flight (L8).
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/runtime.h"

namespace hindcast {

/// What mono_now() of every ThreadRuntime shows. For those on threads of their own without one.
MonoTime steady_now();

class ThreadRuntime final : public Runtime {
 public:
  /// Shard i runs on a thread called `names[i]` (1 to 15 characters, what an operator sees in top).
  ThreadRuntime(const std::vector<std::string>& names, uint64_t seed);
  ~ThreadRuntime() override;  // stops
  ThreadRuntime(const ThreadRuntime&) = delete;
  ThreadRuntime& operator=(const ThreadRuntime&) = delete;

  MonoTime mono_now() const override;
  ProcessingTime wall_now() const override;
  Rng& rng() override;
  void post(ShardId shard, Task task) override;
  void at(ShardId shard, MonoTime when, Task task) override;

  /// Runs what was posted before, forgets timers, ends the threads. What is posted from then on is
  /// dropped. Not from a shard's own thread.
  void stop();

 private:
  class Shard;
  std::vector<std::unique_ptr<Shard>> shards_;
  Rng outside_;
};

}  // namespace hindcast
