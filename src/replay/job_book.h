// All replay jobs: what they are, which piece of which one is next, and what is written down of
// them. Workers (replay/job_runner.h) ask it for pieces; limits are global, never per job.
//
//   add ──► queued ── a worker prepares it: pieces of its history, gaps that are open ──► running
//   running: pieces are given out and come back finished, set aside, or unfinished (paused,
//   stopped) nothing left ──► done, or failed when windows were set aside
//
// Crash story: `save` gets a job's whole record after every change that must outlive a crash, in
// order. A restart restores the records; windows in `done` are not read again. Only what is certain
// gets there: what was cut on an assumption (docs/decisions/assumed-then-certain.md) is read again
// by whoever goes on with an unfinished piece, for no more than the comparison of digests. Facts of
// gaps go in the same commit as the progress that proves them, so a fill is never without its
// events. A job that has read everything ends when the gaps that name numbers are judged.
//
// How fast they go, and how many pieces at once, is what the governor said last (govern()). Streams
// take turns by the events that they cost (replay/fair_queue.h). Late events that wait in the
// replay log (lane/drain.h) draw from the same ceiling, beside the jobs (replay/fair_pair.h).
//
// Time: never reads a clock. Thread safety: any thread; one mutex, held briefly, also while `save`
// is called: it must only hand the commit on.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "progress/coverage.h"
#include "progress/replay_job.h"
#include "replay/capacity.h"
#include "replay/fair_pair.h"
#include "replay/fair_queue.h"
#include "replay/fills.h"
#include "replay/governor.h"
#include "replay/job_account.h"
#include "replay/piece_run.h"
#include "replay/quantiles.h"
#include "replay/reason.h"
#include "replay/stagger.h"
#include "replay/throttle.h"
#include "store/store.h"

namespace hindcast {

struct JobLimits {
  uint32_t sources_at_once = 2;  // whose histories are read at the same time
  Duration stagger = 5s;         // between automatic jobs of sources that came back at once
  uint64_t seed = 0;             // of the stagger: installations that share a history differ in it
};

/// What a worker is to do next.
struct Assignment {
  enum class Kind : uint8_t {
    kPrepare,  // find pieces and open gaps, then prepared() or refused()
    kRead,     // read `piece`, then report results, and finally finished() or released()
    kShow,     // read what is stored from the start of `piece` on, then shown() or not_shown()
  } kind = Kind::kPrepare;
  ReplayJob job;                 // as it was
  Window piece;                  // kRead: what is to be read, inside one piece of the history
  std::vector<Bytes> keys = {};  // kShow: whose events; sorted, empty = all
};

class JobBook {
 public:
  using Save = std::function<void(Commit)>;  // job and outcomes; the receiver sends it to the store
  JobBook(JobLimits limits, Save save, Locate locate, MonoTime now);
  ~JobBook();

  /// A stored job. One that had not ended is queued again and goes on with what is left.
  void restore(ReplayJob job, MonoTime now);

  /// A new job with its id. An automatic one (`coalesce`) joins a queued automatic job of the same
  /// stream and source: its windows are added there, and that job's id is returned.
  JobId add(ReplayJob job, bool coalesce, MonoTime now);
  /// Errors: kNotFound, kConflict (ended).
  Status pause(JobId id, bool paused, MonoTime now, ProcessingTime wall);
  Status set_rate(JobId id, std::optional<uint64_t> rate, MonoTime now);
  Status set_order(JobId id, ReplayOrder order);
  Status cancel(JobId id, MonoTime now, ProcessingTime wall);
  void set_limits(JobLimits limits);

  /// How fast and how many at once from now on, and how live fares; 20 times a second. Before the
  /// first call nothing is read.
  void govern(const Allowance& allowance, const LatencySignal& live, MonoTime now,
              ProcessingTime wall);
  /// The replay lane's part of the signals: what was done since the last call, what for, and what
  /// it could do with so many workers.
  void add_to(Signals& signals, uint32_t workers, MonoTime now);
  Capacity capacity() const;
  void set_capacity(const Capacity& capacity);  // as measured before a restart

  /// How far a stream's history may be read: the frontier of its slowest partition.
  using FrontierOf = std::function<EventTime(StreamId)>;
  /// How new a source's history may be: wall clock less `settle`, at the start of a page window.
  using SettledOf = std::function<EventTime(StreamId, SourceId)>;
  /// The next thing to do, if any. `idle` workers ask again when something changed (wake()) or
  /// after a while.
  std::optional<Assignment> take(const FrontierOf& frontier, const SettledOf& settled, MonoTime now,
                                 ProcessingTime wall);

  void prepared(JobId id, std::vector<Window> pieces, const CoverageFacts& facts,
                const std::vector<PartitionId>& partitions, ProcessingTime wall);
  /// The history cannot say what it has. With `again`, it is asked then; else the job fails.
  void refused(JobId id, const Error& error, std::optional<MonoTime> again, ProcessingTime wall);

