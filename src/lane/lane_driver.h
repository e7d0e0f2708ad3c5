// Everything that one partition needs to go from log to rows, one small step at a time on the
// caller's thread: live lane, drain and roller over any log and store. It shows in one place what a
// driver owes them: what to call when, what must wait for what, and what a crash forgets. Tests and
// the simulator choose the order of the steps; the engine does the same on threads.
//
//   commits   given to the store in the order they were made, live lane and roller in one row, the
//   drain in another reads     in a snapshot taken when they are served appends   one at a time;
//   the answer comes in a step of its own, so that a crash can fall in between
//
// Thread safety: none. Callbacks of log and store must run on the caller's thread, now or later.
#pragma once
#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "lane/drain.h"
#include "lane/live_lane.h"
#include "lane/roller.h"
#include "log/log.h"
#include "store/store.h"

namespace hindcast {

struct LaneDriverOptions {
  LiveLaneOptions lane;
  std::vector<RollerAggregate> rollups;
  ByteCount read_max = 256_KiB;  // log payload applied at once
  ByteCount seal_budget = 256_KiB;
  size_t drain_events_max = 16'384, drain_pages_max = 64;
};

class LaneDriver {
 public:
  /// Log and store outlive the driver.
  LaneDriver(LaneDriverOptions options, Log& log, Store& store);
  ~LaneDriver();

  /// Builds lane, drain and roller from what the store says. Errors: of the store.
  Status start();
  /// The process dies: everything that is not in log or store is gone. Answers under way never
  /// arrive. start() again.
  void crash();

  /// In the order in which run() prefers them.
  enum class Step : uint8_t {
    kAnswer,
    kCommitLive,
    kCommitReplay,
    kReadPages,
    kReadDrainPages,
    kAppend,
    kAppended,
    kSpill,
    kFlush,
    kSeal,
    kApply,
    kRoll,
    kDrainRecords,
    kDrainStep,
  };
  static constexpr size_t kSteps = 14;
  bool can(Step step) const;
  /// Requires: can(step). Errors: of log and store. A step may find that there is nothing: see
  /// progress().
  Status take(Step step, ProcessingTime now);
  /// Somebody else committed pages: marks may wait.
  void look_for_marks() { roll_due_ = true; }
  /// Steps until nothing is left to do. Errors: of log and store, or a lane that was dropped.
  Status run(ProcessingTime now);

  const LiveLane& lane() const { return *lane_; }
  const Drain& drain() const { return *drain_; }
  /// Over all lives.
  struct Counts {
    uint64_t steps = 0, commits = 0, conflicts = 0, spills = 0, drained = 0;
    uint64_t pages_read = 0, pages_probed = 0;  // the former without the latter
  };
  const Counts& counts() const { return counts_; }

 private:
  enum class Who : uint8_t { kLane, kRoller, kDrain };
  struct Given {
    Who who = Who::kLane;
    Commit commit;
  };
  struct Answer {
    Who who = Who::kLane;
    CommitId id = 0;
    CommitResult result;
    Status status;  // of the store
  };
  void enqueue(Who who, Effects effects);
  bool log_is_long() const;
  Status commit(std::deque<Given>& queue);
  Status answer(ProcessingTime now);
  Status read(Who who, std::vector<PageRead>& reads, ProcessingTime now);
  Status append();
  Status apply();
  Status roll(ProcessingTime now);
  Status drain_records();

  LaneDriverOptions options_;
  Log& log_;
  Store& store_;
  std::unique_ptr<LiveLane> lane_;
  std::unique_ptr<Drain> drain_;
  std::unique_ptr<Roller> roller_;
  std::deque<Given> live_, replay_;  // made, not given to the store
  std::vector<PageRead> lane_reads_, drain_reads_;
  std::vector<LogAppend> to_replay_log_;
  bool roll_due_ = true, drain_due_ = true, apply_due_ = true;  // cleared when there was nothing
  Counts counts_;
  // Outlives a crash in the callbacks that hold it, and is then nobody's: answers to the dead go
  // nowhere.
  struct Inbox {
    std::deque<Answer> answers;
    std::deque<Result<std::vector<Position>>> appended;
  };
  std::shared_ptr<Inbox> inbox_;  // shared with callbacks under way
};

}  // namespace hindcast
