#include "engine/replay_class.h"

#include <algorithm>

#include "base/thread_class.h"

namespace hindcast {
bool ReplayClass::take(const std::stop_token& stop, bool helper) {
  const auto my_turn = [&] { return !stepping_ && starved() == helper; };
  if (helper) look_at_worker();
  std::unique_lock lock(mutex_);
  while (!my_turn() && !stop.stop_requested()) {
    changed_.wait_for(lock, stop, look_, my_turn);
    if (!helper) continue;
    lock.unlock();
    look_at_worker();
    lock.lock();
  }
  if (stop.stop_requested()) return false;
  stepping_ = true;
  return true;
}

void ReplayClass::give_back() {
  {
    const std::lock_guard lock(mutex_);
    stepping_ = false;
  }
  changed_.notify_all();
}

void ReplayClass::look_at_worker() {
  const int worker = worker_.load(std::memory_order_relaxed);
  if (worker == 0) return;
  const std::optional<ThreadLook> seen = look_at_thread(worker);
  if (!seen) return;
  watch_.tick(seen->ready, seen->ran, now_());
  seen_.store(watch_.starved(), std::memory_order_relaxed);
}

bool ReplayClass::wait(const std::stop_token& stop, Duration pause) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, pause, [] { return false; });
  return !stop.stop_requested();
}

std::optional<MonoTime> ReplayClass::step(const std::stop_token& stop, const Step& step) {
  if (worker_.load(std::memory_order_relaxed) == 0)
    worker_.store(this_thread_number(), std::memory_order_relaxed);
  if (!take(stop, /*helper=*/false)) return std::nullopt;
  const MonoTime next = step(now_());
  give_back();
  return next;
}

void ReplayClass::serve(const std::stop_token& stop, const Step& step) {
  while (take(stop, /*helper=*/true)) {
    const MonoTime begin = now_();
    const MonoTime next = step(begin);
    const MonoTime end = now_();
    give_back();
    const Duration wanted = std::min<Duration>(std::max(next - end, Duration(0)), look_);
    if (!wait(stop, std::max(wanted, (kDuty - 1) * (end - begin)))) return;
  }
}

}  // namespace hindcast
