#include "history/request_budget.h"

#include <algorithm>

#include "base/assert.h"

namespace hindcast {
namespace {

constexpr Duration kOwed = 100ms;

Duration cost_of(uint64_t per_second, uint64_t weight) {
  HC_ASSERT(per_second > 0 && weight > 0);
  const double seconds = static_cast<double>(weight) / static_cast<double>(per_second);
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

RequestBudget::RequestBudget(uint64_t per_second, uint64_t weight)
    : cost_(cost_of(per_second, weight)) {}

std::optional<Duration> RequestBudget::take(MonoTime now) {
  const std::lock_guard lock(mutex_);
  const MonoTime ready = std::max(next_, paused_until_);
  if (now < ready) return ready - now;
  next_ = std::max(next_, now - kOwed) + cost_;
  return std::nullopt;
}

void RequestBudget::pause_until(MonoTime until) {
  const std::lock_guard lock(mutex_);
  paused_until_ = std::max(paused_until_, until);
}

}  // namespace hindcast
