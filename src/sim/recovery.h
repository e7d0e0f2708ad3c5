// The node's replay lane, one small step at a time: job book and workers over the world's store,
// and the rule by which gaps get jobs. The engine does the same on threads (engine/replay_lane.h).
// A crash forgets all of it; what was written of jobs comes back.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "replay/governor.h"
#include "replay/job_book.h"
#include "replay/job_runner.h"

namespace hindcast::sim {

struct RecoveryOptions {
  hindcast::History* history = nullptr;  // of all sources; outlives the node
  Limits limits;
  uint32_t runners = 1;
  uint32_t retries = 3;
  uint64_t piece_events_max = 65'536;  // small: a piece is several subwindows
};

class Recovery {
 public:
  /// `last_job` outlives crashes; `committed`: pages have changed, and marks may wait.
  Recovery(const RecoveryOptions& options, ReplayStream stream, Store& store, JobId& last_job,
           std::function<void()> committed, uint64_t seed);

  /// Jobs that the store knows; then looks for gaps.
  void restore(MonoTime now, ProcessingTime wall);
  /// Opens a job for each open stretch with both edges that no job was opened for. Whether there
  /// was one.
  bool look_for_gaps(MonoTime now, ProcessingTime wall);
  /// An operator asks again for what is still open once all jobs have ended: some have failed.
  bool ask_again(MonoTime now, ProcessingTime wall);
  /// An operator wants it read, whatever is known of gaps.
  void read_all(const Window& range, MonoTime now, ProcessingTime wall);

  size_t runners() const { return workers_.size(); }
  /// When a worker wants its next step.
  MonoTime due(size_t runner) const { return workers_[runner].due; }
  void step(size_t runner, MonoTime now, ProcessingTime wall);
  /// Jobs that go on by themselves.
  bool busy() const;
  const JobBook& book() const { return *book_; }

 private:
  struct Worker {
    std::unique_ptr<Rng> rng;
    std::unique_ptr<JobRunner> runner;
    MonoTime due{};
  };
  ReplayJob job_of(const Window& range, SourceId source, std::string cause, ProcessingTime wall);
  void wake();
  void govern(MonoTime now, ProcessingTime wall);

  const RecoveryOptions options_;
  const ReplayStream stream_;
  Store& store_;
  JobId& last_job_;
  const std::function<void()> committed_;
  std::unique_ptr<JobBook> book_;
  Governor governor_;
  MonoTime governed_ = MonoTime::min();
  std::vector<Worker> workers_;
  std::map<GapId, EventTime> taken_to_;  // how far jobs were opened for a gap
};

}  // namespace hindcast::sim
