// Spreads the writing of bulk over time, so that the queue of the disk stays short for others.
//
//   for each piece: wait until take(its size, now), then write it
//
// Invariant: from any instant on, what may go within a time t is at most rate × (t + kBurst) plus
// one piece. Waiting longer than told earns no more than kBurst.
//
// Time: handed in. Thread safety: confined to its owner.
#pragma once
#include "base/time.h"
#include "base/units.h"

namespace hindcast {

class Pacer {
 public:
  static constexpr Duration kBurst = 2ms;

  explicit Pacer(ByteCount per_second) : per_second_(per_second) {}  // 0: nothing ever waits

  /// When these bytes may go: `now`, or later. They count as gone.
  MonoTime take(ByteCount bytes, MonoTime now);

 private:
  const ByteCount per_second_;
  MonoTime free_at_{};  // all that went before is paid for
};

}  // namespace hindcast
