#include "history/memory_history.h"

#include <algorithm>

namespace hindcast {
namespace {

constexpr size_t kEventBytes = 64;  // about, as `max` and estimates count them

}  // namespace

class MemoryHistory::Reading final : public Cursor {
 public:
  Reading(MemoryHistory& history, HistoryQuery query)
      : history_(history), query_(std::move(query)), rows_(history.rows_of(query_)) {}

  void next(ByteCount max, Done<HistoryChunk> done) override {
    const MemoryHistoryOptions& options = history_.options_;
    const uint64_t call = history_.calls_.fetch_add(1, std::memory_order_relaxed) + 1;
    if (options.fault) {
      if (std::optional<Error> error = options.fault(call)) return done(*std::move(error));
    }
    HistoryChunk chunk;
    chunk.events.reset(options.schema);
    const size_t events = std::clamp<size_t>(max.value / kEventBytes, 1, options.chunk_events);
    const size_t end = std::min(rows_.size(), next_ + events);
    append_rows(options.schema, options.events, std::span(rows_).subspan(next_, end - next_),
                chunk.events);
    if (next_ == 0) {
      for (const HistoryChunk::Missing& missing : options.missing) {
        if (missing.window.intersects(query_.range)) chunk.missing.push_back(missing);
      }
    }
    next_ = end;
    chunk.spent = {1, ByteCount{chunk.events.size() * kEventBytes}};
    chunk.end = next_ == rows_.size();
    for (const int64_t time : chunk.events.time) highest_ = std::max(highest_, event_time_ns(time));
    if (options.sorted) chunk.covered_to = highest_;
    if (options.certain) chunk.complete_to = highest_;
    if (chunk.end) chunk.covered_to = chunk.complete_to = query_.range.end;
    done(std::move(chunk));
  }
  std::optional<Duration> retry_after() const override { return history_.options_.retry_after; }

 private:
  MemoryHistory& history_;
  const HistoryQuery query_;
  const std::vector<uint32_t> rows_;
  size_t next_ = 0;
  EventTime highest_ = kMinEventTime;
};

MemoryHistory::MemoryHistory(MemoryHistoryOptions options) : options_(std::move(options)) {}

std::vector<uint32_t> MemoryHistory::rows_of(const HistoryQuery& query) const {
  std::vector<uint32_t> rows;
  for (uint32_t i = 0; i < options_.events.size(); ++i) {
    if (!query.range.contains(event_time_ns(options_.events.time[i]))) continue;
    const BytesView key = options_.events.keys[options_.events.key[i]];
    if (query.keys.empty() || std::ranges::count(query.keys, key) > 0) rows.push_back(i);
  }
  return rows;
}

Result<std::vector<Window>> MemoryHistory::pieces(Window range) {
  if (options_.piece == Duration{}) return std::vector<Window>{range};
  std::vector<Window> out;
  for (EventTime at = range.start; at < range.end;) {
    const EventTime end = std::min(range.end, window_of(at, options_.piece).end);
    out.push_back({at, end});
    at = end;
  }
  return out;
}

Result<HistoryEstimate> MemoryHistory::estimate(const HistoryQuery& query) {
  const size_t events = rows_of(query).size();
  return HistoryEstimate{events, ByteCount{events * kEventBytes},
                         events / options_.chunk_events + 1};
}

Result<std::unique_ptr<Cursor>> MemoryHistory::open(HistoryQuery query) {
  return std::unique_ptr<Cursor>(std::make_unique<Reading>(*this, std::move(query)));
}

}  // namespace hindcast
