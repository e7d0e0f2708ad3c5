#include "replay/cutter.h"

#include <algorithm>
#include <numeric>

#include "base/assert.h"

namespace hindcast {
namespace {

// Pages whose heads one slice may ask for: bounds the answer where history or the stream is sparse.
constexpr uint64_t kPagesMax = 65'536;

EventTime later(EventTime t, Duration by) {
  return unix_ns(t) > INT64_MAX - by.count() ? kMaxEventTime : t + by;
}
EventTime earlier(EventTime t, Duration by) {
  return unix_ns(t) < INT64_MIN + by.count() ? kMinEventTime : t - by;
}

/// In nanoseconds; times of a broken feed may be further apart than a Duration can say.
uint64_t span_of(const Window& window) {
  return static_cast<uint64_t>(unix_ns(window.end)) - static_cast<uint64_t>(unix_ns(window.start));
}

/// As a person would write it into the configuration.
Duration rounded_up(uint64_t span) {
  const auto d = Duration(static_cast<int64_t>(std::min<uint64_t>(span, INT64_MAX / 2)));
  const Duration unit = d >= 1s ? Duration(1s) : Duration(1ms);
  return (d + unit - Duration(1)) / unit * unit;
}

std::string text_of(const Window& window) {
  return to_rfc3339(window.start) + " to " + to_rfc3339(window.end);
}

EventBatch sorted_by_time(const StreamSchema& schema, const EventBatch& events) {
  std::vector<uint32_t> rows(events.size());
  std::iota(rows.begin(), rows.end(), 0U);
  std::ranges::stable_sort(rows, {}, [&](uint32_t row) { return events.time[row]; });
  EventBatch out(schema);
  append_rows(schema, events, rows, out);
  return out;
}

}  // namespace

Cutter::Cutter(CutterOptions options) : options_(options), from_(options.piece.start) {
  HC_ASSERT(options.piece.start < options.piece.end);
}

Status Cutter::give(HistoryChunk chunk) {
  HC_ASSERT(!ended_);
  read_.counts.bytes_read += chunk.spent.bytes.value;
  read_.counts.requests += chunk.spent.requests;
  read_.counts.read += chunk.dead.size();
  read_.counts.dead_lettered += chunk.dead.size();
  if (!first_dead_ && !chunk.dead.empty()) first_dead_ = chunk.dead.front();
  for (DeadLetter& letter : chunk.dead) {
    if (read_.dead.size() < kDeadLettersKept) read_.dead.push_back(std::move(letter));
  }
  std::ranges::move(chunk.missing, std::back_inserter(read_.missing));
  if (!chunk.events.empty()) {
    const auto [lowest, highest] = std::ranges::minmax(chunk.events.time);
    const Window span{event_time_ns(lowest), event_time_ns(highest)};
    if (span.start < from_) HC_TRY(check_order(chunk));
    hold(std::move(chunk.events), span);
  }
  const EventTime end = options_.piece.end;
  complete_ = chunk.end ? end : std::max(complete_, std::min(chunk.complete_to, end));
  covered_ = std::max({covered_, complete_, std::min(chunk.covered_to, end)});
  ended_ = complete_ == end;
  return ended_ ? check_end() : Status();
}

/// What was cut is committed as all there is; an event that belongs there shows that it was not.
Status Cutter::check_order(const HistoryChunk& chunk) const {
  const EventBatch& events = chunk.events;
  const auto late = std::ranges::find_if(events.time, [&](int64_t t) {
    return t >= unix_ns(options_.piece.start) && t < unix_ns(from_);
  });
  if (late == events.time.end()) return {};
  uint64_t disorder = 0;
  EventTime highest = highest_seen_;
  for (const int64_t t : events.time) {
    highest = std::max(highest, event_time_ns(t));
    disorder = std::max(disorder, span_of({event_time_ns(t), highest}));
  }
  std::string place = chunk.first_place;
  if (chunk.last_place != chunk.first_place) place += " to " + chunk.last_place;
  if (!place.empty()) place += ": ";
  return invalid_argument("unsorted: " + place + "an event at " + to_rfc3339(event_time_ns(*late)) +
                          " came when history had been taken as complete up to " +
                          to_rfc3339(from_) + "; raise `disorder` of the history to at least " +
                          to_string(rounded_up(disorder)));
}

void Cutter::hold(EventBatch events, Window span) {
  const Window& piece = options_.piece;
  const EventTime near_start = earlier(piece.start, options_.schema.page_window),
                  near_end = later(piece.end, options_.schema.page_window);
  Held held{.lowest = span.start, .highest = span.end};
  events_seen_ += events.size();
  lowest_seen_ = std::min(lowest_seen_, held.lowest);
  highest_seen_ = std::max(highest_seen_, held.highest);
  if (held.lowest < piece.start || held.highest >= piece.end) {
    std::vector<uint32_t> inside;
    held.lowest = kMaxEventTime;
    held.highest = kMinEventTime;
    for (uint32_t row = 0; row < events.size(); ++row) {
      const EventTime time = event_time_ns(events.time[row]);
      events_elsewhere_ += time < near_start || time >= near_end;
      if (!piece.contains(time)) continue;
      inside.push_back(row);
      held.lowest = std::min(held.lowest, time);
      held.highest = std::max(held.highest, time);
    }
    const uint64_t outside = events.size() - inside.size();
    read_.counts.read += outside;
    read_.counts.outside += outside;
    if (inside.empty()) return;
    EventBatch rest(options_.schema);
    append_rows(options_.schema, events, inside, rest);
    events = std::move(rest);
  }
  held_events_ += events.size();
  held.events = std::move(events);
  held_.push_back(std::move(held));
}

Status Cutter::check_end() const {
  if (events_seen_ == 0 && first_dead_) {
    return corruption("unreadable: no record of " + text_of(options_.piece) +
                      " could be read; the first one, " + first_dead_->place + ": " +
                      first_dead_->reason + ": " + first_dead_->detail);
  }
  // An object of history may be longer than the piece, a day's file for a gap of minutes: then most
  // of it is elsewhere and all is well. As long as the piece, it should lie where the piece lies.
  const auto window = static_cast<uint64_t>(options_.schema.page_window.count());
  const bool as_long = events_seen_ > 0 && span_of({lowest_seen_, highest_seen_}) <=
                                               span_of(options_.piece) + 2 * window;
  if (events_elsewhere_ * 2 > events_seen_ && as_long) {
    return invalid_argument(
        "outside: " + std::to_string(events_elsewhere_) + " of " + std::to_string(events_seen_) +
        " events, from " + to_rfc3339(lowest_seen_) + " to " + to_rfc3339(highest_seen_) +
        ", lie outside of " + text_of(options_.piece) + "; wrong time zone or time unit?");
  }
  return {};
}

/// The end of the next slice; from_ = none can be cut yet.
EventTime Cutter::cut_possible() const {
  const Duration window = options_.schema.page_window;
  const uint64_t pages = uint64_t{options_.schema.slots} * options_.schema.partitions;
  const auto windows_max = static_cast<int64_t>(std::max<uint64_t>(kPagesMax / pages, 1));
  // The last page window waits for the end: what history says until then belongs to the piece too.
  const EventTime before_end = earlier(options_.piece.end, Duration(1));
  const EventTime whole = ended_ ? covered_ : align_down(std::min(covered_, before_end), window);
  const EventTime farthest = windows_max > INT64_MAX / window.count()
                                 ? kMaxEventTime
                                 : later(align_down(from_, window), windows_max * window);
  return std::max(from_, std::min(whole, farthest));
}

std::optional<Slice> Cutter::next() {
  // A stretch of dead letters alone is not given out as read: perhaps none of it can be.
  if (finished() || (!ended_ && events_seen_ == 0 && first_dead_)) return std::nullopt;
  const EventTime cut = cut_possible();
  const bool enough =
      ended_ || held_events_ >= options_.events_max || bytes_held() >= options_.bytes_max.value;
  const bool too_dense = held_events_ >= options_.dense_max;
  if (cut == from_ ? !too_dense : !enough) return std::nullopt;
  Slice slice = std::exchange(read_, {});
  if (cut > from_) {
    slice.window = slice.events_in = {from_, cut};
    slice.whole = {std::max(from_, std::min(broken_to_, cut)), cut};
    slice.certain = complete_ >= cut;
    take_before(cut, slice);
    from_ = cut;
  } else {
    EventTime highest = from_;
    for (const Held& held : held_) highest = std::max(highest, held.highest);
    broken_to_ = std::max(broken_to_, window_of(highest, options_.schema.page_window).end);
    slice.window = {from_, from_};
    slice.events_in = {from_, options_.piece.end};
    take_before(options_.piece.end, slice);
  }
  return slice;
}

/// Of events that were not taken yet.
uint64_t Cutter::bytes_held() const {
  uint64_t bytes = 0;
  for (const Held& held : held_)
    bytes += held.events.memory() * (held.events.size() - held.begin) / held.events.size();
  return bytes;
}

void Cutter::take_before(EventTime cut, Slice& slice) {
  const StreamSchema& schema = options_.schema;
  std::deque<Held> rest;
  for (Held& held : held_) {
    if (held.lowest >= cut) {
      rest.push_back(std::move(held));
      continue;
    }
    if (held.highest < cut && held.begin == 0) {
      slice.events.push_back(std::move(held.events));
      continue;
    }
    if (!held.sorted && !std::ranges::is_sorted(held.events.time))
      held.events = sorted_by_time(schema, held.events);
    held.sorted = true;
    const std::vector<int64_t>& time = held.events.time;
    const auto end =
        static_cast<size_t>(std::ranges::lower_bound(time, unix_ns(cut)) - time.begin());
    append_rows(schema, held.events, held.begin, end, slice.events.emplace_back(schema));
    if (end == time.size()) continue;
    held.begin = end;
    held.lowest = event_time_ns(time[end]);
    rest.push_back(std::move(held));
  }
  held_ = std::move(rest);
  for (const EventBatch& batch : slice.events) slice.size += batch.size();
  held_events_ -= slice.size;
}

ByteCount Cutter::memory() const {
  size_t bytes = 0;
  for (const Held& held : held_) bytes += held.events.memory();
  return ByteCount{bytes};
}

}  // namespace hindcast
