// Random work, paces and horizons against a replay that is played hour by hour.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

#include "replay/horizon.h"

namespace hindcast {
namespace {

constexpr int kHours = 60;
const Horizon kHorizon{EventTime(Duration(20h)), ProcessingTime(Duration(500h))};

EventTime hour(int n) { return EventTime(n * Duration(1h)); }

/// Disjoint windows out of the hours that are left.
std::vector<Window> windows_of(const std::vector<bool>& left) {
  std::vector<Window> out;
  for (int n = 0; n < kHours; ++n) {
    if (!left[static_cast<size_t>(n)]) continue;
    if (out.empty() || out.back().end != hour(n)) out.push_back({hour(n), hour(n)});
    out.back().end = hour(n + 1);
  }
  return out;
}

/// Reads hour after hour, each in `takes`, and looks at both ends of each whether they still can be
/// read: the least time to spare.
std::optional<Duration> played(std::vector<int> readable, ReplayOrder order, Duration takes) {
  const bool oldest = order == ReplayOrder::kOldestFirst;
  if (!oldest) std::ranges::reverse(readable);
  std::optional<Duration> spare;
  Duration clock{};
  for (const int n : readable) {
    for (const int end : oldest ? std::vector{n, n + 1} : std::vector{n + 1, n}) {
      const Duration lost_in = hour(end) - kHorizon.from;
      spare = std::min(spare.value_or(lost_in - clock), lost_in - clock);
      if (end == (oldest ? n : n + 1)) clock += takes;
    }
  }
  return spare;
}

RC_GTEST_PROP(HorizonPropertyTest, AForecastIsWhatAReplayPlayedHourByHourComesTo, ()) {
  const auto left = *rc::gen::container<std::vector<bool>>(kHours, rc::gen::arbitrary<bool>());
  const int limit = *rc::gen::inRange(0, kHours + 1);
  const Duration takes = *rc::gen::inRange<int64_t>(1, 200) * Duration(1min);
  const ReplayOrder order = *rc::gen::element(ReplayOrder::kOldestFirst, ReplayOrder::kNewestFirst);
  std::vector<int> readable;
  int before_limit = 0;
  std::optional<Window> unreadable;
  for (int n = 0; n < kHours; ++n) {
    if (!left[static_cast<size_t>(n)]) continue;
    const bool forgotten = hour(n) < kHorizon.from;
    if (forgotten) unreadable = Window{unreadable ? unreadable->start : hour(n), hour(n + 1)};
    if (n >= limit) continue;
    before_limit += 1;
    if (!forgotten) readable.push_back(n);
  }
  const auto out =
      replay_horizon(windows_of(left), order, kHorizon, Pace{before_limit * takes, hour(limit)});
  RC_ASSERT(out.has_value() == (std::ranges::count(left, true) > 0));
  if (!out) return;
  RC_ASSERT(out->unreadable == unreadable);
  const std::optional<Duration> spare = played(readable, order, takes);
  RC_ASSERT(out->too_late.has_value() == (spare && *spare < Duration(0)));
  if (out->too_late) {
    RC_ASSERT(out->too_late->lost_at - out->too_late->read_at == *spare);
    RC_ASSERT(out->too_late->lost_at == kHorizon.lost_at(out->too_late->at));
  }
  RC_ASSERT(out->in_time.has_value() == (unreadable || spare));
  if (out->in_time) RC_ASSERT(*out->in_time == (!unreadable && !out->too_late));
}

}  // namespace
}  // namespace hindcast
