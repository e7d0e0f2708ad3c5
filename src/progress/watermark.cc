#include "progress/watermark.h"

#include <algorithm>

namespace hindcast {
namespace {

EventTime minus(EventTime t, Duration delay) {
  int64_t ns = 0;
  return __builtin_sub_overflow(unix_ns(t), delay.count(), &ns) ? kMinEventTime : event_time_ns(ns);
}

}  // namespace

Watermark::Watermark(std::vector<std::pair<SourceId, Duration>> delays)
    : delays_(std::move(delays)) {
  std::sort(delays_.begin(), delays_.end());
  for (const auto& [source, delay] : delays_) state(source);
}

void Watermark::restore(std::vector<SourceState> states, EventTime value) {
  states_ = std::move(states);
  std::sort(states_.begin(), states_.end(),
            [](const SourceState& a, const SourceState& b) { return a.source < b.source; });
  for (const auto& [source, delay] : delays_) state(source);
  value_ = value;
  // Not update(): a changed configuration must not move the watermark before the log says so.
}

SourceState& Watermark::state(SourceId source) {
  auto at = std::lower_bound(
      states_.begin(), states_.end(), source,
      [](const SourceState& state, SourceId wanted) { return state.source < wanted; });
  if (at == states_.end() || at->source != source) {
    at = states_.insert(at, SourceState{});
    at->source = source;
  }
  return *at;
}

void Watermark::events(SourceId source, EventTime highest) {
  SourceState& s = state(source);
  s.connected = true;
  s.idle = s.ended = false;
  s.max_event = std::max(s.max_event, highest);
  update();
}

void Watermark::advance(SourceId source, const Advance& advance) {
  SourceState& s = state(source);
  s.advanced = std::max(s.advanced, advance.to);
  if (advance.why == Advance::Why::kIdle) s.idle = true;
  if (advance.why == Advance::Why::kEnd) s.ended = true;
  update();
}

void Watermark::connected(SourceId source) {
  SourceState& s = state(source);
  s.connected = true;
  s.idle = s.ended = false;
  update();
}

void Watermark::disconnected(SourceId source) {
  state(source).connected = false;
  update();
}

void Watermark::update() {
  EventTime slowest = kMaxEventTime, furthest = kMinEventTime;
  bool any_active = false;
  auto delay = delays_.begin();  // both lists are by source: one pass
  for (const SourceState& s : states_) {
    while (delay != delays_.end() && delay->first < s.source) ++delay;
    const bool configured = delay != delays_.end() && delay->first == s.source;
    const EventTime own =
        std::max(minus(s.max_event, configured ? delay->second : Duration{}), s.advanced);
    furthest = std::max(furthest, own);
    if (configured && s.connected && !s.idle && !s.ended) {
      any_active = true;
      slowest = std::min(slowest, own);
    }
  }
  value_ = std::max(value_, any_active ? slowest : furthest);
}

}  // namespace hindcast
