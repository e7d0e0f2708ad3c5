// Says how fast the replay lane may go, and why no faster. Twenty times a second:
//
//   limits × measured capacity ──► ceiling, floor ──┐
//   signals ──► pressure: the strongest decides ────┼──► valve ──► Allowance: speeds for the token
//   hard bounds: stopped store, disk, memory ───────┘      ▲       buckets, subwindows, the reason
//   backlog ──► divergence: storm ── freezes the opening ──┘
//
//   not running │ hard bound    nothing; then a ramp from a tenth of the speed before
//   else                        between floor and ceiling, whatever the pressure (laws L6, L7)
//
// A storm freezes the valve's opening while anything presses. When nothing has pressed for a
// minute, it is the valve itself that is short, and it opens: a storm must not feed on its own
// brake.
//
// Time: handed in; never reads a clock. Thread safety: confined to its owner. No I/O.
#pragma once
#include <cstdint>
#include <optional>

#include "base/result.h"
#include "base/time.h"
#include "replay/divergence.h"
#include "replay/floor_watch.h"
#include "replay/limits.h"
#include "replay/pressure.h"
#include "replay/reason.h"
#include "replay/valve.h"
#include "replay/work.h"

namespace hindcast {

struct Allowance {
  Work per_second;  // for Throttle::set(); 0 events = nothing; kNoLimit where there is none
  uint64_t ceiling = 0, floor = 0;  // events per second, as the limits make them of capacity
  double speed = 0;                 // events per second done, over about five seconds
  uint16_t subwindows = 0;  // at once, of all jobs; those that are under way go on. One at the
                            // floor and when memory presses: each holds a working set
  Reason binding = Reason::kSchedule;  // why the lane goes no faster now
  Reason limit = Reason::kSchedule;    // what a worker that waits for allowance waits for
  Pressure pressure;                   // the strongest signal, also when it does not bind
  bool late_first = false;             // the replay log is deep: what empties it goes before jobs
  bool ramping = false;
  bool starved = false;  // allowed, but without a CPU (floor_watch.h)
  std::optional<Storm> storm;
};

class Governor {
 public:
  static constexpr Duration kTick = 50ms;

  /// Errors: as check(limits).
  static Result<Governor> create(const Limits& limits);

  /// Holds from the next tick on. Errors: as check(limits); nothing is changed then.
  Status set(const Limits& limits);
  const Limits& limits() const { return limits_; }

  /// Meant for every kTick; a longer pause only makes it slower to react.
  Allowance tick(const Signals& signals, MonoTime now);

 private:
  explicit Governor(const Limits& limits) : limits_(limits), divergence_(limits.catch_up_within) {}
  void smooth(const Work& done, MonoTime now);

  Limits limits_;
  Valve valve_;
  Divergence divergence_;
  FloorWatch floor_watch_;
  std::optional<Reason> stopped_by_;
  double done_ = 0;  // events per second, over about five seconds
  std::optional<MonoTime> ticked_, pressed_;
};

}  // namespace hindcast
