#include "replay/valve.h"

#include <algorithm>
#include <cmath>

namespace hindcast {
namespace {

// Growth per second, as exponents: rate × e^(growth × seconds).
constexpr double kRampGrowth = 0.3;      // 35 %
constexpr double kLargestGrowth = 0.18;  // 20 %
constexpr double kProbeGrowth = 0.01;    // 1 %, beside the knee
constexpr double kCurve = 0.3;           // growth per relative distance from the knee

constexpr double kWorse = 1.25;  // times the pressure that closed it last
constexpr double kLeastCut = 0.9, kLargestCut = 0.3;

}  // namespace

void Valve::tick(const Inputs& in, MonoTime now) {
  if (stopped_) start(in, now);
  const Duration elapsed = std::clamp(now - ticked_, Duration(0), Duration(1s));
  ticked_ = std::max(ticked_, now);
  const bool held = closed_at_ && now < *closed_at_ + kHold;
  if (in.pressure.value >= kClosesFrom) {
    const bool worse =
        held && in.pressure.value >= closed_by_ * kWorse && now >= *closed_at_ + kWorseAfter;
    if (!held || worse) close(in, now);
  } else if (in.pressure.value < kOpensBelow && !held && !in.frozen) {
    open(in, elapsed);
  }
  rate_ = std::clamp(rate_, in.floor, in.ceiling);
  if (rate_ >= in.ceiling) {
    ramping_ = false;
    knee_.reset();
    cause_ = Reason::kRate;
  }
}

void Valve::stop(Reason reason) {
  if (!stopped_ && !ramping_) before_stop_ = rate_;
  stopped_ = true;
  ramping_ = false;
  rate_ = 0;
  cause_ = reason;
  closed_at_.reset();
  knee_.reset();  // by then it may lie elsewhere
}

void Valve::start(const Inputs& in, MonoTime now) {
  ticked_ = std::max(ticked_, now);  // the time of the stop opens nothing
  stopped_ = false;
  ramping_ = true;
  before_stop_ = std::min(before_stop_.value_or(in.ceiling), in.ceiling);
  rate_ = *before_stop_ * kRampFrom;
}

void Valve::close(const Inputs& in, MonoTime now) {
  // What was done says where the pressure came from; but it is measured over some seconds, so one
  // close never takes more than kLargestCut of kLargestCut.
  const double met_at = std::clamp(in.done, rate_ * kLargestCut, rate_);
  knee_ = met_at;
  rate_ = met_at * std::clamp(1 / in.pressure.value, kLargestCut, kLeastCut);
  closed_at_ = now;
  closed_by_ = in.pressure.value;
  cause_ = in.pressure.reason;
  ramping_ = false;
}

void Valve::open(const Inputs& in, Duration elapsed) {
  double growth = kLargestGrowth;
  if (ramping_) {
    growth = kRampGrowth;
  } else if (knee_) {
    growth = std::clamp(kCurve * std::abs(rate_ / *knee_ - 1), kProbeGrowth, kLargestGrowth);
  }
  const double headroom = (kOpensBelow - in.pressure.value) / (kOpensBelow - kOpensFullyBelow);
  growth *= std::min(headroom, 1.0);
  rate_ *= std::exp(growth * std::chrono::duration<double>(elapsed).count());
  if (ramping_ && rate_ >= *before_stop_) ramping_ = false;
}

}  // namespace hindcast
