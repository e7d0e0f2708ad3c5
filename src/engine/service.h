// What a running (or stopped) installation offers to API and CLI: values in, values out. The server
// turns it into HTTP and JSON; `--data-dir` commands use the same over a store opened for reading.
//
// Thread safety: any thread. Calls may block on disk; push() and heartbeat() complete later.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/runtime.h"
#include "base/thread_class.h"
#include "format/config.h"
#include "log/log.h"
#include "model/key.h"
#include "model/row.h"
#include "progress/checkpoint.h"
#include "progress/coverage.h"
#include "progress/replay_job.h"
#include "proof/verify_report.h"
#include "replay/divergence.h"
#include "replay/horizon.h"
#include "replay/limits.h"
#include "replay/pressure.h"
#include "replay/reason.h"
#include "store/store.h"

namespace hindcast {

struct PushResult {
  uint64_t accepted = 0, ignored = 0;
  struct Rejected {
    uint64_t line;
    std::string reason, detail;
  };
  std::vector<Rejected> rejected;  // kept as dead letters; at most 1,000 listed
  uint64_t rejected_total = 0;
};

enum class Fill : uint8_t { kNone, kPrevious, kZero };

struct BucketQuery {
  std::string aggregate;
  std::optional<std::string> key;      // as users write it; absent = all keys
  std::optional<EventTime> from, to;   // absent = all there is
  std::optional<Duration> resolution;  // absent = the aggregate's bucket
  std::optional<EventTime> as_of;
  std::optional<BucketState> state;
  Fill fill = Fill::kNone;
  uint64_t limit = 100'000;  // more than this: `truncated` is set
};
struct Bucket {
  std::string key;  // "EWR/UA"
  std::vector<KeyPart> key_parts;
  Window window;
  Duration resolution{};
  BucketState state = BucketState::kOpen;
  bool complete = true;
  bool filled = false;  // made by `fill`, not by events
  Version version;
  uint64_t events = 0;
  Digest digest;
  Cause cause;
  ProcessingTime published_at{};
  std::vector<Value> values;  // in the order of the rule's functions
};
struct BucketAnswer {
  Rule rule;
  std::vector<Bucket> buckets;  // by key, then time
  bool truncated = false;
};

struct EventQuery {
  std::string source;  // or stream
  std::optional<std::string> key;
  EventTime from = kMinEventTime, to = kMaxEventTime;
  uint64_t limit = 10'000;
};
struct EventAnswer {
  StreamSchema schema;
  EventBatch events;  // visible, live; by key, time, id
  bool truncated = false;
};

struct SourceStatus {
  std::string name, stream, kind,
      state;           // "waiting", "connected", "idle", "disconnected", "ended", "failed: …"
  std::string reason;  // of "disconnected"
  std::optional<EventTime> watermark, frontier, max_event;
  std::optional<EventTime> replayable_from;  // by its history; absent: for ever, or there is none
  uint64_t received = 0, pending = 0, behind = 0, late = 0, ignored = 0, silences = 0;
  Tallies tallies;
  bool balanced() const { return received == pending + tallies.settled(); }
};
struct PartitionStatus {
  PartitionId partition;
  std::string stream;
  std::optional<EventTime> watermark, frontier;
  ByteCount open_memory;
  uint64_t records_behind = 0;  // appended to the log, not yet applied (events)
};
/// What the background verifier knows of a stream (engine/verify_cycle.h).
struct VerifiedStatus {
  std::optional<EventTime> through;  // nothing before it differed when last looked at
  uint64_t bad = 0;                  // stretches that differ, as last seen
  uint64_t cycles = 0;               // ended since the start
  ByteCount bytes;                   // read since the start
};
/// How threads are told apart (engine/isolation.h).
struct IsolationStatus {
  std::string kind = "off";  // as configured: "off", "threads", "process"
  Scheduling live = Scheduling::kNormal, replay = Scheduling::kNormal;
  // With "process": those that run now, and how often one died since the start.
  std::vector<int> replay_pids;
  uint64_t replay_restarts = 0;
};

/// One link of the chain of backpressure between history and store (replay/chain.h).
struct LinkStatus {
  std::string name;  // "history", "merge", "commit"
  ByteCount used, max;
  Duration blocked{};  // how long somebody waited for it, all in all
};
/// What the governor of the replay lane sees and says (replay/governor.h), as of its last tick.
struct GovernorStatus {
  Limits limits;
  uint64_t capacity = 0, ceiling = 0, floor = 0;  // events per second
  uint64_t allowed = 0;                           // likewise, now; 0 = nothing may run
  uint32_t subwindows = 0;                        // at once, now
  double events_per_second = 0;                   // done lately, by all jobs
  Reason reason = Reason::kSchedule;              // why the lane goes no faster
  Pressure pressure;                              // the strongest one
  bool ramping = false, starved = false;
  std::optional<Storm> storm;
  Signals signals;
  std::vector<LinkStatus> links;
  ReplayRoute route = ReplayRoute::kDirect;
  // Events later than late_as_replay; those that wait are among the signals.
  uint64_t late_merged = 0;              // since the start
  std::optional<Reason> late_waits_for;  // absent: none of them waits
};
struct SystemStatus {
  std::string state;  // "recovering", "running", "draining", "stopped"
  std::vector<SourceStatus> sources;
  std::vector<PartitionStatus> partitions;
  std::map<std::string, VerifiedStatus> verified;  // by stream
  std::optional<GovernorStatus> governor;          // of a running daemon
  LogStats live_log, replay_log;
  StoreHealth store;
  IsolationStatus isolation;
  ByteCount rss;
  Duration uptime{}, recovery{};  // recovery: how long the start took until caught up
  uint64_t recovered_events = 0;
};

struct StreamSummary {
  StreamId id;  // as facts name it
  StreamSchema schema;
};

struct AggregateInfo {
  std::string name, stream;
  std::vector<Duration> resolutions;
  Rule rule;
  StreamSchema schema;
  AggregateId id;  // as changes name it
};

struct DeadLetterQuery {
  std::optional<std::string> source;
  uint64_t limit = 100;
};
struct DeadLetterEntry {
  std::string source;
  DeadLetterFact fact;
};

struct VerifyQuery {
  std::optional<EventTime> from, to;
  /// Against what: rows against pages, or pages against the history of `source`.
  enum class Against : uint8_t { kPages, kHistory } against = Against::kPages;
  std::optional<std::string> source;  // kHistory: which; absent = every source that has one.
                                      // kPages: of its stream only
  bool repair = false;  // mend what differs: rows from pages; pages from history, by a replay
};

/// A gap with what follows from its outcomes.
struct GapEntry {
  Gap gap;
  std::string stream;
  EventTime end = kMaxEventTime;  // as bounded; kMaxEventTime: not known yet
  std::vector<Hole> holes;        // what is not filled of it; none: filled
  std::string state;  // "open", "unfillable", "accepted", "filled"; of several holes the worst
  std::vector<GapOutcome> outcomes;
  /// Of an open one; absent: no history that could refill it ever forgets, or there is none.
  std::optional<Refillable> refillable;
};
struct GapQuery {
  std::optional<std::string> source;  // or stream
  std::optional<GapId> id;            // only this one
  bool open_only = false;
  uint64_t limit = 1'000;  // newest first
};
struct GapRequest {
  std::string source;  // or stream
  EventTime from{}, to{};
  std::vector<std::string> keys;  // empty = all
  std::string detail;
};

/// A stretch of a stream's time and what is known of it.
struct CoverageSpan {
  Window range;
  enum class State : uint8_t { kCovered, kGap, kReplaying, kUnfillable, kAccepted } state;
  std::vector<GapId> gaps;
};
struct CoverageAnswer {
  std::string stream;
  std::vector<std::string> sources;
  std::optional<EventTime> first, frontier, watermark;  // first: of the oldest page
  std::vector<CoverageSpan> spans;                      // tile [first, frontier); by time
};
std::string_view to_string(CoverageSpan::State state);

struct ReplayRequest {
  std::string source;
  EventTime from{}, to{};
  std::vector<std::string> keys;
  ReplayOrder order = ReplayOrder::kOldestFirst;
  std::optional<uint64_t> rate;  // events per second
  ReplayJob::Mode mode = ReplayJob::Mode::kMerge;
  std::string cause = "operator";
  std::vector<Window> only;  // of the range: the rest counts as done already (repairs)
};
/// What an operator changes of a running job; absent = as it is.
struct ReplayChange {
  std::optional<bool> paused;
  std::optional<std::optional<uint64_t>> rate;  // inner absent: no limit of its own
  std::optional<ReplayOrder> order;
};
/// A job as people see it.
struct ReplayEntry {
  ReplayJob job;
  std::string stream, source;
  ReplayRoute route = ReplayRoute::kDirect;
  double events_per_second = 0;  // lately
  std::string waits_for;  // one reason for its present speed: "rate", "reader", "stream", …
  Duration elapsed{};     // since it was asked for, without pauses; as far as a process ran
  std::optional<double> share_done;  // of its range, by time
  ReasonTimes times{};               // adds up to `elapsed`
  ReasonTimes lately{};              // likewise, of the last ten seconds
  uint64_t ceiling = 0;              // events per second that it may go now at most; 0 = nothing
  std::optional<Eta> eta;            // only where it is honest (replay/divergence.h)
  uint64_t windows_left = 0;         // page windows that are neither done nor set aside
  /// Of one that has not ended, whose history forgets.
  std::optional<ReplayHorizon> horizon;
  /// Of append to applied, over five seconds: before it began, the worst while it ran, and after
  /// its end. Absent: fewer than 100 applies in them.
  std::optional<Duration> live_p99_before, live_p99_during, live_p99_after;
};

class Service {
 public:
  virtual ~Service() = default;
  virtual const Config& config() const = 0;
  /// Body of one push, already decompressed. `format`: from the content type, absent = the source's
  /// own. Done after fsync, on an internal thread. Errors: kNotFound (no such source),
  /// kInvalidArgument (not an HTTP source), kOverloaded (log near its bound: 429), kUnavailable
  /// (shutting down, or log failed).
  virtual void push(const std::string& source, BytesView body, std::optional<FormatKind> format,
                    Done<PushResult> done) = 0;
  virtual void heartbeat(const std::string& source, EventTime to, Done<bool> done) = 0;
  virtual std::vector<AggregateInfo> aggregates() const = 0;
  virtual std::vector<StreamSummary> streams() const = 0;
  /// Keys of an aggregate's rows, sorted; after `after` (exclusive).
  virtual Result<std::vector<std::string>> keys(const std::string& aggregate,
                                                const std::string& after, uint64_t limit) = 0;
  virtual Result<BucketAnswer> buckets(const BucketQuery& query) = 0;
  virtual Result<EventAnswer> events(const EventQuery& query) = 0;
  virtual Result<std::vector<DeadLetterEntry>> dead_letters(const DeadLetterQuery& query) = 0;
  virtual Result<std::vector<Change>> changes(ChangeNumber after, uint64_t limit) = 0;
  virtual SystemStatus status() = 0;
  /// Errors: kNotFound, kInvalidArgument, kUnavailable (a repair without a daemon), kOverloaded
  /// (another one is under way), kCancelled (interrupted).
  virtual Result<VerifyReport> verify(const VerifyQuery& query) = 0;
  /// Stopping: answers under way that take long end soon, with kCancelled.
  virtual void interrupt() {}

