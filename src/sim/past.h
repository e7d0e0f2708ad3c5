// The history that a source can be asked for its past, and what is wrong with it: calls that fail,
// objects that cannot be read, events that it never had, gives twice or in an older revision.
//
// What it lacks is decided once, per identity and per page window, so that checkers can be told.
#pragma once
#include <memory>
#include <vector>

#include "base/rng.h"
#include "history/memory_history.h"
#include "sim/workload.h"

namespace hindcast::sim {

/// How likely what is.
struct PastPlan {
  double fails = 0;       // of calls: may pass
  double broken = 0;      // of calls: the object cannot be read today
  double repeats = 0;     // of events: given again
  double older = 0;       // of events: an older revision is given, too, with another value
  double lacks = 0;       // of identities: it never had them, and does not say so
  double missing = 0;     // of page windows: it says that it does not have them
  double unreadable = 0;  // of chunks: a dead letter is among the events
};

class Past {
 public:
  /// Of all events of the workload, those that were sent and those that were lost.
  Past(const StreamSchema& schema, const Workload& workload, const PastPlan& plan, uint64_t seed);
  Past(const Past&) = delete;

  MemoryHistory& history() { return *history_; }
  /// Without a word, or because the window is missing.
  bool lacks(const Event& event) const;
  bool is_missing(EventTime time) const;
  /// As before make_whole().
  bool lacked(const Event& event) const;
  bool is_whole() const { return whole_ || (plan_.lacks == 0 && plan_.missing == 0); }
  uint64_t failures() const { return failures_; }

  /// From now on calls succeed.
  void calm() { calm_ = true; }
  /// From now on it has everything, and gives it once.
  void make_whole() { calm_ = whole_ = true; }

 private:
  std::optional<Error> fault();
  void alter(HistoryChunk& chunk);
  bool was_missing(EventTime time) const;
  double dice(uint64_t what) const;

  const StreamSchema schema_;
  const PastPlan plan_;
  const uint64_t seed_;
  Rng rng_;
  std::unique_ptr<MemoryHistory> history_;
  bool calm_ = false, whole_ = false;
  uint64_t failures_ = 0;
};

}  // namespace hindcast::sim
