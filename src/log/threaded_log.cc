#include "log/threaded_log.h"

#include "base/thread_class.h"

namespace hindcast {

ThreadedLog::Worker::Worker(const char* name, std::function<void()> begins,
                            std::function<void()> work)
    : work_(std::move(work)),
      thread_([this, name, begins = std::move(begins)](const std::stop_token& stop) {
        name_this_thread(name);
        if (begins) begins();
        run(stop);
      }) {}

void ThreadedLog::Worker::wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_one();
}

void ThreadedLog::Worker::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void ThreadedLog::Worker::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, stop, [this] { return woken_; });
    woken_ = false;
    lock.unlock();
    // Read before the work: what came before the stop is then worked on.
    const bool last = stop.stop_requested();
    work_();
    if (last) return;
    lock.lock();
  }
}

ThreadedLog::ThreadedLog(std::unique_ptr<EmbeddedLog> log) : log_(std::move(log)) {}

Result<std::unique_ptr<ThreadedLog>> ThreadedLog::open(FileSystem& files,
                                                       EmbeddedLogOptions options,
                                                       std::function<void()> live_begins) {
  HC_TRY_ASSIGN(std::unique_ptr<EmbeddedLog> embedded,
                EmbeddedLog::open(files, std::move(options)));
  std::unique_ptr<ThreadedLog> log(new ThreadedLog(std::move(embedded)));
  ThreadedLog& self = *log;
  self.prepare_ = std::make_unique<Worker>("log-prepare", nullptr, [&self] { self.maintain(); });
  const auto writer = [&self](const char* name, Channel channel, std::function<void()> begins) {
    return std::make_unique<Worker>(name, std::move(begins), [&self, channel] {
      while (self.log_->write_pending(channel)) {
      }
    });
  };
  self.writers_ = {writer("log-live", Channel::kLive, std::move(live_begins)),
                   writer("log-replay", Channel::kReplay, nullptr)};
  self.log_->on_work([&self](Channel channel, LogWork work) {
    if (work == LogWork::kWrite) {
      self.writers_[static_cast<size_t>(channel)]->wake();
    } else {
      self.maintain_[static_cast<size_t>(channel)] = true;
      self.prepare_->wake();
    }
  });
  // Live's first segment now; replay's when it is first used, since many never replay.
  self.maintain_[static_cast<size_t>(Channel::kLive)] = true;
  self.prepare_->wake();
  return log;
}

ThreadedLog::~ThreadedLog() { stop_threads(); }

void ThreadedLog::maintain() {
  for (const Channel channel : {Channel::kLive, Channel::kReplay}) {
    if (!maintain_[static_cast<size_t>(channel)].exchange(false)) continue;
    while (!stopping_ && log_->maintain(channel)) {
    }
  }
}

void ThreadedLog::stop_threads() {
  stopping_ = true;
  for (const auto& writer : writers_) writer->stop();
  prepare_->stop();
}

Status ThreadedLog::close() {
  stop_threads();
  return log_->close();
}

}  // namespace hindcast
