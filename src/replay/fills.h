// What a job's reading proves about gaps: windows that are filled, and what history lacks.
//
// A fill holds for everything but what this job found history to lack there. Gaps that say which
// numbers are missing (GapNumbers) are apart: their fill has to show the numbers, so it follows
// what is stored once history was read there (number_proof.h). Facts only: what is open then
// follows (progress/coverage.h).
//
// A value; confined to its owner.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "history/history.h"
#include "lane/subwindow.h"
#include "progress/coverage.h"
#include "progress/replay_job.h"
#include "replay/number_proof.h"

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
  /// This job will not read `window`: nothing is proved of it.
  void give_up(const Window& window);

  /// Stored events that proofs of numbers want to see next.
  struct Wanted {
    Window window;            // perhaps long: show a part from its start on
    std::vector<Bytes> keys;  // sorted; empty = all
  };
  std::optional<Wanted> wanted() const;
  /// All events stored of `window`, of the keys wanted. Appends outcomes.
  void show(const Window& window, const std::vector<EventBatch>& events,
            std::vector<GapOutcome>& out);

 private:
  GapOutcome outcome(GapOutcome::Kind kind, const Window& range) const;
  void add_lack(GapOutcome::Kind kind, const Window& window,
                std::vector<std::pair<PartitionId, Bytes>> keys, std::string detail,
                std::vector<GapOutcome>& out);
  void fill_stretch(const Window& stretch, std::vector<GapOutcome>& out) const;
  struct Proof {
    std::unique_ptr<NumberProof> numbers;  // stays where it is: it points into itself
    std::vector<Window> left, open;        // of the gap: not filled; nor anything else
  };
  EventTime may_see_to(const NumberProof& numbers) const;
  bool may_judge(const NumberProof& numbers, const GapNumbers::Count& count) const;
  void conclude(const Proof& proof, const NumberProof::Verdict& verdict,
                std::vector<GapOutcome>& out) const;

  uint64_t job_ = 0;
  StreamId stream_;
  std::vector<std::pair<PartitionId, Bytes>> keys_;  // of the job; empty = all
  std::vector<GapId> gaps_;                          // sorted
  struct Open {
    GapId gap;
    Window range;
  };
  std::vector<Open> open_;         // stretches of those gaps that are not filled, numbers apart
  std::vector<GapOutcome> lacks_;  // of this job
  std::vector<Window> filled_;     // by this job
  std::vector<Proof> proofs_;
  std::vector<Window> read_;     // to its end, and committed
  std::vector<Window> to_read_;  // neither read nor given up
  Locate locate_;
};

}  // namespace hindcast
