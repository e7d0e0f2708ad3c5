#include "sim/past.h"

#include <algorithm>

#include "base/hash.h"

namespace hindcast::sim {

Past::Past(const StreamSchema& schema, const Workload& workload, const PastPlan& plan,
           uint64_t seed)
    : schema_(schema), plan_(plan), seed_(seed), rng_(seed) {
  std::vector<Event> events;
  for (const Batch& batch : workload)
    events.insert(events.end(), batch.events.begin(), batch.events.end());
  MemoryHistoryOptions options;
  options.piece = schema.page_window * static_cast<int64_t>(1 + rng_.below(8));
  options.chunk_events = 1 + rng_.below(30);
  options.disorder = rng_.below(2) * 3s;
  options.fault = [this] { return fault(); };
  options.retry_after = [this]() -> std::optional<Duration> {
    if (rng_.chance(0.5)) return std::nullopt;
    return 1s + rng_.below(5) * 1s;
  };
  options.alter = [this](HistoryChunk& chunk) { alter(chunk); };
  history_ =
      std::make_unique<MemoryHistory>(schema_, to_batch(schema_, events), std::move(options));
}

/// The same in every call of one history.
double Past::dice(uint64_t what) const { return Rng(mix(seed_ ^ 0x7a3d, what)).unit(); }

bool Past::is_missing(EventTime time) const { return !whole_ && was_missing(time); }

bool Past::was_missing(EventTime time) const {
  if (plan_.missing == 0) return false;
  return dice(static_cast<uint64_t>(unix_ns(align_down(time, schema_.page_window)))) <
         plan_.missing;
}

bool Past::lacks(const Event& event) const { return !whole_ && lacked(event); }

bool Past::lacked(const Event& event) const {
  return was_missing(EventTime(event.time)) ||
         (plan_.lacks > 0 &&
          dice(hash64(event.key) + static_cast<uint64_t>(event.id)) < plan_.lacks);
}

std::optional<Error> Past::fault() {
  if (calm_) return std::nullopt;
  const double what = rng_.unit();
  if (what >= plan_.fails + plan_.broken) return std::nullopt;
  ++failures_;
  if (what < plan_.broken) return Error{ErrorCode::kCorruption, "truncated: an object ends early"};
  if (rng_.chance(0.5)) return Error{ErrorCode::kOverloaded, "http-429: slow down"};
  return Error{ErrorCode::kUnavailable, "connect: nobody listens"};
}

void Past::alter(HistoryChunk& chunk) {
  if (whole_) return;
  std::vector<Event> events;
  for (const Event& event : to_events(chunk.events)) {
    if (lacks(event)) continue;
    events.push_back(event);
    if (rng_.chance(plan_.repeats)) events.push_back(event);
    if (rng_.chance(plan_.older)) {
      events.push_back(event);
      --events.back().revision;
      events.back().op = Op::kUpsert;
      events.back().value = -event.id;
    }
  }
  chunk.events = to_batch(schema_, events);
  if (rng_.chance(plan_.unreadable) && !events.empty()) {
    chunk.dead.push_back({.reason = "malformed", .raw = "{"});
  }
  if (!chunk.end || plan_.missing == 0) return;
  // At the end of an object it says what all of it did not have.
  const EventTime last = chunk.complete_to - Duration(1);
  const Window object =
      window_of(align_down(last, history_->options().piece), history_->options().piece);
  for (EventTime at = object.start; at < object.end; at += schema_.page_window) {
    if (is_missing(at)) {
      chunk.missing.push_back(
          {.window = window_of(at, schema_.page_window), .keys = {}, .reason = "not recorded"});
    }
  }
}

}  // namespace hindcast::sim
