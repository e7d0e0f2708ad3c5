// Whether the numbers that a gap lacks are there by now. History that says "this was all" proves
// nothing for them: what it lacks itself, nobody would miss. So such a gap is judged by what is
// stored once history was read, by the rule that found it (progress/sequence.h):
//
//   numbers missing  10 ──────────────────────── 40
//   read in order of time ──►  10–16 │ 19–40         stored now
//                      filled ◄┘ └ 17–18 ┘ └► filled
//                                unfillable: between the events on both sides, and the delay
//
// A proof goes from the start of its gap on, as far as history is read; nothing of it is stored: a
// restart begins it anew, and every outcome holds for itself.
//
// A value; confined to its owner.
#pragma once
#include <optional>
#include <vector>

#include "model/event_batch.h"
#include "progress/coverage.h"
#include "progress/sequence.h"

namespace hindcast {

class NumberProof {
 public:
  /// Requires: `gap` has numbers. Its right edge is known, as that of every hole in numbers.
  explicit NumberProof(const Gap& gap);

  GapId gap() const { return gap_; }
  const Window& range() const { return range_; }
  /// Whether numbers of one key count, or of all.
  bool by_key() const { return by_key_; }
  const std::vector<GapNumbers::Count>& counts() const { return counts_; }
  /// From here on it wants to see what is stored.
  EventTime seen_to() const { return seen_to_; }

  /// Stored events of its range from seen_to() to `to`, perhaps with others; all that ever will be.
  void see(const std::vector<EventBatch>& events, EventTime to);

  /// What follows for a count since the last call.
  struct Verdict {
    const GapNumbers::Count* count = nullptr;
    std::vector<Window> filled;         // together with what is missing they cover the range
    std::vector<SequenceHole> missing;  // clipped to the range
  };
  std::vector<Verdict> judge();

 private:
  GapId gap_;
  Window range_;
  bool by_key_, in_order_;
  Duration delay_;
  std::vector<GapNumbers::Count> counts_;  // by key
  struct Standing {
    EventTime judged_to;
    std::vector<Window> lacking;  // what is missing, in what is not judged yet
  };
  std::vector<Standing> standings_;  // of each
  SequenceJudge numbers_;
  EventTime seen_to_;
};

}  // namespace hindcast
