// How fast replay may go, as one number that follows the strongest pressure: down at once and by as
// much as it is too strong, up slowly, and never below the floor.
//
//   pressure   0 ······ 0.8 ········ 0.92 ···· 1 ······►
//   the valve    opens   │ ever slower │ stays │ closes: rate × 1 / pressure, from × 0.9 to × 0.3
//
//   rate              knee: where pressure was met last
//    │        ┌·······/‾‾‾‾‾     fast while far from it, 1 % a second beside it, so that most
//    │   ╱‾‾‾‾╎\___╱‾            of the time is spent just below what can be borne, and a
//    └──ramp──╎hold 5 s──►       probe overshoots little (the idea of CUBIC, RFC 9438)
//
// After closing it holds for five seconds, because the latencies it is judged by look back that
// far; it closes again within that time only if things got clearly worse. It closes from what was
// really done, so a ceiling far above what is possible does not make it deaf.
//
// Time: handed in. Thread safety: confined to its owner. Checked by valve_property_test: the rate
// lies between floor and ceiling, rises by at most 20 % a second (35 % in a ramp), and falls within
// 500 ms of a pressure that persists.
#pragma once
#include <optional>

#include "base/time.h"
#include "replay/pressure.h"

namespace hindcast {

class Valve {
 public:
  static constexpr double kOpensFullyBelow = 0.8, kOpensBelow = 0.92, kClosesFrom = 1.0;
  static constexpr Duration kHold = 5s, kWorseAfter = 500ms;
  static constexpr double kRampFrom = 0.1;  // of the rate before the stop

  /// All speeds in events per second. `done`: smoothed over some seconds. `frozen`: a storm; the
  /// valve does not open. Requires 1 <= floor <= ceiling.
  struct Inputs {
    Pressure pressure;
    double floor = 1, ceiling = 1, done = 0;
    bool frozen = false;
  };
  void tick(const Inputs& in, MonoTime now);
  /// Closed. The next tick() begins a ramp, at a tenth of the rate before.
  void stop(Reason reason);

  double rate() const { return rate_; }
  /// From a stop until the rate before it is reached again, or pressure ends the ramp.
  bool ramping() const { return ramping_; }
  /// Why the rate is below the ceiling: the pressure that closed the valve last, or what stopped
  /// it; kRate when it is at the ceiling or rises to it undisturbed.
  Reason cause() const { return cause_; }

 private:
  void start(const Inputs& in, MonoTime now);
  void close(const Inputs& in, MonoTime now);
  void open(const Inputs& in, Duration elapsed);

  double rate_ = 0;
  bool stopped_ = true;
  bool ramping_ = false;
  Reason cause_ = Reason::kRate;
  std::optional<double> before_stop_;  // rate to ramp up to
  std::optional<double> knee_;         // where pressure was met last
  double closed_by_ = 0;               // pressure at which it closed last
  std::optional<MonoTime> closed_at_;
  MonoTime ticked_ = MonoTime::min();
};

}  // namespace hindcast
