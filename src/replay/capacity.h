// What the replay path could do if nothing held it back: work ÷ busy seconds (reader, compute,
// store) × workers. Waiting is not busy, so a lane at a hundredth of its limit measures the same as
// one at full speed, and a limit that is a share of capacity does not shrink by its own effect.
//
// Smoothed over busy time, not over time: an idle night forgets nothing. Before the first
// measurement a cautious guess stands in; it weighs as much as one busy second.
//
// A value with its codec; no clock. Thread safety: confined to its owner.
#pragma once
#include <array>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "replay/work.h"

namespace hindcast {

/// Time in which one worker was at work: inside a read of history, on the CPU, inside a commit once
/// the store had begun it. Not: waiting for allowance, a turn, a stopped store, a retry.
struct Busy {
  Duration reader{}, compute{}, store{};
  Duration sum() const { return reader + compute + store; }
};

class Capacity {
 public:
  /// Half of the weight is of the last half minute of busy time.
  static constexpr Duration kHalfLife = 30s;

  Capacity();
  /// What one worker did, for each subwindow say. Negative times count as none.
  void add(const Work& done, const Busy& busy);
  /// Of so many workers together. No kind is below 1.
  Work per_second(uint32_t workers) const;

  /// docs/formats/replay.md
  Bytes encode() const;
  /// Errors: kCorruption; a new Capacity is as good then.
  static Result<Capacity> decode(BytesView bytes);
  bool operator==(const Capacity&) const = default;

 private:
  std::array<double, 4> work_;  // in the order of each_kind(); decayed, as is
  double busy_seconds_;         // what it took
};

}  // namespace hindcast
