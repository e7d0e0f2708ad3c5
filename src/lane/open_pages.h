// The buffers of pages that the lane alone owns: ahead of the frontier, in memory.
//
// Each (window, slot) is one batch of columns with its own key table, so that sealing a window
// frees everything that was known of it. A page with very many rows is encoded run by run in
// between, an eighth of the size; doubles within a run are judged and dropped then.
//
// Memory is counted as capacity, whenever a page changes, so reading the sum is free.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/units.h"
#include "lane/tally_sheet.h"
#include "model/event_batch.h"
#include "progress/checkpoint.h"

namespace hindcast {

/// Where in the log the first event of a buffer stands: the last record before it, and how much
/// payload was applied then.
struct LogMark {
  Position before;
  uint64_t bytes = 0;
};

struct PageBuffer {
  EventBatch rows;  // in order of arrival, with the source column
  struct Run {
    Bytes rows;                     // encoded, in page order, free of doubles
    std::vector<uint32_t> sources;  // one entry when all rows have the same
    size_t count = 0;
  };
  std::vector<Run> runs;
  TallySheet judged;    // doubles within runs: their outcomes, for the commit that takes the page
  LogMark since;        // valid while there are events
  size_t memory = 0;    // as last counted
  uint64_t stamp = 0;   // of the record that last touched it,
  uint32_t target = 0;  // and its place among that record's targets
  bool empty() const { return rows.empty() && runs.empty(); }
};

using PageAt = std::pair<EventTime, uint16_t>;  // window, slot

class OpenPages {
 public:
  OpenPages(const StreamSchema& schema, uint32_t part_rows_max);

  using Slots = std::vector<std::unique_ptr<PageBuffer>>;  // by slot; null = no events
  Slots& window(EventTime start);
  PageBuffer& page(Slots& window, uint16_t slot);
  /// Call after events were added: encodes a run when there are enough, counts memory.
  void added(PageBuffer& page);

  /// First page at or after `from` that has events here or was spilled.
  std::optional<PageAt> next(Frontier from) const;
  const PageBuffer* find(PageAt at) const;
  /// Every page with events, in order.
  template <class Each>
  void each(Each&& each) const {
    for (const auto& [start, slots] : windows_) {
      for (size_t slot = 0; slot < slots.size(); ++slot) {
        if (slots[slot] && !slots[slot]->empty())
          each(PageAt{start, static_cast<uint16_t>(slot)}, *slots[slot]);
      }
    }
  }

  struct Taken {
    EventBatch rows;  // everything buffered: runs first, then the rest in order of arrival
    TallySheet judged;
  };
  /// Takes the page's events out and frees (or reuses) its memory. Errors: kCorruption cannot
  /// happen to runs of our own.
  Taken take(PageAt at);
  /// The same content, left where it is.
  EventBatch copy(PageAt at) const;
  void recycle(EventBatch batch);

  /// Pages of which events were merged early. `through`: those at or below this position.
  const std::map<PageAt, Position>& spilled() const { return spilled_; }
  void spilled(PageAt at, Position through) { spilled_[at] = through; }
  void sealed(PageAt at) { spilled_.erase(at); }

  /// The oldest event here; nullopt = none.
  std::optional<LogMark> oldest() const;
  size_t memory() const { return memory_ + spare_memory_ + spilled_.size() * kSpilledBytes; }

 private:
  static constexpr size_t kSpilledBytes = 96;  // a map node
  void encode_run(PageBuffer& page);
  void decode_runs(const PageBuffer& page, EventBatch& out) const;

  const StreamSchema& schema_;
  const uint32_t part_rows_max_;
  std::map<EventTime, Slots> windows_;
  std::map<PageAt, Position> spilled_;
  std::vector<EventBatch> spares_;  // emptied batches: growing columns anew for every window would
                                    // copy each event twice
  size_t memory_ = 0, spare_memory_ = 0;
};

}  // namespace hindcast
