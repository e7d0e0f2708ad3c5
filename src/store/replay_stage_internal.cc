#include "store/replay_stage_internal.h"

#include <algorithm>
#include <future>

#include "base/log.h"
#include "base/thread_class.h"
#include "store/commit_rules.h"

namespace hindcast::embedded {
namespace {

Error stopped() { return {ErrorCode::kCancelled, "the store was dropped"}; }

}  // namespace

ReplayStage::ReplayStage(Places places)
    : at_(std::move(places)), pacer_(at_.rate), thread_([this](const std::stop_token& stop) {
        name_this_thread("store-replay");
        loop(stop);
      }) {}

ReplayStage::~ReplayStage() = default;

bool ReplayStage::add(Pending& pending) {
  {
    const Lock lock(mutex_);
    if (finishing_) return false;
    queue_.push_back(std::move(pending));
    waiting_.fetch_add(1, std::memory_order_relaxed);
  }
  wake_.notify_one();
  return true;
}

void ReplayStage::answer(Pending pending, Result<CommitResult> result) {
  {
    const Lock lock(mutex_);
    tasks_.push_back([this, pending = std::move(pending), result = std::move(result)]() mutable {
      waiting_.fetch_sub(1, std::memory_order_relaxed);
      pending.done(std::move(result));
    });
  }
  wake_.notify_one();
}

void ReplayStage::run(const std::function<void()>& task) {
  std::promise<void> done;
  {
    const Lock lock(mutex_);
    tasks_.push_back([&] {
      task();
      done.set_value();
    });
  }
  wake_.notify_one();
  done.get_future().wait();
}

void ReplayStage::finish() {
  {
    const Lock lock(mutex_);
    finishing_ = true;
  }
  wake_.notify_one();
}

void ReplayStage::join() { thread_.join(); }

void ReplayStage::loop(const std::stop_token& stop) {
  Lock lock(mutex_);
  while (true) {
    const auto ended = [&] { return all_forwarded_ && waiting() == 0; };
    wake_.wait(lock, stop, [&] {
      return !tasks_.empty() || !queue_.empty() || (finishing_ && !all_forwarded_) || ended();
    });
    if (stop.stop_requested()) return;
    run_tasks(lock);
    if (!queue_.empty()) {
      std::vector<Pending> group = take();
      lock.unlock();
      stage(std::move(group), stop);
      lock.lock();
    } else if (finishing_ && !all_forwarded_) {
      all_forwarded_ = true;
      lock.unlock();
      at_.forwarded_all();
      lock.lock();
    } else if (ended()) {
      return;
    }
  }
}

/// With the lock held.
std::vector<Pending> ReplayStage::take() {
  std::vector<Pending> group;
  ByteCount size;
  while (!queue_.empty() && (group.empty() || size < at_.group_bytes)) {
    size += queue_.front().size;
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return group;
}

void ReplayStage::stage(std::vector<Pending> group, const std::stop_token& stop) {
  Duration pause = at_.retry_first;
  Status written = write(group, stop);
  while (!written && written.error().code == ErrorCode::kOverloaded) {
    if (!stalled_.exchange(true, std::memory_order_relaxed))
      log_warn("the store is full: replay waits for space", {{"error", written.error().message}});
    {
      Lock lock(mutex_);
      if (!wait_until(lock, at_.now() + pause, stop)) {
        lock.unlock();
        if (stop.stop_requested()) return;
        return refuse(std::move(group),
                      unavailable("the store was closed while its disk was full"));
      }
    }
    pause = std::min(2 * pause, at_.retry_max);
    written = write(group, stop);
  }
  if (stop.stop_requested()) return;
  if (!written) return refuse(std::move(group), at_.fail(written.error()));
  if (stalled_.exchange(false, std::memory_order_relaxed))
    log_info("the store has space again: replay goes on");
  for (Pending& pending : group) at_.forward(std::move(pending));
}

Status ReplayStage::write(std::vector<Pending>& group, const std::stop_token& stop) {
  PartFiles::Pace paced;
  if (at_.rate != ByteCount{}) paced = [&](ByteCount bytes) { return pace(bytes, stop); };
  for (Pending& pending : group) {
    pending.places.clear();
    for (const PageAdd& add : pending.commit.pages)
      pending.places.push_back(at_.parts.add(Lane::kReplay, add.key, add.part));
  }
  HC_TRY(at_.parts.sync(Lane::kReplay, paced));
  if (!paced) return {};
  // The rest goes into the committer's batch, where nothing can pace it.
  for (const Pending& pending : group) {
    for (uint64_t rest = log_bytes_of(pending.commit).value; rest > 0;
         rest -= std::min(rest, kDiskPiece.value))
      HC_TRY(paced(ByteCount{std::min(rest, kDiskPiece.value)}));
  }
  return {};
}

Status ReplayStage::pace(ByteCount bytes, const std::stop_token& stop) {
  const MonoTime go = pacer_.take(bytes, at_.now());
  Lock lock(mutex_);
  (void)wait_until(lock, go, stop);
  if (stop.stop_requested()) return stopped();
  return {};
}

/// False at once when there is no time to wait: it is finishing, or stopped.
bool ReplayStage::wait_until(Lock& lock, MonoTime when, const std::stop_token& stop) {
  while (true) {
    run_tasks(lock);
    if (finishing_ || stop.stop_requested()) return false;
    const MonoTime now = at_.now();
    if (now >= when) return true;
    wake_.wait_for(lock, stop, when - now, [&] { return !tasks_.empty() || finishing_; });
  }
}

/// Without the lock meanwhile.
void ReplayStage::run_tasks(Lock& lock) {
  while (!tasks_.empty()) {
    std::vector<std::function<void()>> tasks;
    tasks.swap(tasks_);
    lock.unlock();
    for (const auto& task : tasks) task();
    tasks.clear();
    lock.lock();
  }
}

void ReplayStage::refuse(std::vector<Pending> group, const Error& error) {
  for (Pending& pending : group) {
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    pending.done(error);
  }
}

}  // namespace hindcast::embedded
