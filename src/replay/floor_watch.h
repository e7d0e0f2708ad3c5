// Watches that the floor is kept in fact: replay threads of the lowest priority may be allowed to
// go and still get no CPU (measured: 0.35 % beside two busy threads), and such a thread cannot
// raise itself.
//
// Time: handed in. Thread safety: confined to its owner.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace hindcast {

class FloorWatch {
 public:
  static constexpr Duration kWindow = 10s;

  /// at_work: some worker has all it needs but the CPU. floor: events per second.
  void tick(uint64_t done, double floor, bool at_work, MonoTime now) {
    if (!at_work) {
      since_.reset();
      starved_ = false;
      return;
    }
    if (!since_) begin(now);
    done_ += static_cast<double>(done);
    if (now - *since_ < kWindow) return;
    starved_ = done_ < floor * std::chrono::duration<double>(now - *since_).count();
    begin(now);
  }
  /// For ten seconds less was done than the floor, for want of a CPU alone: let one worker of
  /// normal priority serve it until this is false again.
  bool starved() const { return starved_; }

 private:
  void begin(MonoTime now) {
    since_ = now;
    done_ = 0;
  }

  std::optional<MonoTime> since_;
  double done_ = 0;
  bool starved_ = false;
};

}  // namespace hindcast
