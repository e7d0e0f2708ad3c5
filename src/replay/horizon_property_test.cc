// Random work, paces and horizons against a replay that is played hour by hour.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

#include "replay/horizon.h"

namespace hindcast {
namespace {

constexpr int kHours = 60;
const Horizon kHorizon{EventTime(Duration(21h)), ProcessingTime(Duration(500h))};

EventTime hour(int n) { return EventTime(n * Duration(1h)); }

/// The hours that are left as stretches that end where a piece of three hours does.
std::vector<Window> stretches_of(const std::vector<bool>& left) {
  std::vector<Window> out;
  for (int n = 0; n < kHours; ++n) {
    if (!left[static_cast<size_t>(n)]) continue;
    if (out.empty() || out.back().end != hour(n) || n % 3 == 0) out.push_back({hour(n), hour(n)});
    out.back().end = hour(n + 1);
  }
  return out;
}

/// Every reader reads one hour in each round, which takes as long as there are readers; before and
/// behind it, it is seen whether that hour can be read yet: the least time to spare.
std::optional<Duration> played(const std::vector<Window>& reading, size_t at_once, Duration takes) {
  std::optional<Duration> spare;
  Duration clock{};
  const auto see = [&](EventTime at) {
    const Duration here = at - kHorizon.from - clock;
    spare = std::min(spare.value_or(here), here);
  };
  std::vector<Window> readers;
  size_t next = 0;
  while (true) {
    for (; readers.size() < at_once && next < reading.size(); ++next) {
      if (reading[next].start >= kHorizon.from) readers.push_back(reading[next]);
    }
    if (readers.empty()) return spare;
    for (const Window& reader : readers) see(reader.start);
    clock += static_cast<int64_t>(readers.size()) * takes;
    for (Window& reader : readers) {
      reader.start += 1h;
      see(reader.start);
    }
    std::erase_if(readers, [](const Window& reader) { return reader.start == reader.end; });
  }
}

RC_GTEST_PROP(HorizonPropertyTest, AForecastIsWhatAReplayPlayedHourByHourComesTo, ()) {
  const auto hours = *rc::gen::container<std::vector<bool>>(kHours, rc::gen::arbitrary<bool>());
  const uint32_t at_once = *rc::gen::inRange<uint32_t>(1, 5);
  const Duration takes = *rc::gen::inRange<int64_t>(1, 200) * Duration(1min);  // an hour
  const std::vector<Window> left = stretches_of(hours);
  std::vector<Window> reading = left;
  if (*rc::gen::arbitrary<bool>()) std::ranges::reverse(reading);
  const size_t turned = *rc::gen::inRange<size_t>(0, reading.size() + 1);  // others have begun
  std::ranges::rotate(reading, reading.begin() + static_cast<ptrdiff_t>(turned));
  std::optional<Window> unreadable;
  for (const Window& window : left) {
    if (window.start < kHorizon.from)
      unreadable = Window{unreadable ? unreadable->start : window.start, window.end};
  }
  const auto all = std::ranges::count(hours, true) * takes;
  const auto out = replay_horizon(left, kHorizon, Pace{reading, at_once, all});
  RC_ASSERT(out.has_value() == !left.empty());
  if (!out) return;
  RC_ASSERT(out->unreadable == unreadable);
  const std::optional<Duration> spare = played(reading, at_once, takes);
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
