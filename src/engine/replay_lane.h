// The replay lane of a daemon: its jobs, its worker threads, and the jobs that it opens by itself
// when a gap is known from edge to edge.
//
//   replay-0 …   one thread per piece that is read at once: history → subwindows → store
//   replay-floor one for each of them, which steps for it while it starves (engine/replay_class.h)
//   replay-start with isolation = "process": starts the processes in which each worker's pieces are
//                worked at (engine/replay_process.h); the threads above only serve them
//
// Start: restores jobs from the store (they go on after the last committed subwindow), and opens
// jobs for gaps that a crash left without one. Stop: pieces are given back; what is committed
// counts.
//
// Thread safety: any thread, after open(); start() and stop() one after the other.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/runtime.h"
#include "engine/catalog.h"
#include "engine/isolation.h"
#include "engine/replay_child.h"
#include "engine/replay_class.h"
#include "engine/replay_governor.h"
#include "engine/replay_process.h"
#include "engine/service.h"
#include "history/history.h"
#include "replay/job_runner.h"

namespace hindcast {

class ReplayLane {
 public:
  struct Places {
    const Config& config;
    const Catalog& catalog;
    Store& store;
    Runtime& runtime;
    Isolation& isolation;
    std::function<Result<uint64_t>()> next_job;  // numbers of jobs
    std::function<Result<GapId>()> next_gap;     // for what damaged pages lost
    std::function<void(StreamId)> committed;     // a replay changed pages of it: marks may wait
    /// A job that an operator asked for begins: partitions that hold nothing open may follow it.
    std::function<void(const SourceConfig& source, EventTime to)> advance;
    /// The oldest instant that the history of a source gives; nullopt: it forgets nothing.
    std::function<std::optional<EventTime>(const SourceConfig&, ProcessingTime now)>
        replayable_from;
    FileSystem& files;
    std::function<ReplayGovernor::LiveSignals()> live;  // what the governor asks
    LogRoute& route;                                    // taken if so configured
  };
  /// Errors: of the store.
  static Result<std::unique_ptr<ReplayLane>> open(Places places, Histories histories);
  ~ReplayLane();  // stops

  /// The workers. The governor begins before, and by itself: until it speaks, nothing may be done,
  /// and a lane that hands late events over while it recovers needs the drain.
  void start();
  void stop();

  // What an operator was told is durable.
  Result<ReplayEntry> add(const ReplayRequest& request);
  Result<ReplayEntry> change(JobId id, const ReplayChange& change);
  Result<ReplayEntry> cancel(JobId id);
  // Of a job that has ended, all that it did is in the store.
  Result<std::vector<ReplayEntry>> list() const;
  Result<ReplayEntry> get(JobId id) const;

  /// A gap whose both edges are known is in the store: a job is opened for what no job was opened
  /// for yet. Without a history it is unfillable, and that is said. Reads the store.
  void gap_known(GapId id);
  /// Nothing is queued or running that could go on by itself.
  bool idle() const { return book_->idle(); }
  History* history(SourceId source) const;
  JobBook& book() { return *book_; }
  ReplayGovernor& governor() { return *governor_; }
  /// With isolation = "process": those that run, and how often one died.
  std::vector<int> process_pids() const;
  uint64_t process_restarts() const;

 private:
  explicit ReplayLane(Places places, Histories histories);
  Status restore();
  void run(size_t worker, const std::stop_token& stop);
  void make_processes();
  Result<std::unique_ptr<PieceWork>> open_remote(const std::shared_ptr<ReplayProcess>& process,
                                                 const PieceOrder& order) const;
  void wake();
  void save(Commit commit);
  Status wait_saved() const;
  Status wait_ended(const std::vector<JobBook::View>& views) const;
  Result<ReplayJob> job_of(const ReplayRequest& request) const;
  ReplayEntry entry_of(const JobBook::View& view) const;
  std::optional<ReplayHorizon> horizon_of(const JobBook::View& view) const;
  const SourceConfig* recovering_source(const Gap& gap) const;
  void recover(Gap gap);
  void no_history(const Gap& gap);

  const Places at_;
  const Histories histories_;
  const std::map<StreamId, ReplayStream> streams_;
  std::map<StreamId, std::string> stream_names_;
  // Commits of jobs on their way. Owners: this and their callbacks.
  const std::shared_ptr<std::atomic<uint64_t>> unsaved_ =
      std::make_shared<std::atomic<uint64_t>>(0);
  std::unique_ptr<JobBook> book_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  uint64_t changes_ = 0;                 // guarded by mutex_; counts wake()
  std::map<GapId, EventTime> taken_to_;  // guarded by mutex_; how far jobs were opened for a gap
  std::shared_ptr<Chain> chain_;         // owners: this, workers and the governor
  std::vector<std::unique_ptr<ReplayClass>> classes_;      // by worker
  std::vector<std::shared_ptr<ReplayProcess>> processes_;  // by worker; empty: work is done here
  std::map<SourceId, std::shared_ptr<RequestBudget>> budgets_;  // of histories that count requests
  std::unique_ptr<ReplayGovernor> governor_;
  std::vector<std::jthread> threads_;
};

}  // namespace hindcast
