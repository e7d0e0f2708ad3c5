// p50, p99 and p999 of latencies over the last five seconds: what the governor judges live by.
//
//   record() ─► slot of this half second ─► counts of ten slots, of any number of shards ─►
//   quantile()
//
// A value falls into a bucket of its power of two and 32 equal parts of that. A quantile is the
// upper end of the bucket that holds it, so it is never too small, and too large by less than 1/32
// (3.2 %). Values up to 63 ns are exact; those from 2^40 ns (18 minutes) on count as that.
//
// Cost: an increment, at most 20 ns (quantiles_bench); no allocation after construction; 46 KiB.
// Time: never reads a clock.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>

#include "base/time.h"

namespace hindcast {

/// Counted latencies. A value; adds up over shards.
class LatencyCounts {
 public:
  static constexpr uint64_t kParts = 32;  // of a power of two
  static constexpr size_t kBuckets = 36 * kParts;

  static size_t bucket_of(Duration latency);
  /// The largest latency that falls into a bucket.
  static Duration upper_end(size_t bucket);

  void add(size_t bucket, uint64_t count) {
    counts_[bucket] += count;
    count_ += count;
  }
  LatencyCounts& operator+=(const LatencyCounts& other);
  /// Requires: `earlier` is a former state of the same counts.
  LatencyCounts& operator-=(const LatencyCounts& earlier);
  uint64_t count() const { return count_; }
  /// The smallest latency that at least `share` of all do not exceed, within the error above; zero
  /// when nothing was counted. share in (0, 1].
  Duration quantile(double share) const;

 private:
  std::array<uint64_t, kBuckets> counts_{};
  uint64_t count_ = 0;
};

/// The last five seconds, in steps of half a second: between 4.5 s and 5 s of values.
///
/// Thread safety: one thread records; any thread may add_to() meanwhile, without a lock on either
/// side, and sees all but the very last values.
class LatencyWindow {
 public:
  static constexpr Duration kSlot = 500ms;
  static constexpr size_t kSlots = 10;

  /// A clock that steps back counts into the present slot.
  void record(Duration latency, MonoTime now) {
    if (now >= slot_end_) turn_to(now);
    std::atomic<uint32_t>& count = slot_->counts[LatencyCounts::bucket_of(latency)];
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  /// Adds what was recorded in the window that ends at `now`, also if nobody records any more.
  void add_to(LatencyCounts& counts, MonoTime now) const;

 private:
  static constexpr int64_t kEmpty = INT64_MIN;
  struct Slot {
    // Written by the recording thread. `number` (time / kSlot) is kEmpty while the counts of an old
    // half second are cleared; the release of each count publishes that, so a reader who saw one
    // changed under its hands finds `number` changed too.
    std::atomic<int64_t> number = kEmpty;
    std::array<std::atomic<uint32_t>, LatencyCounts::kBuckets> counts{};
  };
  void turn_to(MonoTime now);

  std::array<Slot, kSlots> slots_;
  Slot* slot_ = &slots_[0];              // of the recording thread
  MonoTime slot_end_ = MonoTime::min();  // likewise
};

inline size_t LatencyCounts::bucket_of(Duration latency) {
  constexpr uint64_t kLargest = (uint64_t{1} << 40) - 1;
  const auto nanos = static_cast<uint64_t>(latency.count() < 0 ? 0 : latency.count());
  const uint64_t value = nanos > kLargest ? kLargest : nanos;
  if (value < kParts) return value;
  const auto shift = static_cast<unsigned>(63 - __builtin_clzll(value)) - 5;  // 2^5 = kParts
  return shift * kParts + (value >> shift);
}

}  // namespace hindcast
