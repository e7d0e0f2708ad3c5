// What live waits for, as the governor of replay judges it and benchmarks report it.
//
//   Ingest: append handed in ─► log durable ─► LaneWorker: applied        apply
//   LaneWorker: commit given to the store ─► durable                      commit
//   the watermark passes a page window ─► the commit that ends it         seal
//
// Read it through Engine::live_latencies().
#pragma once
#include <array>
#include <atomic>

#include "base/units.h"
#include "replay/latency_meter.h"

namespace hindcast {

/// Of all lanes of one shard. Thread safety: the shard records; any thread reads.
struct LiveLatencyMeters {
  LatencyMeter apply, commit, seal;
};

/// Counts of them, of all shards together.
struct LiveLatencies {
  LatencyCounts apply;  // one for each append of events, not for each event
  LatencyCounts commit;
  LatencyCounts seal;
};

/// When appends of one partition were handed in, until its lane has applied them. Kept beside the
/// log because records carry no time; at most kMax at once: a lane that is further behind has
/// latencies enough.
///
/// Thread safety: given() is called by the log's thread, in order of positions; applied() by the
/// shard; no lock.
class AppendTimes {
 public:
  static constexpr size_t kMax = 2'048;

  /// The last record of an append that was handed in at `when` is `last`.
  void given(Position last, MonoTime when) {
    const uint64_t at = given_.load(std::memory_order_relaxed);
    if (at - taken_.load(std::memory_order_acquire) == kMax) return;
    times_[at % kMax] = {last, when};
    given_.store(at + 1, std::memory_order_release);
  }

  /// All records up to `to` are applied.
  void applied(Position to, MonoTime now, LatencyMeter& latency) {
    const uint64_t end = given_.load(std::memory_order_acquire);
    uint64_t at = taken_.load(std::memory_order_relaxed);
    for (; at != end; ++at) {
      const auto& [last, when] = times_[at % kMax];
      if (last > to) break;
      // A lane may see a record before its append is answered: that one was applied last time.
      latency.record((last <= before_to_ ? before_at_ : now) - when, now);
    }
    taken_.store(at, std::memory_order_release);
    before_to_ = to;
    before_at_ = now;
  }

 private:
  struct Given {
    Position last;
    MonoTime when;
  };
  std::array<Given, kMax> times_{};
  std::atomic<uint64_t> given_{0};  // written by the log's thread; publishes times_ before it
  std::atomic<uint64_t> taken_{0};  // written by the shard; frees times_ before it
  Position before_to_;              // of the shard
  MonoTime before_at_{};            // likewise
};

}  // namespace hindcast
