#include "base/thread_runtime.h"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>

#include "base/assert.h"

namespace hindcast {

namespace {
// Which generator rng() means on this thread; null outside of shards.
thread_local Rng* shard_rng = nullptr;

std::chrono::steady_clock::time_point to_steady(MonoTime t) {
  return std::chrono::steady_clock::time_point(t.time_since_epoch());
}
}  // namespace

MonoTime steady_now() { return MonoTime(std::chrono::steady_clock::now().time_since_epoch()); }

class ThreadRuntime::Shard {
 public:
  Shard(const std::string& name, uint64_t seed) : rng_(seed) {
    HC_ASSERT(!name.empty() && name.size() <= 15);
    thread_ = std::jthread([this, name](const std::stop_token& stop) {
      pthread_setname_np(pthread_self(), name.c_str());
      shard_rng = &rng_;
      run(stop);
    });
  }

  void post(Task task) {
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return;
      ready_.push_back(std::move(task));
    }
    wake_.notify_one();
  }

  void at(MonoTime when, Task task) {
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return;
      timers_.emplace(when, std::move(task));  // equal times keep their order of insertion
    }
    wake_.notify_one();
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void run(const std::stop_token& stop) {
    std::deque<Task> batch;
    std::unique_lock lock(mutex_);
    while (true) {
      const auto now = std::chrono::steady_clock::now();
      while (!timers_.empty() && to_steady(timers_.begin()->first) <= now && !stopped_) {
        ready_.push_back(std::move(timers_.begin()->second));
        timers_.erase(timers_.begin());
      }
      if (!ready_.empty()) {
        batch.swap(ready_);
        lock.unlock();
        for (Task& task : batch) task();
        batch.clear();  // what the tasks captured is destroyed here, outside of the lock
        lock.lock();
        continue;
      }
      if (stop.stop_requested()) return;
      const auto wanted = [this] { return !ready_.empty(); };
      if (timers_.empty()) {
        wake_.wait(lock, stop, [this] { return !ready_.empty() || !timers_.empty(); });
      } else {
        const MonoTime first = timers_.begin()->first;
        wake_.wait_until(lock, stop, to_steady(first), [&] {
          return wanted() || (!timers_.empty() && timers_.begin()->first < first);
        });
      }
    }
  }

  std::mutex mutex_;  // guards ready_, timers_, stopped_; never held while a task runs
  std::condition_variable_any wake_;
  std::deque<Task> ready_;
  std::multimap<MonoTime, Task> timers_;
  bool stopped_ = false;
  Rng rng_;
  std::jthread thread_;  // last: it uses all of the above
};

ThreadRuntime::ThreadRuntime(const std::vector<std::string>& names, uint64_t seed)
    : outside_(seed) {
  shards_.reserve(names.size());
  for (const std::string& name : names) {
    shards_.push_back(std::make_unique<Shard>(name, outside_.next()));
  }
}

ThreadRuntime::~ThreadRuntime() { stop(); }

MonoTime ThreadRuntime::mono_now() const { return steady_now(); }

ProcessingTime ThreadRuntime::wall_now() const {
  return ProcessingTime(std::chrono::system_clock::now().time_since_epoch());
}

Rng& ThreadRuntime::rng() { return shard_rng != nullptr ? *shard_rng : outside_; }

void ThreadRuntime::post(ShardId shard, Task task) {
  HC_ASSERT(shard.value < shards_.size());
  shards_[shard.value]->post(std::move(task));
}

void ThreadRuntime::at(ShardId shard, MonoTime when, Task task) {
  HC_ASSERT(shard.value < shards_.size());
  shards_[shard.value]->at(when, std::move(task));
}

void ThreadRuntime::stop() {
  for (const auto& shard : shards_) shard->stop();
}

}  // namespace hindcast
