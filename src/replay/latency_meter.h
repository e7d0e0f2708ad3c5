// Latencies of one kind: the last five seconds, which the governor judges by, and all since the
// start, for whoever measures a span of its own choice (all at its end less all at its beginning).
//
// Thread safety: one thread records; any thread reads meanwhile, without a lock on either side.
// Time: never reads a clock. 55 KiB.
#pragma once
#include <array>
#include <atomic>

#include "replay/quantiles.h"

namespace hindcast {

class LatencyMeter {
 public:
  void record(Duration latency, MonoTime now) {
    window_.record(latency, now);
    std::atomic<uint64_t>& count = all_[LatencyCounts::bucket_of(latency)];
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  void add_lately_to(LatencyCounts& counts, MonoTime now) const { window_.add_to(counts, now); }
  void add_all_to(LatencyCounts& counts) const {
    for (size_t bucket = 0; bucket < all_.size(); ++bucket)
      counts.add(bucket, all_[bucket].load(std::memory_order_relaxed));
  }

 private:
  LatencyWindow window_;
  // Written by the recording thread alone; a figure that publishes nothing else.
  std::array<std::atomic<uint64_t>, LatencyCounts::kBuckets> all_{};
};

}  // namespace hindcast
