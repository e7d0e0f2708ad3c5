// Is the backlog being caught up? Calls a replay storm by name when it is not, and says when it
// will be done when that can be said honestly.
//
//   backlog every 10 s  ┊…18 samples…┊  grew in each of three 60 s windows, and nobody
//                                       chose that  ──►  storm: how much capacity is missing
//                                       shrank in the last window, or was chosen  ──►  over
//
// One for the lane (its storm), one for each job (its Eta). Time: handed in. Thread safety:
// confined to its owner.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>

#include "base/time.h"

namespace hindcast {

/// What is left to be replayed and can be: behind the frontier, settled, not set aside.
struct Backlog {
  Duration event_time{};  // summed over jobs
  uint64_t events = 0;    // expected in it; 0 = unknown
};

/// A replay that falls behind although it goes as fast as it can.
struct Storm {
  MonoTime since{};
  /// To be added: event-seconds per second that the backlog grows by, and those that it takes to be
  /// done with what there is within the target time. 1.0 = as much as live of one source brings.
  double missing_speed = 0;
  uint64_t missing_events = 0;  // the same in events per second; 0 = unknown
};

/// When the backlog will be gone, if the last minute goes on.
struct Eta {
  Duration left{};
  Duration earliest{}, latest{};  // by the fastest and the slowest third of that minute
  bool operator==(const Eta&) const = default;
};

class Divergence {
 public:
  static constexpr Duration kSample = 10s;
  static constexpr Duration kWindow = 60s;
  static constexpr size_t kWindows = 3;

  /// target: within which a backlog is to be gone; the missing capacity depends on it.
  explicit Divergence(Duration target) : target_(target) {}
  void set_target(Duration target) { target_ = target; }

  /// Any number of times a second. `chosen`: whoever set the limits wants it so slow: paused,
  /// ramping, or held by rate, budget or schedule. A window is chosen when more than a tenth of it
  /// is. After a silence of three samples everything starts anew.
  void observe(const Backlog& backlog, bool chosen, MonoTime now);

  const std::optional<Storm>& storm() const { return storm_; }

  /// Never a fake one. There is an Eta only if all of this holds:
  ///   - at least half a minute was observed, and of the last minute (or what there is of it)
  ///   - every third made the backlog smaller,
  ///   - the fastest third was at most three times as fast as the slowest,
  ///   - there is no storm.
  std::optional<Eta> eta() const;

 private:
  struct Sample {
    MonoTime at{};
    Duration backlog{};
    Duration chosen{};  // of the time since the sample before
  };
  static constexpr size_t kPerWindow = kWindow / kSample;

  void judge(const Backlog& backlog, MonoTime now);
  Duration growth(size_t from_end, size_t samples) const;
  Duration chosen(size_t from_end, size_t samples) const;

  Duration target_;
  std::deque<Sample> samples_;  // at most kWindows * kPerWindow + 1
  Duration chosen_{};           // since the newest sample
  MonoTime observed_{};
  Duration backlog_{};
  std::optional<Storm> storm_;
};

}  // namespace hindcast
