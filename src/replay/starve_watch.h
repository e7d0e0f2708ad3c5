// Whether a thread of the lowest class gets any CPU at all: seen from outside, by looks at it from
// time to time. (FloorWatch judges what was done, over ten seconds; this one needs no rate.)
//
//   four looks in a row found it ready to run, with less than a twentieth of the time ──► starved
//   starved ── ten seconds, in which another one serves ──► judged anew
//
// Time: handed in. Thread safety: confined to its owner.
#pragma once
#include <optional>

#include "base/time.h"

namespace hindcast {

class StarveWatch {
 public:
  static constexpr int kLooks = 4;
  static constexpr int kShare = 20;
  static constexpr Duration kServed = 10s;

  /// ready: it wants a CPU at this moment. ran: time that it had one, since its begin.
  void tick(bool ready, Duration ran, MonoTime now) {
    if (starved_) {
      if (now < until_) return;
      starved_ = false;
      last_.reset();
    }
    const bool starving = last_ && ready && kShare * (ran - last_->ran) < now - last_->at;
    looks_ = starving ? looks_ + 1 : 0;
    last_ = Look{ran, now};
    if (looks_ < kLooks) return;
    looks_ = 0;
    starved_ = true;
    until_ = now + kServed;
  }
  bool starved() const { return starved_; }

 private:
  struct Look {
    Duration ran;
    MonoTime at;
  };
  std::optional<Look> last_;
  int looks_ = 0;
  bool starved_ = false;
  MonoTime until_{};
};

}  // namespace hindcast
