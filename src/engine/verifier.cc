#include "engine/verifier.h"

#include <condition_variable>
#include <mutex>

#include "base/log.h"
#include "base/thread_class.h"

namespace hindcast {
namespace {

constexpr Duration kLook = 5s;    // how often it looks for something to do
constexpr Duration kRetry = 60s;  // after an error of the store

/// False when there is a stop first.
bool wait(const std::stop_token& stop, Duration pause) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, pause, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace

Verifier::Verifier(const Catalog& catalog, Store& store, const Runtime& runtime,
                   ByteCount bytes_per_second)
    : runtime_(runtime), rate_(bytes_per_second), cycle_(catalog, store) {
  // Before any thread runs, so that the first status tells what was verified before.
  if (const Status loaded = cycle_.load(); !loaded)
    log_warn("what was verified before is not known", {{"error", loaded.error().message}});
}

void Verifier::start() {
  if (rate_ == ByteCount{}) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Verifier::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Verifier::run(const std::stop_token& stop) {
  name_this_thread("verify");
  enter(ThreadClass::kIdle);
  const auto paced = [&](ByteCount bytes) {
    const double seconds = static_cast<double>(bytes.value) / static_cast<double>(rate_.value);
    return wait(stop, Duration(static_cast<int64_t>(1e9 * seconds)));
  };
  while (!stop.stop_requested()) {
    const Result<bool> worked = cycle_.step(runtime_.wall_now(), paced);
    if (worked && *worked) continue;
    if (!worked && worked.error().code != ErrorCode::kCancelled)
      log_warn("verification waits", {{"error", worked.error().message}});
    (void)wait(stop, worked ? kLook : kRetry);
  }
}

}  // namespace hindcast
