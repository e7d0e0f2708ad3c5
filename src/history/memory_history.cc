#include "history/memory_history.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

namespace hindcast {

class MemoryHistory::MemoryCursor final : public Cursor {
 public:
  MemoryCursor(MemoryHistory& of, HistoryQuery query)
      : of_(of), query_(std::move(query)), keys_(query_.keys.begin(), query_.keys.end()) {
    if (!of_.options_.in_order) return;
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
    while (!ended() && rows.size() < of_.options_.chunk_events) {
      const Bytes key(events.keys[events.key[at_]]);
      if (query_.range.contains(event_time_ns(events.time[at_])) &&
          (keys_.empty() || keys_.contains(key)))
        rows.push_back(static_cast<uint32_t>(at_));
      ++at_;
    }
    append_rows(of_.schema_, events, rows, chunk.events);
    of_.events_read_ += rows.size();
    chunk.spent = {.requests = 1, .bytes = ByteCount{rows.size() * 64}};
    chunk.end = ended();
    if (chunk.end) {
      chunk.covered_to = chunk.complete_to = query_.range.end;
    } else if (at_ > 0) {
      highest_ = std::max(highest_, event_time_ns(events.time[at_ - 1]));
      const EventTime to = highest_ - of_.options_.disorder;
      if (of_.options_.sorted) chunk.covered_to = to;
      if (of_.options_.certain) chunk.complete_to = to;
    }
    if (!std::exchange(began_, true)) {
      for (const HistoryChunk::Missing& missing : of_.options_.missing) {
        if (missing.window.intersects(query_.range)) chunk.missing.push_back(missing);
      }
    }
    if (of_.options_.alter) of_.options_.alter(chunk);
    done(std::move(chunk));
  }
  std::optional<Duration> retry_after() const override {
    return of_.options_.retry_after ? of_.options_.retry_after() : std::nullopt;
  }

 private:
  bool ended() const {
    const EventBatch& events = of_.events_;
    return at_ == events.size() ||
           (of_.options_.in_order && events.time[at_] >= unix_ns(query_.range.end));
  }

  MemoryHistory& of_;
  const HistoryQuery query_;
  const std::set<Bytes> keys_;
  size_t at_ = 0;
  EventTime highest_{};
  bool began_ = false;
};

MemoryHistory::MemoryHistory(StreamSchema schema, const EventBatch& events,
                             MemoryHistoryOptions options)
    : schema_(std::move(schema)), events_(schema_), options_(std::move(options)) {
  std::vector<uint32_t> order(events.size());
  std::iota(order.begin(), order.end(), 0U);
  if (options_.in_order)
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
