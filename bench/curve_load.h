// The live load: events at a fixed rate in batches that are due at fixed times, whatever the engine
// does. A batch is handed to Engine::push, which is what an HTTP request reaches behind its socket.
//
// Latencies count from when a batch was due, so a producer that comes late is not forgiven. Where
// it is permitted the thread has real-time priority: it stands for clients on other machines.
#pragma once
#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "replay/latency_meter.h"

namespace hindcast::bench {

/// Whether this process may have real-time priority (SCHED_FIFO).
bool real_time_permitted();

class CurveLoad {
 public:
  /// Makes its batches; nothing is pushed yet. `rate` in events per second; a batch is 1 ms of
  /// them.
  CurveLoad(Engine& engine, uint64_t rate, uint32_t keys);
  ~CurveLoad() { stop(); }

  void start();
  /// Returns when every push is answered.
  void stop();

  // Any thread.
  uint64_t pushed() const { return pushed_.load(std::memory_order_relaxed); }    // events taken
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }  // and not taken
  const LatencyMeter& acknowledged() const { return acknowledged_; }  // due to durable answer
  const LatencyMeter& begun() const { return begun_; }                // due to push

 private:
  struct Batch {  // a body whose ids and times are written over, each time it is used
    std::string body;
    std::vector<size_t> ids, times;  // where they stand
  };
  void run(const std::stop_token& stop);
  void push(Batch& batch, MonoTime due);

  Engine& engine_;
  std::vector<Batch> batches_;
  uint64_t next_id_ = 2'000'000'000;
  LatencyMeter acknowledged_;  // recorded by the log's thread
  LatencyMeter begun_;         // by run()
  std::atomic<uint64_t> pushed_{0}, refused_{0};
  std::atomic<uint64_t> in_flight_{0};  // counted up by run(), down by whoever answers
  std::jthread thread_;
};

}  // namespace hindcast::bench
