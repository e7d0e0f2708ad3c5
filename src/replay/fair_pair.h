// Jobs and late events draw from one bucket. While both wait for it, each gets its share: a half,
// or, when the replay log is deep, late events nine tenths, for only they make it shallower.
//
//   waits(side) ── took(), or does not ask again within kWaits ──► it does not wait any more
//   may_take(side): the other one does not wait, or has had no less
//
// A share is of what both wait for: who was away for kAway has no credit from before, but keeps its
// debt.
//
// Time: handed in. Thread safety: confined to its owner.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace hindcast {

class FairPair {
 public:
  enum class Side : uint8_t { kJobs, kLate };
  static constexpr Duration kWaits = 300ms;  // a waiting side asks every 100 ms
  static constexpr Duration kAway = 10s;     // longer than a step and its commit
  static constexpr uint64_t kDeepWeight = 9;

  void set_late_weight(uint64_t weight) { late_weight_ = weight; }

  bool may_take(Side side, MonoTime now) const {
    return !waiting(other(side), now) || had(side) <= had(other(side));
  }
  void waits(Side side, MonoTime now) {
    come(side, now);
    waits_[static_cast<size_t>(side)] = now;
  }
  void took(Side side, uint64_t events, MonoTime now) {
    come(side, now);
    waits_[static_cast<size_t>(side)].reset();
    had(side) += events * kDeepWeight / (side == Side::kLate ? late_weight_ : 1);
  }

 private:
  static Side other(Side side) { return side == Side::kJobs ? Side::kLate : Side::kJobs; }
  void come(Side side, MonoTime now) {
    std::optional<MonoTime>& seen = seen_[static_cast<size_t>(side)];
    if (!seen || now - *seen >= kAway) had(side) = std::max(had(side), had(other(side)));
    seen = now;
  }
  bool waiting(Side side, MonoTime now) const {
    const std::optional<MonoTime>& at = waits_[static_cast<size_t>(side)];
    return at && now - *at < kWaits;
  }
  uint64_t& had(Side side) { return had_[static_cast<size_t>(side)]; }
  uint64_t had(Side side) const { return had_[static_cast<size_t>(side)]; }

  uint64_t late_weight_ = 1;
  std::array<uint64_t, 2> had_{};  // in kDeepWeight-ths of an event
  std::array<std::optional<MonoTime>, 2> seen_, waits_;
};

}  // namespace hindcast
