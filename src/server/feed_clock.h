// A number that grows with real time: feed time in nanoseconds (speed), or how many events are out
// (rate). It stands still while paused, and may be set.
//
// A value; confined. Time: handed in.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/time.h"

namespace hindcast {

class FeedClock {
 public:
  /// Stands at `value` until it is let go with pause(false).
  FeedClock(int64_t value, double per_second) : value_(value), per_second_(per_second) {}

  int64_t at(MonoTime now) const {
    if (paused_) return value_;
    const double passed = std::chrono::duration<double>(now - since_).count();
    return value_ + std::llround(std::min(passed * per_second_, kGrowthMax));
  }
  void set(int64_t value, MonoTime now) {
    value_ = value;
    since_ = now;
  }
  void pause(bool paused, MonoTime now) {
    set(at(now), now);
    paused_ = paused;
  }
  bool paused() const { return paused_; }

 private:
  static constexpr double kGrowthMax = 4e18;  // what may be added to a time and is one still
  int64_t value_;
  double per_second_;
  MonoTime since_{};
  bool paused_ = true;
};

}  // namespace hindcast
