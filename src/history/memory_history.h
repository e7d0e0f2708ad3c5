// A history in memory, for tests and the simulator: it hands over what it was given, in chunks, as
// sorted, as certain and as broken as its options say.
//
// Thread safety: as history.h. Answers come on the caller's thread, before next() returns.
#pragma once
#include <atomic>
#include <functional>

#include "history/history.h"
#include "model/schema.h"

namespace hindcast {

struct MemoryHistoryOptions {
  StreamSchema schema;
  EventBatch events;          // in the order in which they are handed over
  Duration piece{};           // pieces() cuts at multiples of it; zero = one piece
  size_t chunk_events = 256;  // in one chunk, at most
  bool sorted = true;         // it says so: covered_to follows the events, whatever their order is
  bool certain = false;       // it is an API in time order: complete_to follows too
  std::vector<HistoryChunk::Missing> missing;  // said with the first chunk of a query they touch
  Duration settle_time{};
  /// Asked before each answer (by its number, from 1): an error to give instead. May be null.
  std::function<std::optional<Error>(uint64_t call)> fault = nullptr;
  std::optional<Duration> retry_after;  // said with kOverloaded and kUnavailable
};

class MemoryHistory final : public History {
 public:
  explicit MemoryHistory(MemoryHistoryOptions options);

  Result<std::vector<Window>> pieces(Window range) override;
  Result<HistoryEstimate> estimate(const HistoryQuery& query) override;
  Result<std::unique_ptr<Cursor>> open(HistoryQuery query) override;
  Duration settle() const override { return options_.settle_time; }
  std::string describe() const override { return "memory"; }

  uint64_t calls() const { return calls_.load(std::memory_order_relaxed); }

 private:
  class Reading;
  std::vector<uint32_t> rows_of(const HistoryQuery& query) const;

  const MemoryHistoryOptions options_;
  std::atomic<uint64_t> calls_{0};  // by whoever reads; a count
};

}  // namespace hindcast
