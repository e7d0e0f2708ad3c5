// What a restart may skip: the rule of progress/checkpoint.h, asked event by event while the log is
// read again from `safe`.
//
// A value made from the last checkpoint; it does not move while the lane does.
#pragma once
#include <algorithm>
#include <map>
#include <utility>

#include "progress/checkpoint.h"

namespace hindcast {

enum class Standing : uint8_t {
  kSettled,  // in the store (or the replay log), and counted
  kOpen,     // of a page that was open: buffer it again
  kLate,     // late, counted as such, and neither merged nor moved yet
};

class Settled {
 public:
  Settled() = default;
  explicit Settled(const Checkpoint& checkpoint)
      : safe_(checkpoint.safe),
        applied_(checkpoint.applied),
        frontier_(checkpoint.frontier),
        exceptions_(checkpoint.exceptions) {
    for (const Spilled& page : checkpoint.spilled)
      spilled_[{page.window, page.slot}] = page.through;
  }

  /// Records at or below it were applied: their control facts and tallies stand.
  bool applied(Position record) const { return record <= applied_; }
  Position applied() const { return applied_; }

  /// Requires: applied(at.record).
  Standing of(EventPosition at, EventTime window, uint16_t slot) const {
    if (at.record <= safe_) return Standing::kSettled;
    if (frontier_.behind(window, slot)) {
      return std::ranges::binary_search(exceptions_, at) ? Standing::kLate : Standing::kSettled;
    }
    if (spilled_.empty()) return Standing::kOpen;
    const auto page = spilled_.find({window, slot});
    return page != spilled_.end() && at.record <= page->second ? Standing::kSettled
                                                               : Standing::kOpen;
  }

 private:
  Position safe_, applied_;
  Frontier frontier_;
  std::vector<EventPosition> exceptions_;
  std::map<std::pair<EventTime, uint16_t>, Position> spilled_;
};

}  // namespace hindcast
