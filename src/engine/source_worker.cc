#include "engine/source_worker.h"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "base/log.h"

namespace hindcast {
namespace {

constexpr ByteCount kPollBytes = 1_MiB;
constexpr size_t kUnderWayMax = 4;
constexpr Duration kOverloadDelay = 20ms;

/// Batches given to the log whose fsync has not been reported, oldest first. Shared with the log's
/// callbacks, which may outlive the worker's thread by a moment.
struct UnderWay {
  std::mutex mutex;
  std::condition_variable_any changed;
  size_t count = 0;
  Bytes durable;  // newest durable token
  std::optional<Error> failed;
};

/// Nothing for the log or the books: no reason for a write and its fsync.
bool says_nothing(const SourceBatch& batch) {
  return batch.events.empty() && batch.dead.empty() && batch.resume.empty() && batch.ignored == 0 &&
         !batch.connected && !batch.disconnected && !batch.ended && !batch.heartbeat;
}

}  // namespace

SourceWorker::SourceWorker(SourceId id, std::string name, Result<std::unique_ptr<Source>> source,
                           Ingest& ingest, Runtime& runtime)
    : id_(id), name_(std::move(name)), ingest_(ingest), runtime_(runtime) {
  if (source) {
    source_ = *std::move(source);
  } else {
    failure_ = source.error().message;
  }
}

SourceWorker::~SourceWorker() { stop(); }

void SourceWorker::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  pthread_setname_np(thread_.native_handle(), ("src-" + name_).substr(0, 15).c_str());
}

void SourceWorker::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void SourceWorker::fail(const Error& error, const std::stop_token& stop) {
  log_error("source stopped", {{"source", name_}, {"error", error.message}});
  // It delivers no more: redundant sources must not wait for it, and what a lossy one misses from
  // now on is a gap. A full log is asked again; in any other trouble the log says so itself.
  SourceBatch last;
  last.disconnected = error.message;
  std::mutex mutex;
  std::condition_variable_any never;
  for (;;) {
    const Status taken = ingest_.append(id_, last, runtime_.mono_now(), [](const Result<bool>&) {});
    if (taken || taken.error().code != ErrorCode::kOverloaded || stop.stop_requested()) break;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, kOverloadDelay, [] { return false; });
  }
  const std::scoped_lock lock(mutex_);
  failure_ = error.message;
}

std::optional<std::string> SourceWorker::failure() const {
  const std::scoped_lock lock(mutex_);
  return failure_;
}

void SourceWorker::run(const std::stop_token& stop) {
  Status status;
  if (source_ == nullptr) {
    status = Error{ErrorCode::kUnavailable, *failure()};
  } else {
    status = read(stop);
  }
  if (!status) fail(status.error(), stop);
}

Status SourceWorker::read(const std::stop_token& stop) {
  const auto under_way = std::make_shared<UnderWay>();
  const auto pause = [&](Duration time) {
    std::unique_lock lock(under_way->mutex);
    under_way->changed.wait_for(lock, stop, time, [] { return false; });
  };
  bool ended = false;
  while (!stop.stop_requested() && !ended) {
    Bytes durable;
    {
      std::unique_lock lock(under_way->mutex);
      if (!under_way->changed.wait(lock, stop, [&] { return under_way->count < kUnderWayMax; }))
        return {};
      if (const std::optional<Error> failed = under_way->failed) {
        return *failed;
      }
      durable = std::exchange(under_way->durable, {});
    }
    if (!durable.empty()) source_->durable(durable);
    std::optional<Result<SourceBatch>> polled;
    source_->poll(kPollBytes, [&](Result<SourceBatch> batch) { polled = std::move(batch); });
    if (!*polled) return polled->error();
    const SourceBatch batch = std::move(*polled).value();
    if (says_nothing(batch)) {
      if (batch.retry_after) pause(*batch.retry_after);
      continue;
    }
    ended = batch.ended;
    {
      const std::scoped_lock lock(under_way->mutex);
      ++under_way->count;
    }
    const auto done = [under_way, token = batch.resume](const Result<bool>& result) {
      const std::scoped_lock lock(under_way->mutex);
      --under_way->count;
      if (!result) {
        under_way->failed = result.error();
      } else if (!token.empty()) {
        under_way->durable = token;
      }
      under_way->changed.notify_all();
    };
    for (;;) {
      const Status taken = ingest_.append(id_, batch, runtime_.mono_now(), done);
      if (taken) break;
      if (taken.error().code != ErrorCode::kOverloaded) return taken;
      pause(kOverloadDelay);
      if (stop.stop_requested()) return {};
    }
    if (batch.retry_after && !ended) pause(*batch.retry_after);
  }
  std::unique_lock lock(under_way->mutex);
  if (!under_way->changed.wait(lock, stop, [&] { return under_way->count == 0; })) return {};
  if (under_way->failed) return *under_way->failed;
  if (ended) ended_.store(true, std::memory_order_release);
  return {};
}

}  // namespace hindcast
