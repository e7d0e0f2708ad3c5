#include "history/memory_history.h"

#include <algorithm>
#include <numeric>
#include <set>

namespace hindcast {

class MemoryHistory::MemoryCursor final : public Cursor {
 public:
  MemoryCursor(MemoryHistory& of, HistoryQuery query)
      : of_(of), query_(std::move(query)), keys_(query_.keys.begin(), query_.keys.end()) {
    const auto first = std::ranges::lower_bound(of_.events_.time, unix_ns(query_.range.start));
    at_ = static_cast<size_t>(first - of_.events_.time.begin());
  }

  void next(ByteCount, Done<HistoryChunk> done) override {
    ++of_.calls_;
    if (of_.options_.fault) {
      if (std::optional<Error> fault = of_.options_.fault()) return done(*std::move(fault));
    }
    HistoryChunk chunk{.events = EventBatch(of_.schema_)};
    const EventBatch& events = of_.events_;
    std::vector<uint32_t> rows;
    while (at_ < events.size() && events.time[at_] < unix_ns(query_.range.end) &&
           rows.size() < of_.options_.chunk_events) {
      const Bytes key(events.keys[events.key[at_]]);
      if (keys_.empty() || keys_.contains(key)) rows.push_back(static_cast<uint32_t>(at_));
      ++at_;
    }
    append_rows(of_.schema_, events, rows, chunk.events);
    of_.events_read_ += rows.size();
    chunk.spent = {.requests = 1, .bytes = ByteCount{rows.size() * 64}};
    chunk.end = at_ == events.size() || events.time[at_] >= unix_ns(query_.range.end);
    if (chunk.end) {
      chunk.covered_to = chunk.complete_to = query_.range.end;
    } else if (at_ > 0) {
      chunk.covered_to = event_time_ns(events.time[at_ - 1]) - of_.options_.disorder;
    }
    if (of_.options_.alter) of_.options_.alter(chunk);
    done(std::move(chunk));
  }
  std::optional<Duration> retry_after() const override {
    return of_.options_.retry_after ? of_.options_.retry_after() : std::nullopt;
  }

 private:
  MemoryHistory& of_;
  const HistoryQuery query_;
  const std::set<Bytes> keys_;
  size_t at_ = 0;
};

MemoryHistory::MemoryHistory(StreamSchema schema, const EventBatch& events,
                             MemoryHistoryOptions options)
    : schema_(std::move(schema)), events_(schema_), options_(std::move(options)) {
  std::vector<uint32_t> order(events.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, {}, [&](uint32_t row) { return events.time[row]; });
  append_rows(schema_, events, order, events_);
}

Result<std::vector<Window>> MemoryHistory::pieces(Window range) {
  std::vector<Window> out;
  while (range.start < range.end) {
    const EventTime end = std::min(range.end, window_of(range.start, options_.piece).end);
    out.push_back({range.start, end});
    range.start = end;
  }
  return out;
}

Result<HistoryEstimate> MemoryHistory::estimate(const HistoryQuery& query) {
  const auto first = std::ranges::lower_bound(events_.time, unix_ns(query.range.start));
  const auto last = std::ranges::lower_bound(events_.time, unix_ns(query.range.end));
  const auto count = static_cast<uint64_t>(last - first);
  return HistoryEstimate{.events = count, .bytes = ByteCount{count * 64}, .requests = 1};
}

Result<std::unique_ptr<Cursor>> MemoryHistory::open(HistoryQuery query) {
  return std::unique_ptr<Cursor>(new MemoryCursor(*this, std::move(query)));
}

}  // namespace hindcast
