// Drives the live lane of one partition on its shard: reads the log, applies, seals between
// batches, hands commits to the store and their answers back. The lane decides; this only carries.
//
//   log readable ─► pump: read ─ apply ─ seal a slice ─► store.commit ─► committed ─► trim the log
//                      ▲                    late, every 100 ms ─► read pages ─► merge ─► commit
//                      └──────────────── more to read, or something finished
//
// Apply never waits for a commit: at most kCommitsMax are under way, further seals wait, and beyond
// the lane's memory bound the log is the buffer.
//
// Thread safety: start, readable and view from any thread; everything else runs on the shard.
#pragma once
#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "base/runtime.h"
#include "engine/ledger.h"
#include "engine/live_latency.h"
#include "engine/reader.h"
#include "engine/shared_room.h"
#include "lane/live_lane.h"
#include "log/log.h"
#include "store/store.h"

namespace hindcast {

class LaneWorker {
 public:
  struct Places {
    Runtime& runtime;
    ShardId shard;    // runs the lane
    ShardId reading;  // runs blocking reads of pages
    Log& log;
    Store& store;
    Ledger& ledger;
    LiveLatencyMeters& latency;  // of the shard
    // Of all lanes together, and this one's number among them.
    SharedRoom& memory;
    SharedRoom& reread;
    size_t lane;
  };
  struct Hooks {
    std::function<void()>
        recovered;  // once: everything that was in the log at the start is applied
    std::function<void(PartitionId)>
        committed;  // a commit of this partition is durable: marks or the replay log may wait
    std::function<void(GapId)> gap_known;  // a gap is in the store and both its edges are known:
                                           // opened so, or bounded (once more for each bound, and
                                           // from each partition of the stream). May be empty
  };

  /// `drained_before`: events of the replay log that the drain had merged, as its checkpoint says,
  /// by source.
  LaneWorker(LiveLaneOptions options, std::optional<Checkpoint> checkpoint, LaneFacts facts,
             std::map<SourceId, uint64_t> drained_before, Places places, Hooks hooks);

  void start();
  /// New records may be there.
  void readable();
  /// An append of events to this partition, handed in at `when`, is durable up to `last`. In order
  /// of positions, on the log's thread.
  void durable(Position last, MonoTime when) { append_times_.given(last, when); }
  /// No new work after this; what is under way ends by itself.
  void stop();
  /// Drops views that still wait for a commit. Call when the shard has ended.
  void abandon() { waiters_.clear(); }

  struct View {
    EventTime watermark = kMinEventTime;
    Frontier frontier;
    ByteCount memory;
    std::vector<SourceState> sources;
    std::vector<OpenPage> open;
    uint64_t recovered_events = 0;  // read again from the log at the start
    bool quiet = false;     // log read to its end, nothing to seal, nothing late, nothing under way
    std::vector<Gap> gaps;  // applied, and perhaps not in the store yet
    std::vector<GapBound> bounds;
  };
  /// Calls `done` with what the lane holds open in `range` (none: Window{}), once every commit
  /// under way now is durable.
  void view(Window range, std::optional<uint16_t> slot, std::function<void(View)> done);

 private:
  void pump();
  void apply(const LogChunk& chunk);
  void finish_recovery();
  void measure_applied();
  void measure_committed(Frontier frontier, MonoTime given);
  void trim();
  bool log_is_long() const;
  void work();
  void share_room();
  void carry(Effects effects);
  void read_pages(std::vector<PageRead> reads);
  void append_replay(std::vector<LogAppend> records);
  void committed(CommitId id, Result<CommitResult> result);
  void end_if_dropped() const;
  void flush_later();
  View look(Window range, std::optional<uint16_t> slot) const;
  bool quiet() const;

  const StreamSchema schema_;
  const std::vector<LaneAggregate> aggregates_;
  const PartitionId partition_;
  Places at_;
  Hooks hooks_;
  const Position applied_before_;  // as the checkpoint at the start says
  LiveLane lane_;
  Position read_after_;
  Position recover_to_;  // newest record at the start
  bool recovering_ = true;
  uint64_t recovered_events_ = 0;
  std::map<SourceId, uint64_t> drained_before_;
  std::vector<TallyDelta> settled_in_recovery_;
  bool log_ended_ = false;  // the last read found nothing more
  bool flush_timer_ = false;
  size_t reads_under_way_ = 0, replay_appends_ = 0;
  struct UnderWay {  // what a commit says
    MonoTime given;
    Frontier frontier;
    std::vector<TallyDelta> tallies;
    std::vector<Gap> gaps;
    std::vector<GapBound> bounds;
  };
  std::map<CommitId, UnderWay> under_way_;
  AppendTimes append_times_;
  // Ends of page windows that the watermark has passed and no durable commit has reached, and when.
  std::deque<std::pair<EventTime, MonoTime>> sealable_;
  EventTime sealable_to_ = kMinEventTime;
  struct Waiter {
    std::set<CommitId> commits;
    View view;
    std::function<void(View)> done;
  };
  std::vector<Waiter> waiters_;
  std::atomic<bool> pump_posted_{
      false};  // set by readable() on any thread, cleared by pump(); only coalesces posts
  std::atomic<bool> stopped_{
      false};  // set by stop() on any thread; read by the shard before new work
};

}  // namespace hindcast
