// Counts of contiguous numbers between the log and the commits of one partition: numbers of events
// go in; holes, and the states that a checkpoint must not be without, come out.
//
//   record applied ─► seen ─► judge(watermark) ─► holes, of the next commit
//   commit with `safe` ─► take ─► states that change by records at or below it (they are not read
//                                 again), and those that a judgement changed (it is not made again)
//
// So a lane that restarts judges exactly as one that never stopped. In the steady state a count
// goes into the store once per page window. Without sources that count, everything here is a no-op.
//
// Confined to its lane.
#pragma once
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "lane/live_lane.h"
#include "model/event_batch.h"
#include "progress/sequence.h"

namespace hindcast {

class SequenceCounts {
 public:
  SequenceCounts(const LaneSequence& options, PartitionId partition,
                 const std::map<Bytes, SequenceState, std::less<>>& stored);

  /// Events of the record that is being applied, also of one that is read again.
  void seen(SourceId source, const EventBatch& batch);
  /// The record is done.
  void applied(Position record);
  /// Not while records are read again: what they settle was judged before.
  std::vector<SequenceHole> judge(EventTime watermark);

  /// For a commit whose checkpoint has this `safe`.
  std::vector<SequencePut> take(Position safe);
  /// The commit is not in the store.
  void refused(const std::vector<SequencePut>& puts);

 private:
  const LaneSequence& options_;
  const PartitionId partition_;
  SequenceJudge judge_;
  std::deque<std::pair<Position, size_t>> changed_;  // by record: counts that changed first there
  size_t changed_counts_ = 0;                        // in it
};

}  // namespace hindcast
