// The clock and the scheduler: many threads, or one thread on virtual time. Nothing else in the
// program reads clocks or waits.
#pragma once
#include <functional>

#include "base/result.h"
#include "base/rng.h"
#include "base/time.h"
#include "base/units.h"

namespace hindcast {

using Task = std::function<void()>;
/// Called exactly once, on the caller's shard.
template <class T>
using Done = std::function<void(Result<T>)>;

class Runtime {
 public:
  virtual ~Runtime() = default;
  virtual MonoTime mono_now() const = 0;
  virtual ProcessingTime wall_now() const = 0;  // stamps only, never logic
  virtual Rng& rng() = 0;
  /// Runs `task` on `shard`, after what was posted there before. Any thread.
  virtual void post(ShardId shard, Task task) = 0;
  /// Runs `task` on `shard` at `when` or soon after.
  virtual void at(ShardId shard, MonoTime when, Task task) = 0;
};

}  // namespace hindcast
