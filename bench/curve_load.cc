#include "bench/curve_load.h"

#include <pthread.h>
#include <sched.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>

#include "bench/workload.h"

namespace hindcast::bench {
namespace {

constexpr Duration kBatch = 1ms;
constexpr uint64_t kBatches = 1'000;  // made before; then their ids and times change

MonoTime mono_now() {
  return MonoTime(
      std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

bool take_real_time() {
  const sched_param priority{.sched_priority = 10};
  return ::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &priority) == 0;
}

/// Over the digits at `at`, which are as many.
void overwrite(std::string& body, size_t at, uint64_t number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  std::copy(digits, end, body.begin() + static_cast<ptrdiff_t>(at));
}

}  // namespace

bool real_time_permitted() {
  bool permitted = false;
  std::jthread([&] { permitted = take_real_time(); }).join();
  return permitted;
}

CurveLoad::CurveLoad(Engine& engine, uint64_t rate, uint32_t keys) : engine_(engine) {
  const uint64_t events = std::max<uint64_t>(rate / 1'000, 1);
  TradeLines lines(keys, /*seed=*/99);
  batches_.resize(kBatches);
  for (Batch& batch : batches_) {
    for (uint64_t i = 0; i < events; ++i) {
      const size_t begin = batch.body.size();
      lines.append(next_id_, 1'700'000'040'000, batch.body);
      batch.ids.push_back(batch.body.find("\"id\":", begin) + 5);
      batch.times.push_back(batch.body.find("\"ts\":", begin) + 5);
    }
  }
}

void CurveLoad::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void CurveLoad::run(const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), "bench-load");
  (void)take_real_time();
  MonoTime due = mono_now();
  for (size_t next = 0; !stop.stop_requested(); next = (next + 1) % batches_.size()) {
    due += kBatch;
    std::this_thread::sleep_until(std::chrono::steady_clock::time_point(due.time_since_epoch()));
    push(batches_[next], due);
  }
}

void CurveLoad::push(Batch& batch, MonoTime due) {
  const auto wall = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                              std::chrono::system_clock::now().time_since_epoch())
                                              .count());
  for (size_t i = 0; i < batch.ids.size(); ++i) {
    overwrite(batch.body, batch.ids[i], next_id_++);
    overwrite(batch.body, batch.times[i], wall);
  }
  const MonoTime now = mono_now();
  begun_.record(now - due, now);
  in_flight_.fetch_add(1, std::memory_order_relaxed);
  const uint64_t events = batch.ids.size();
  engine_.push("trades", batch.body, std::nullopt,
               [this, due, events](const Result<PushResult>& result) {
                 if (result && result->accepted == events) {
                   const MonoTime answered = mono_now();
                   acknowledged_.record(answered - due, answered);
                   pushed_.fetch_add(events, std::memory_order_relaxed);
                 } else {
                   refused_.fetch_add(events, std::memory_order_relaxed);
                 }
                 in_flight_.fetch_sub(1, std::memory_order_release);
               });
}

void CurveLoad::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  while (in_flight_.load(std::memory_order_acquire) > 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace hindcast::bench
