// One worker of replay on two threads, of which one steps at a time. Its own is of the lowest
// class, and cannot raise itself without a right. While others leave it no CPU
// (replay/starve_watch.h), or whoever watches the floor says so (replay/floor_watch.h), a thread of
// normal class that slept until then steps instead, for a quarter of its time.
//
//   not starved:  worker ─ step ─ step ─ step …      helper sleeps
//   starved:      worker waits                       helper ─ step ─ ··· ─ step ─ ···
//
// A step that the worker began is waited for. Thread safety: set_starved() from any thread, it
// never waits; step() and serve() from one thread each.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>

#include "base/time.h"
#include "replay/starve_watch.h"

namespace hindcast {

class ReplayClass {
 public:
  static constexpr int kDuty = 4;  // the helper works for 1 / kDuty of its time

  /// Does something of the worker's, and says when to be called again.
  using Step = std::function<MonoTime(MonoTime now)>;
  /// look: how often the helper looks at the worker.
  explicit ReplayClass(std::function<MonoTime()> now, Duration look = 500ms)
      : now_(std::move(now)), look_(look) {}

  void set_starved(bool starved) { told_.store(starved, std::memory_order_relaxed); }
  bool starved() const {
    return told_.load(std::memory_order_relaxed) || seen_.load(std::memory_order_relaxed);
  }

  /// On the worker's own thread: one step, when it is its turn. nullopt: stopped instead.
  std::optional<MonoTime> step(const std::stop_token& stop, const Step& step);
  /// On the helper's: steps while starved, until it is stopped.
  void serve(const std::stop_token& stop, const Step& step);

 private:
  /// Waits for the turn; false: stopped. By looks instead of a notice, so that set_starved() takes
  /// no mutex that the worker may hold without a CPU.
  bool take(const std::stop_token& stop, bool helper);
  void give_back();
  void look_at_worker();
  bool wait(const std::stop_token& stop, Duration pause);

  const std::function<MonoTime()> now_;
  const Duration look_;
  // Only hints whose turn it is. By whoever watches the floor; by the helper.
  std::atomic<bool> told_{false}, seen_{false};
  std::atomic<int> worker_{0};  // its number, once it stepped; by the worker
  StarveWatch watch_;           // of the helper
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool stepping_ = false;  // guarded by mutex_, and so is handed on what a step changed
};

}  // namespace hindcast