  /// Whether a worker shall go on with a piece: false when its job was paused, cancelled, or the
  /// piece is another's.
  bool wanted(const Assignment& assignment) const;
  struct Wait {
    MonoTime until;
    Reason reason;
  };
  /// Takes allowance for `events`, or says when to ask again (a debt: any number passes once).
  std::optional<Wait> allow(const Assignment& assignment, uint64_t events, MonoTime now);
  /// Subwindows of a piece are committed. `end`: the piece is at its end and all of it is certain.
  void progressed(const Assignment& assignment, std::vector<SubwindowResult> results, bool end,
                  MonoTime now, ProcessingTime wall);
  /// The piece cannot be read; the job goes on without what is left of it.
  void set_aside(const Assignment& assignment, const Error& error, ProcessingTime wall);
  /// The process that worked at the piece died. Given out again, until kDeathsMax in a row have
  /// died without getting any further: then it is set aside.
  void died(const Assignment& assignment, const std::string& how, ProcessingTime wall);
  static constexpr uint32_t kDeathsMax = 3;
  /// kShow: all events stored of `window`, which begins with the piece; another part is asked for
  /// next.
  void shown(const Assignment& assignment, const Window& window,
             const std::vector<EventBatch>& events, MonoTime now, ProcessingTime wall);
  /// kShow: the store could not be read; not before `again`.
  void not_shown(const Assignment& assignment, MonoTime again);
  /// The worker stops before the end of the piece: what is not done of it is given out again.
  void released(const Assignment& assignment, ProcessingTime wall);

  /// What the worker of a piece waits for from now on.
  void because(const Assignment& assignment, Reason reason, MonoTime now);
  /// Time of a worker in which it was at work: what capacity is measured by.
  void spent(const Busy& busy);
  /// A commit of replay took so long to be durable.
  void committed(Duration latency, MonoTime now);

  // Late events of a partition, from its replay log.
  /// Takes allowance for `events`, or says when to ask again: at most 100 ms later.
  std::optional<Wait> allow_late(PartitionId partition, uint64_t events, MonoTime now);
  /// What their merge waits for from now on; nullopt: nothing of them is left to be merged.
  void late_because(PartitionId partition, std::optional<Reason> reason);
  /// A commit of them is durable.
  void late_merged(const Work& done, const Busy& busy, MonoTime now);
  struct LateView {
    uint64_t merged = 0;          // events, since the start
    std::optional<Reason> waits;  // why they go no faster; nullopt: nothing is to be merged
  };
  LateView late() const;

  struct View {
    ReplayJob job;
    JobAccount account;
    uint64_t ceiling = 0;  // events per second; 0 = nothing may be read
  };
  std::vector<View> views() const;
  std::optional<View> view(JobId id) const;
  /// What of a job may be read now and is not committed yet.
  struct Reading {
    std::vector<Window> stretches;  // in the order in which they are begun
    uint32_t at_once = 1;
  };
  Reading reading(JobId id) const;
  /// No job could go on by itself: those that are paused, or wait for the frontier, cannot.
  bool idle() const;

 private:
  struct Entry;
  Entry* find(JobId id);
  Result<Entry*> changeable(JobId id);
  static void join(ReplayJob& into, const ReplayJob& other);
  /// `clipped`: the part of a piece that lies before `limit` will do.
  std::optional<Window> next_window(const Entry& entry, EventTime limit, bool clipped) const;
  Entry* next_turn(std::vector<std::pair<Entry*, Window>>& ready, Window& piece);
  static void start(Entry& entry, ProcessingTime wall);
  void end_work(Entry& entry, const Window& piece);
  void end_if_done(Entry& entry, ProcessingTime wall);
  void finish(Entry& entry, ReplayJob::State state, std::string reason, ProcessingTime wall);
  void write(Entry& entry, std::vector<GapOutcome> outcomes, ProcessingTime wall);
  bool source_may_start(SourceId source) const;
  Backlog backlog_of(const Entry& entry) const;
  MonoTime ready_for(FairPair::Side side, uint64_t events, MonoTime now) const;
  View view_of(const Entry& entry) const;

  mutable std::mutex mutex_;
  JobLimits limits_;  // all below are guarded by mutex_
  const Save save_;
  const Locate locate_;
  std::map<JobId, std::unique_ptr<Entry>> jobs_;
  Allowance allowance_;  // as last said by the governor
  Throttle throttle_;
  FairPair sides_;
  std::map<PartitionId, Reason> late_;  // that have late events to merge: what for they wait
  uint64_t late_merged_ = 0;
  FairQueue turns_;
  Stagger stagger_;
  Capacity capacity_;
  LatencyWindow commits_;
  Work done_;               // since add_to()
  bool throttled_ = false;  // some worker waited for allowance since add_to()
  MonoTime last_now_{};     // as last handed in
  uint64_t served_ = 0;     // counts pieces given out: whose turn it is within a stream
};

}  // namespace hindcast
