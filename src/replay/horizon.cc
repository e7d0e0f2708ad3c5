#include "replay/horizon.h"

#include <algorithm>

#include "base/bytes.h"
#include "replay/windows.h"

namespace hindcast {
namespace {

Duration length(const Window& window) { return window.end - window.start; }

std::vector<Window> cut(const std::vector<Window>& windows, EventTime from, EventTime to) {
  std::vector<Window> out;
  for (const Window& window : windows) {
    if (const Window part = common(window, {from, to}); !empty(part)) out.push_back(part);
  }
  return out;
}

std::optional<Window> unreadable_of(const std::vector<Window>& left, EventTime from) {
  std::optional<Window> out;
  for (const Window& window : cut(left, kMinEventTime, from))
    out = Window{out ? out->start : window.start, window.end};
  return out;
}

/// Of what is readable, the instant with the least time to spare when it is read; nullopt: nothing
/// is. While the same stretches are read, reading and forgetting are straight lines, so it is
/// enough to look where that begins and ends.
std::optional<ReplayHorizon::TooLate> tightest(const Horizon& horizon, const Pace& pace) {
  Duration whole{};
  for (const Window& window : pace.reading) whole += length(window);
  const std::vector<Window> readable = cut(pace.reading, horizon.from, kMaxEventTime);
  std::optional<ReplayHorizon::TooLate> worst;
  Duration spare{}, clock{};
  const auto look = [&](EventTime at) {
    const Duration here = horizon.left(at) - clock;
    if (worst && here >= spare) return;
    spare = here;
    worst = {at, horizon.lost_at(at), horizon.now + clock};
  };
  std::vector<Window> active;
  for (size_t next = 0;;) {
    while (active.size() < pace.at_once && next < readable.size())
      active.push_back(readable[next++]);
    if (active.empty()) return worst;
    for (const Window& window : active) look(window.start);
    const Duration step = length(*std::ranges::min_element(active, {}, length));
    const auto work = int128{step.count()} * static_cast<int64_t>(active.size());
    clock += Duration(static_cast<int64_t>(work * pace.takes.count() / whole.count()));
    for (Window& window : active) {
      window.start += step;
      look(window.start);
    }
    std::erase_if(active, [](const Window& window) { return window.start == window.end; });
  }
}

/// People need no fractions of a second.
template <class Time>
std::string text_of(Time time) {
  return to_rfc3339(std::chrono::floor<std::chrono::seconds>(time));
}

}  // namespace

std::optional<EventTime> replayable_from(const SourceConfig& source, ProcessingTime now) {
  if (!source.history || !source.history->keep) return std::nullopt;
  return EventTime(now.time_since_epoch() - *source.history->keep);
}

Duration Horizon::left(EventTime at) const {
  int64_t out = 0;
  if (__builtin_sub_overflow(unix_ns(at), unix_ns(from), &out))
    return at < from ? Duration::min() : Duration::max();
  return Duration(out);
}

ProcessingTime Horizon::lost_at(EventTime at) const {
  int64_t out = 0;
  if (__builtin_add_overflow(unix_ns(now), left(at).count(), &out)) return ProcessingTime::max();
  return ProcessingTime(Duration(out));
}

std::optional<Refillable> refillable(const std::vector<Hole>& holes, const Horizon& horizon) {
  std::optional<EventTime> oldest;
  for (const Hole& hole : holes) {
    if (hole.state == Hole::State::kOpen)
      oldest = std::min(oldest.value_or(hole.range.start), hole.range.start);
  }
  if (!oldest) return std::nullopt;
  return Refillable{horizon.from, horizon.lost_at(*oldest), horizon.left(*oldest)};
}

std::optional<ReplayHorizon> replay_horizon(const std::vector<Window>& left, const Horizon& horizon,
                                            const std::optional<Pace>& pace) {
  if (left.empty()) return std::nullopt;
  ReplayHorizon out;
  out.replayable_from = horizon.from;
  out.keep = lag(horizon.now, horizon.from);
  out.lost_at = horizon.lost_at(left.front().start);
  out.unreadable = unreadable_of(left, horizon.from);
  if (out.unreadable) out.in_time = false;
  if (!pace) return out;
  const std::optional<ReplayHorizon::TooLate> worst = tightest(horizon, *pace);
  if (!worst) return out;
  if (worst->read_at > worst->lost_at) out.too_late = worst;
  out.in_time = !out.unreadable && !out.too_late;
  return out;
}

std::vector<std::string> warnings_of(const ReplayHorizon& horizon, ReplayOrder order) {
  std::vector<std::string> out;
  if (horizon.unreadable)
    out.push_back("history keeps " +
                  to_string(std::chrono::floor<std::chrono::seconds>(horizon.keep)) + ": from " +
                  text_of(horizon.unreadable->start) + " to " + text_of(horizon.unreadable->end) +
                  " can no longer be read");
  if (horizon.too_late)
    out.push_back("history forgets " + text_of(horizon.too_late->at) + " at " +
                  text_of(horizon.too_late->lost_at) + "; at this rate it is read at " +
                  text_of(horizon.too_late->read_at) + ": raise the rate" +
                  (order == ReplayOrder::kNewestFirst ? ", or let it read the oldest first" : ""));
  return out;
}

}  // namespace hindcast
