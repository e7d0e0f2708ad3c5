// The embedded log on threads of its own: `log-live` and `log-replay` write (so that a sync for a
// replay never stands before one for live), `log-prepare` makes segments ready ahead of need.
//
// Callbacks of accepted appends run on the writer's thread of their channel; so does on_readable.
// They must be short: the next group waits for them.
#pragma once
#include <array>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "log/embedded_log.h"

namespace hindcast {

class ThreadedLog final : public Log {
 public:
  /// `live_begins`: called first thing on log-live. Errors: as EmbeddedLog::open. `files` outlives
  /// it.
  static Result<std::unique_ptr<ThreadedLog>> open(FileSystem& files, EmbeddedLogOptions options,
                                                   std::function<void()> live_begins = nullptr);
  ~ThreadedLog() override;  // writes what was appended and ends the threads, if close() did not

  void append(Channel channel, std::vector<LogAppend> records,
              Done<std::vector<Position>> done) override {
    log_->append(channel, std::move(records), std::move(done));
  }
  Result<LogChunk> read(PartitionId partition, Channel channel, Position after,
                        ByteCount max) override {
    return log_->read(partition, channel, after, max);
  }
  void on_readable(std::function<void(Channel)> hook) override {
    log_->on_readable(std::move(hook));
  }
  Result<LeaseId> lease(PartitionId partition, Channel channel, Position from,
                        std::string owner) override {
    return log_->lease(partition, channel, from, std::move(owner));
  }
  bool holds(LeaseId lease) const override { return log_->holds(lease); }
  Position kept_from(PartitionId partition, Channel channel) const override {
    return log_->kept_from(partition, channel);
  }
  void release(LeaseId lease) override { log_->release(lease); }
  Status trim(PartitionId partition, Channel channel, Position below) override {
    return log_->trim(partition, channel, below);
  }
  LogStats stats(Channel channel) const override { return log_->stats(channel); }
  ByteCount between(Channel channel, Position older, Position newer) const override {
    return log_->between(channel, older, newer);
  }
  std::vector<LogDamage> damage(Channel channel) const override { return log_->damage(channel); }
  /// Writes what was appended, ends the threads, marks the end. Not from a callback.
  Status close() override;

 private:
  // One thread that works when it is woken, and once more after it was asked to stop.
  class Worker {
   public:
    Worker(const char* name, std::function<void()> begins, std::function<void()> work);
    void wake();
    void stop();

   private:
    void run(const std::stop_token& stop);
    const std::function<void()> work_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    bool woken_ = false;   // guarded by mutex_
    std::jthread thread_;  // last: it uses all of the above
  };

  explicit ThreadedLog(std::unique_ptr<EmbeddedLog> log);
  void maintain();
  void stop_threads();

  const std::unique_ptr<EmbeddedLog> log_;
  std::array<std::atomic<bool>, 2>
      maintain_{};                     // by Channel: set by any thread, taken by log-prepare
  std::atomic<bool> stopping_{false};  // set by close(); ends log-prepare between two slices
  std::unique_ptr<Worker> prepare_;
  std::array<std::unique_ptr<Worker>, 2> writers_;
};

}  // namespace hindcast
