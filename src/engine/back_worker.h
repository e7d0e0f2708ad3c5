// What runs behind the frontier for one partition, on the background shard: the roller (rollups
// from marks) and the drain of the replay log. Both are state machines; this carries.
//
// The drain goes as fast as the governor of replays says, from the same allowance as replay jobs:
//
//   step ─ allow_late(its events)? ─► read pages ─► merge ─► commit (replay's class) ─► late_merged
//             └── not yet: asks again when it is told to
//
// Pages are read when the step is allowed, not before: what was read long ago would conflict.
//
// Thread safety: start and the notes from any thread; everything else runs on the background shard.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <vector>

#include "base/runtime.h"
#include "engine/ledger.h"
#include "lane/drain.h"
#include "lane/roller.h"
#include "log/log.h"
#include "replay/job_book.h"
#include "replay/log_route.h"
#include "store/store.h"

namespace hindcast {

class BackWorker {
 public:
  struct Places {
    Runtime& runtime;
    ShardId shard;
    Log& log;
    Store& store;
    Ledger& ledger;
    JobBook& book;    // says how fast the replay log is drained
    LogRoute& route;  // is told what is merged
    std::function<void(GapId)> gap_known =
        nullptr;  // a damaged page lost events; it is in the store
  };
  BackWorker(DrainOptions drain, std::optional<DrainCheckpoint> checkpoint, RollerOptions roller,
             Places places);

  void start();
  /// The lane committed: marks may wait, a moved frontier may have made older ones ready, the drain
  /// may go on.
  void committed();
  void stop();
  /// Calls `done(true)` when no ready mark and no countable record of the replay log is left. Asked
  /// after a lane was seen quiet, it knows of all that the lane committed.
  void quiet(std::function<void(bool)> done);

 private:
  void wake();
  void run();
  bool roll();
  bool drain();
  void begin_step();
  void carry_drain(Effects effects);
  struct DrainCommit {  // what a commit under way says, and has taken
    CommitId id;
    std::vector<TallyDelta> tallies;
    std::vector<Gap> gaps;
    Work done;
    Busy busy;
    MonoTime given;
  };
  void commit_drain(Commit commit);
  void drain_committed(DrainCommit commit, const CommitResult& result);
  void tell_merged();
  void log_failure(const char* what, const Error& error);

  const PartitionId partition_;
  const StreamSchema schema_;
  const std::vector<LaneAggregate> aggregates_;
  Places at_;
  Roller roller_;
  Drain drain_;
  bool marks_waiting_ = true;    // something was committed since the roller last found nothing
  bool replay_waiting_ = true;   // likewise for the drain
  Position replay_after_;        // read the replay log after this, or after what the drain took
  bool draining_ = false;        // a read or commit of the drain is under way
  std::optional<Effects> step_;  // of the drain: waits for allowance
  MonoTime step_began_{};
  uint64_t step_events_ = 0;
  bool timer_ = false;
  std::atomic<bool> posted_{
      false};  // set by wake() on any thread, cleared by run(); only coalesces posts
  std::atomic<bool> stopped_{false};  // set by stop() on any thread; read before new work
};

}  // namespace hindcast
