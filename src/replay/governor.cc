#include "replay/governor.h"

#include <algorithm>
#include <cmath>

namespace hindcast {
namespace {

constexpr Duration kSmooth = 5s;  // as far as the latencies look back
constexpr Duration kThaw = 60s;

uint64_t speed_of(const std::optional<RateLimit>& limit, uint64_t capacity) {
  return limit ? per_second(*limit, capacity) : kNoLimit;
}

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace

Result<Governor> Governor::create(const Limits& limits) {
  HC_TRY(check(limits));
  return Governor(limits);
}

Status Governor::set(const Limits& limits) {
  HC_TRY(check(limits));
  limits_ = limits;
  divergence_.set_target(limits.catch_up_within);
  return {};
}

Allowance Governor::tick(const Signals& signals, MonoTime now) {
  smooth(signals.done, now);
  Allowance out;
  out.pressure = strongest(signals, limits_);
  if (out.pressure.value > Valve::kOpensBelow) pressed_ = now;
  out.late_first = deep_replay_log(signals, limits_);
  stopped_by_ = hard_bound(signals, limits_, stopped_by_);

  const uint64_t ceiling = per_second(limits_.events, signals.capacity.events);
  const uint64_t floor = std::min(per_second(limits_.floor, signals.capacity.events), ceiling);
  out.ceiling = ceiling;
  out.floor = floor;
  out.speed = done_;
  if (!signals.running || stopped_by_) {
    valve_.stop(stopped_by_.value_or(Reason::kRate));
    out.limit = stopped_by_.value_or(Reason::kSchedule);
    out.binding = out.limit;
  } else {
    const bool frozen = divergence_.storm() && pressed_ && now - *pressed_ < kThaw;
    valve_.tick(
        {out.pressure, static_cast<double>(floor), static_cast<double>(ceiling), done_, frozen},
        now);
    out.per_second = {static_cast<uint64_t>(valve_.rate()),
                      speed_of(limits_.bytes, signals.capacity.bytes),
                      speed_of(limits_.store_ops, signals.capacity.store_ops),
                      speed_of(limits_.requests, signals.capacity.requests)};
    const bool at_floor = out.per_second.events <= floor && floor < ceiling;
    const bool little_memory =
        out.pressure.reason == Reason::kMemory && out.pressure.value >= Valve::kClosesFrom;
    out.subwindows = at_floor || little_memory ? 1 : limits_.subwindows_at_once;
    out.limit = at_floor ? Reason::kFloor : valve_.cause();
    out.binding = signals.throttled ? out.limit : signals.otherwise;
    out.ramping = valve_.ramping();
  }

  const bool at_work = signals.running && !stopped_by_ && !signals.throttled &&
                       signals.otherwise == Reason::kCompute;
  floor_watch_.tick(signals.done.events, static_cast<double>(floor), at_work, now);
  out.starved = floor_watch_.starved();
  const bool chosen = !signals.running || out.ramping || by_choice(out.binding);
  divergence_.observe(signals.backlog, chosen, now);
  out.storm = divergence_.storm();
  return out;
}

void Governor::smooth(const Work& done, MonoTime now) {
  const Duration elapsed = ticked_ ? now - *ticked_ : kTick;
  if (elapsed <= Duration(0)) return;
  ticked_ = now;
  const double speed = static_cast<double>(done.events) / seconds(elapsed);
  done_ += (speed - done_) * (1 - std::exp(-seconds(elapsed) / seconds(kSmooth)));
}

}  // namespace hindcast
