// How old the oldest record is that was appended and is not applied yet, from two counters alone.
//
// Now and then (20 times a second) both are looked at: what was appended at a look and is not
// applied now is at least as old as that look. So it errs by less than one interval, and costs live
// nothing.
//
// Time: handed in. Thread safety: confined to its owner.
#pragma once
#include <cstdint>
#include <deque>
#include <utility>

#include "base/time.h"

namespace hindcast {

class QueueAge {
 public:
  /// Events appended and applied, each counted from the same beginning. Zero: nothing waits, or it
  /// came since the last look.
  Duration observe(uint64_t appended, uint64_t applied, MonoTime now) {
    while (!looks_.empty() && looks_.front().second <= applied) looks_.pop_front();
    if (looks_.size() < kLooksMax && (looks_.empty() || looks_.back().second < appended))
      looks_.emplace_back(now, appended);
    return appended <= applied || looks_.empty() ? Duration(0) : now - looks_.front().first;
  }

 private:
  static constexpr size_t kLooksMax = 10'000;        // eight minutes; a longer queue is no younger
  std::deque<std::pair<MonoTime, uint64_t>> looks_;  // when, and what was appended then
};

}  // namespace hindcast
