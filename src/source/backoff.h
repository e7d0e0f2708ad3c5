// Waits between attempts: random between 0 and a bound that doubles ("full jitter"), so that a
// thousand clients of one server that restarted do not come back in step.
//
// A value; confined.
#pragma once
#include <algorithm>

#include "base/rng.h"
#include "base/time.h"

namespace hindcast {

class Backoff {
 public:
  /// Requires: 0 < min <= max.
  Backoff(Duration min, Duration max) : min_(min), max_(max), bound_(min) {}
  /// Before the next attempt.
  Duration next(Rng& rng) {
    const Duration wait(rng.below(static_cast<uint64_t>(bound_.count()) + 1));
    bound_ = bound_ > max_ / 2 ? max_ : bound_ * 2;
    return wait;
  }
  void reset() { bound_ = min_; }

 private:
  Duration min_, max_, bound_;
};

}  // namespace hindcast
