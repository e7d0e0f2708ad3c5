// What a job's reading proves about gaps: windows that are filled, and what history lacks.
//
// A fill holds for everything but what this job found history to lack there. Facts only: what is
// open then follows (progress/coverage.h).
//
// A value; confined to its owner.
#pragma once
#include <functional>
#include <vector>

#include "history/history.h"
#include "lane/subwindow.h"
#include "progress/coverage.h"
#include "progress/replay_job.h"

namespace hindcast {

/// The partition of a key.
using Locate = std::function<PartitionId(StreamId, BytesView key)>;

class Fills {
 public:
  Fills() = default;
  /// `facts`: of the job's stream, read before its reading begins. Gaps that open later need a
  /// reading of their own. A job that had begun before a restart keeps the gaps it had.
  Fills(const ReplayJob& job, const CoverageFacts& facts,
        const std::vector<PartitionId>& partitions, Locate locate);

  const std::vector<GapId>& gaps() const { return gaps_; }

  /// History lacks something: said at once, and left out of fills from now on. Appends outcomes
  /// where a gap is concerned.
  void lack(const std::vector<HistoryShort>& shorts,
            const std::vector<HistoryChunk::Missing>& missing, std::vector<GapOutcome>& out);
  /// All of `window` was read to its end and is committed. Appends outcomes, each stretch once.
  void fill(const Window& window, std::vector<GapOutcome>& out);

 private:
  GapOutcome outcome(GapOutcome::Kind kind, const Window& range) const;
  void add_lack(GapOutcome::Kind kind, const Window& window,
                std::vector<std::pair<PartitionId, Bytes>> keys, std::string detail,
                std::vector<GapOutcome>& out);
  void fill_stretch(const Window& stretch, std::vector<GapOutcome>& out) const;

  uint64_t job_ = 0;
  StreamId stream_;
  std::vector<std::pair<PartitionId, Bytes>> keys_;  // of the job; empty = all
  std::vector<GapId> gaps_;                          // sorted
  struct Open {
    GapId gap;
    Window range;
  };
  std::vector<Open> open_;         // stretches of those gaps that are not filled
  std::vector<GapOutcome> lacks_;  // of this job
  std::vector<Window> filled_;     // by this job
  Locate locate_;
};

}  // namespace hindcast
