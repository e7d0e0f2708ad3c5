// Reads one pull source (file, stdin, websocket) on a thread of its own: poll, append to the log,
// tell the source what is durable. A few batches are under way at once, so that parsing goes on
// during an fsync; when the log is at its bound the batch is held and the source is not polled: it
// is blocked, not idle.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/runtime.h"
#include "engine/ingest.h"
#include "source/source.h"

namespace hindcast {

class SourceWorker {
 public:
  /// A source that could not be opened is kept as failed, so that status says why.
  SourceWorker(SourceId id, std::string name, Result<std::unique_ptr<Source>> source,
               Ingest& ingest, Runtime& runtime);
  ~SourceWorker();  // stops
  void start();
  void stop();
  /// Ended, and all of it durable.
  bool ended() const { return ended_.load(std::memory_order_acquire); }
  /// Why it stopped reading for good, if it did.
  std::optional<std::string> failure() const;
  SourceId id() const { return id_; }

 private:
  void run(const std::stop_token& stop);
  Status read(const std::stop_token& stop);
  void fail(const Error& error, const std::stop_token& stop);

  const SourceId id_;
  const std::string name_;
  std::unique_ptr<Source> source_;
  Ingest& ingest_;
  Runtime& runtime_;
  std::atomic<bool> ended_{false};  // set by the thread once the last append was acknowledged
  mutable std::mutex mutex_;
  std::optional<std::string> failure_;  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace hindcast
