// A history in memory, for tests and the simulator: events in the order of their times, handed over
// a few at a time, with the faults that a caller wants.
//
// Thread safety: confined to one thread.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "history/history.h"
#include "model/schema.h"

namespace hindcast {

struct MemoryHistoryOptions {
  Duration piece = 1h;        // windows that pieces() cuts a range into, aligned to the epoch
  size_t chunk_events = 100;  // handed over at once
  Duration disorder{};        // covered_to lags behind the highest time by so much
  Duration settle{};
  bool in_order = true;  // false: handed over as they were given, whatever their times
  bool sorted = true;    // it says so: covered_to follows its events
  bool certain = false;  // it is an API in time order: complete_to follows, too
  std::vector<HistoryChunk::Missing> missing;  // said with the first chunk of a query they touch
  /// Asked before each next(): the answer to give instead, if any. `retry_after` of it too.
  std::function<std::optional<Error>()> fault;
  std::function<std::optional<Duration>()> retry_after;
  /// Called with each chunk before it is handed over: a history that lacks, contradicts, adds.
  std::function<void(HistoryChunk&)> alter;
};

class MemoryHistory final : public History {
 public:
  /// `events` in any order.
  MemoryHistory(StreamSchema schema, const EventBatch& events, MemoryHistoryOptions options = {});

  Result<std::vector<Window>> pieces(Window range) override;
  Result<HistoryEstimate> estimate(const HistoryQuery& query) override;
  Result<std::unique_ptr<Cursor>> open(HistoryQuery query) override;
  Duration settle() const override { return options_.settle; }
  std::string describe() const override { return "memory"; }

  MemoryHistoryOptions& options() { return options_; }
  uint64_t events_read() const { return events_read_; }
  uint64_t calls() const { return calls_; }

 private:
  class MemoryCursor;
  const StreamSchema schema_;
  EventBatch events_;  // by time
  MemoryHistoryOptions options_;
  uint64_t events_read_ = 0, calls_ = 0;
};

}  // namespace hindcast