  virtual Result<std::vector<GapEntry>> gaps(const GapQuery& query) = 0;
  /// Of the stream of a source, or of a stream.
  virtual Result<CoverageAnswer> coverage(const std::string& source, std::optional<EventTime> from,
                                          std::optional<EventTime> to) = 0;
  virtual Result<std::vector<ReplayEntry>> replays() = 0;  // newest first
  virtual Result<ReplayEntry> replay(JobId id) = 0;        // kNotFound
  // What changes something needs a running daemon: kUnavailable without one.
  /// Errors: kNotFound (source), kInvalidArgument (empty range, key that is none).
  virtual Result<GapId> open_gap(const GapRequest& request);
  /// The operator's word that a gap will never be filled. Errors: kNotFound, kConflict (filled).
  virtual Status accept_gap(GapId id, const std::string& detail);
  /// Errors: kNotFound (source), kInvalidArgument (no history, empty range, key that is none).
  virtual Result<ReplayEntry> start_replay(const ReplayRequest& request);
  /// Errors: kNotFound, kConflict (ended).
  virtual Result<ReplayEntry> change_replay(JobId id, const ReplayChange& change);
  virtual Result<ReplayEntry> cancel_replay(JobId id);
  /// Limits of the replay lane by name ("rate", "floor", "live_p99", … replay/limits_text.h), as
  /// people write them: "25%", "50000/s", "20ms". They hold at once and over restarts; "" goes back
  /// to the configuration's. Errors: kInvalidArgument (naming the limit), kNotFound (no such
  /// limit).
  virtual Result<Limits> change_limits(const std::map<std::string, std::string>& changes);
  /// Recovered and accepting.
  virtual bool ready() const = 0;
  /// Blocks until every source that can end has ended and everything is settled and sealed; or the
  /// service stops.
  virtual void wait_drained() = 0;
};

}  // namespace hindcast
