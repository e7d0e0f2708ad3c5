// A piece in work, as its worker drives it: in this process (replay/local_piece.h), or in one that
// may die at any time (engine/remote_piece.h). What it needs next is PieceRun's; here it is joined
// with the cursor that it reads and with what it asks of the store.
//
// Thread safety: confined to its driver.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/runtime.h"
#include "lane/live_lane.h"
#include "log/log.h"
#include "progress/replay_job.h"
#include "replay/piece_run.h"
#include "store/store.h"

namespace hindcast {

/// A stream as the replay lane knows it.
struct ReplayStream {
  StreamId id;
  StreamSchema schema;
  std::vector<LaneAggregate> aggregates;
  std::vector<PartitionId> partitions;  // by index
};

/// What is to be done.
struct PieceOrder {
  ReplayJob job;
  Window piece;
  std::map<PartitionId, Frontier> frontiers;  // of the stream, as of a snapshot taken before
  uint64_t events_max = 65'536;               // PieceRunOptions::events_max
  bool names_gaps = false;                    // what damaged pages lost becomes gaps
  bool separate = false;                      // by way of the replay log: PieceRunOptions::separate
  /// Of what it commits.
  Cause cause() const {
    return {job.mode == ReplayJob::Mode::kRepair ? Cause::Kind::kRepair : Cause::Kind::kReplay,
            job.id};
  }
};

class PieceWork {
 public:
  using Need = PieceRun::Need;
  virtual ~PieceWork() = default;

  /// Whoever works at it has died: nothing of the below means anything any more. What was committed
  /// counts.
  struct Lost {
    bool on_it = false;  // it died while it was at work on this piece
    std::string how;     // "ended with signal 9 (Killed)"
  };
  virtual std::optional<Lost> lost() const { return std::nullopt; }

  virtual Need need() const = 0;
  /// What an answer of history says beside its events.
  struct Read {
    std::optional<Duration> retry_after;  // HistoryChunk::retry_after
  };
  /// kHistory: asks for about `max` bytes. `done` may come on any thread; behind a Read, and behind
  /// an error that cannot pass, go on with take_read(). Errors: as Cursor::next().
  virtual void read(ByteCount max, Done<Read> done) = 0;
  virtual void take_read() = 0;
  /// Cursor::retry_after(), after an error that may pass.
  virtual std::optional<Duration> retry_after() const = 0;
  /// kAllowance: for so many events; go on with allowed().
  virtual uint64_t asks_for() const = 0;
  virtual void allowed() = 0;
  /// kHeads, kParts: reads what it needs. Errors: of the store.
  virtual Status read_heads(const PageReader& pages) = 0;
  virtual Status read_parts(const PageReader& pages, ProcessingTime now) = 0;
  /// kCommit. Errors: it is lost.
  virtual Result<Commit> take_commit() = 0;
  virtual void committed(const CommitResult& result) = 0;
  /// kAppend: records for the replay log, once; go on with routed() when the drain has merged them.
  /// Errors: it is lost.
  virtual Result<std::vector<LogAppend>> take_appends() = 0;
  virtual void routed(const ReplayCounts& counts) = 0;

  virtual std::vector<SubwindowResult> take_results() = 0;
  virtual Error failure() const = 0;  // kFailed
  virtual ByteCount memory() const = 0;
};

}  // namespace hindcast
