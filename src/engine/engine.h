// The running installation: log, store, lanes and sources wired to threads. Reading this file and
// engine.cc shows the system.
//
//   threads   shard-00 …  lanes (apply, seal)      back     rollups, replay log, timers
//             reads       pages for late merges    src-*    one per pull source
//             verify      what is stored           replay-*  pieces of history; both at idle
//             priority governor    how fast replays may go (and those of the log writer, the
//             committer and the HTTP server)
//
// Start: open store and log → lanes from their checkpoints → read the log after `safe` → recovered:
// what lossy sources missed meanwhile is a gap → sources resume at their last durable token, pushes
// are taken. Nothing is repaired by hand.
// Stop: lanes and background, replays, sources, the log (what was taken becomes durable), the
// store. A kill -9 at any point only means that the next start reads more of the log.
//
// Thread safety: as Service; start and stop from one thread.
#pragma once
#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/thread_runtime.h"
#include "engine/back_worker.h"
#include "engine/ingest.h"
#include "engine/isolation.h"
#include "engine/kept_log.h"
#include "engine/lane_worker.h"
#include "engine/live_latency.h"
#include "engine/number_pool.h"
#include "engine/push_decoders.h"
#include "engine/read_service.h"
#include "engine/replay_lane.h"
#include "engine/shared_room.h"
#include "engine/source_worker.h"
#include "engine/verifier.h"

namespace hindcast {

class Engine final : public ReadService {
 public:
  /// Opens store and log and reads checkpoints; no thread runs yet. Errors: kInvalidArgument
  /// (configuration against stored shapes), kUnavailable (directory in use, I/O), kCorruption.
  static Result<std::unique_ptr<Engine>> open(Config config, FileSystem& files);
  ~Engine() override;  // stops

  void start();
  /// Requires: no push, query or heartbeat is under way or follows (the server stopped before).
  /// wait_drained() may be: it returns.
  void stop();

  void push(const std::string& source, BytesView body, std::optional<FormatKind> format,
            Done<PushResult> done) override;
  void heartbeat(const std::string& source, EventTime to, Done<bool> done) override;
  SystemStatus status() override;
  Result<std::vector<ReplayEntry>> replays() override;
  Result<ReplayEntry> replay(JobId id) override;
  Result<ReplayEntry> start_replay(const ReplayRequest& request) override;
  Result<ReplayEntry> change_replay(JobId id, const ReplayChange& change) override;
  Result<ReplayEntry> cancel_replay(JobId id) override;
  Result<Limits> change_limits(const std::map<std::string, std::string>& changes) override;
  Result<GapId> open_gap(const GapRequest& request) override;
  Status accept_gap(GapId id, const std::string& detail) override;
  bool ready() const override { return ready_.load(std::memory_order_acquire); }
  void wait_drained() override;

  /// What live waits for: over the last five seconds, or since the start. Any thread.
  enum class Since : uint8_t { kLately, kStart };
  LiveLatencies live_latencies(Since since) const;

 protected:
  VerifyTools verify_tools() override;
  Result<History*> history_of(const SourceConfig& source) override;
  ProcessingTime wall_now() const override { return runtime_.wall_now(); }
  std::optional<EventTime> reach_of(const SourceConfig& source, ProcessingTime now) const override {
    const auto of_log = kept_log_.complete_from(source);
    return of_log ? of_log : ReadService::reach_of(source, now);
  }

 private:
  struct Partition {
    PartitionId id;
    const StreamInfo* stream;
    std::unique_ptr<LaneWorker> lane;
    std::unique_ptr<BackWorker> back;
  };

  Engine(Config config, FileSystem& files, std::unique_ptr<Isolation> isolation,
         std::unique_ptr<Store> store, Catalog catalog, std::unique_ptr<Log> log, size_t shards);
  Status build_partitions();
  Status build_replay();
  ReplayGovernor::LiveSignals live_signals();
  void advance_for_replay(const SourceConfig& source, EventTime to);
  void recovered();
  void restore_ingest();
  void begin();
  void report_lost() const;
  void start_sources();
  void tick();
  std::vector<OpenPage> open_pages(const std::vector<PartitionId>& partitions, const Window& range,
                                   std::optional<uint16_t> slot);
  std::vector<LaneWorker::View> views(const std::vector<const Partition*>& of, const Window& range,
                                      std::optional<uint16_t> slot);
  std::vector<const Partition*> all_partitions() const;
  bool drained();
  Status commit_facts(Commit commit);

  FileSystem& files_;
  const std::unique_ptr<Isolation> isolation_;  // in one place: threads of the log use it
  const std::unique_ptr<Log> log_;
  KeptLog kept_log_;
  NumberPool gap_numbers_;
  Ledger ledger_;
  Ingest ingest_;
  PushDecoders decoders_;
  const size_t shards_;
  std::optional<SharedRoom> open_memory_, reread_;           // of all lanes together
  std::vector<std::unique_ptr<LiveLatencyMeters>> latency_;  // by shard
  ThreadRuntime runtime_;
  std::map<PartitionId, Partition> partitions_;
  NumberPool job_numbers_;
  LogRoute route_;
  std::unique_ptr<ReplayLane> replay_;
  Verifier verifier_;
  const MonoTime opened_;
  // Written on the back shard before ready_ is set, and read by others only after that.
  std::vector<std::unique_ptr<SourceWorker>> sources_;
  MonoTime recovered_at_{};
  uint64_t recovered_events_ = 0;
  std::atomic<size_t> recovering_{
      0};  // partitions whose log is not read yet; counted down by shards
  std::atomic<bool> ready_{
      false};  // set once by the back shard; publishes recovered_at_ and restored sources
  std::mutex stop_mutex_;
  std::condition_variable stop_changed_;
  bool stopped_ = false;  // guarded by stop_mutex_
};

}  // namespace hindcast
