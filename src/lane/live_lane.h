// The live lane of one partition: log records in, commits out. A state machine over values: no
// thread, lock, clock, file or socket; threads, a child process or the simulator drive it.
//
//   apply        decode, intern, put each event into its page's open buffer; late ones aside
//   seal_slice   one page (window, slot) whose window is behind the watermark becomes part, rows,
//                marks
//   flush_late   late events: ask for their pages, then merge and commit them
//   spill        the oldest buffered events go into their pages early
//
// Law L5: what the lane learns of gaps (kGap records, holes in numbers, damage to its log) waits
// for the next commit, whichever it is. So the frontier never moves past a record whose fact is not
// in the store, and after a crash each fact is there once.
//
// Crash story: every commit carries the checkpoint that is true once it (and those before it) are
// in the store: progress/checkpoint.h says which records are settled by it. Commits of a lane take
// effect in order. A lane that is built again from the last checkpoint and reads the log from
// `safe` reaches the same canonical content and the same tallies.
//
// Thread safety: confined to the shard that owns the partition.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "log/log.h"
#include "model/join.h"
#include "progress/watermark.h"
#include "store/store.h"

namespace hindcast {

/// One aggregate as the lane folds it: the resolutions inside a page window, and the next one up
/// that marks name.
struct LaneAggregate {
  AggregateId id;
  Rule rule;
  std::vector<Duration> resolutions;  // <= page window, finest first; each folded from the page
  std::optional<Duration> parent;     // first rollup beyond the page window
};

/// Which events carry numbers that count up without leaving any out.
struct LaneSequence {
  enum class Place : uint8_t { kId, kOrder };       // the only id, an integer; or the order
  std::vector<std::pair<SourceId, Place>> sources;  // none: costs nothing
  bool by_key = true;  // each key has a count of its own; else the stream has one (one partition)
  Duration delay{};    // widens a hole on both sides
};

struct LiveLaneOptions {
  PartitionId partition;
  StreamId stream;  // of the gaps that the lane opens
  Epoch epoch;
  StreamSchema schema;
  std::vector<LaneAggregate> aggregates;
  std::vector<std::pair<SourceId, Duration>> delays;  // watermark delay by source
  Duration late_as_replay =
      1h;                   // events later than this (below the watermark) go to the replay log
  Position replay_drained;  // DrainCheckpoint::applied at start: ranges of the replay log below it
                            // are forgotten
  ByteCount memory_max = 256_MiB;  // of open buffers; beyond it the oldest are spilled
  ByteCount reread_max =
      256_MiB;  // log payload kept for a restart to read again; beyond it the oldest are spilled
  size_t late_events_max =
      16'384;  // late events held for one merge; beyond it apply() wants a flush first
  uint32_t part_rows_max =
      65'536;  // rows buffered in columns per page; beyond it they are encoded in memory
  LaneSequence sequence;
  std::function<Result<GapId>()> next_gap;  // ids of gaps that the lane opens; needed with
                                            // `sequence`, for lost() and for what a damaged page
                                            // lost. Failing or absent, it drops the lane there
};

/// What the store knows of a partition beside its checkpoint, in the same snapshot.
struct LaneFacts {
  std::map<Bytes, SequenceState, std::less<>> sequences;
  std::vector<Gap> damage;  // opened by lost(), each as far as its bounds reach
};
Result<LaneFacts> read_lane_facts(const Snapshot& snapshot, StreamId stream, PartitionId partition);

/// A page the lane needs to go on with (late merge, or seal over spilled parts).
struct PageRead {
  PageKey key;
  /// What is to be added to it, if it is a few events behind the frontier: then a probe will do
  /// (lane/page_probe.h). Empty: the whole page.
  EventBatch events;
};

/// What the driver has to do, in this order of importance; commits in the order given.
struct Effects {
  std::vector<Commit> commits;
  std::vector<LogAppend>
      to_replay_log;  // append to Channel::kReplay as one batch, then call replay_appended()
  std::vector<PageRead>
      reads;  // read in one snapshot taken now or later, then call pages_read() once with all of
              // them; if reading fails, read again: nothing else goes on meanwhile
};

class LiveLane {
 public:
  /// From nothing, or from the last checkpoint in the store.
  LiveLane(LiveLaneOptions options, std::optional<Checkpoint> checkpoint, LaneFacts facts = {});
  ~LiveLane();

  /// First record to read: read the log after this position.
  Position read_after() const;
  /// Applies records in position order. Errors: kCorruption naming the record; it is then skipped
  /// and counted, the lane goes on.
  Status apply(const LogChunk& chunk);
  /// The log is damaged behind the last record applied: what the next chunk brings comes from
  /// behind it. Opens a gap over what may be lost, once for each place of damage, over all lives;
  /// its right edge is known with the next events.
  void lost(const LogDamage& damage);

  /// True when a window is behind the watermark and not sealed (or the frontier can follow it over
  /// empty ones), and no page read or late merge is under way.
  bool can_seal() const;
  /// Seals pages in order (window, slot) until about `budget` bytes of parts and rows were produced
  /// (at least one page).
  Effects seal_slice(ByteCount budget, ProcessingTime now);
  /// False while the late buffer is full: flush first. The log is the buffer meanwhile.
  bool can_apply() const;
  /// True when late events, dead letters, facts of gaps or events for the replay log wait and
  /// flush_late() would do something about it.
  bool has_late() const;
  Effects flush_late(ProcessingTime now);
  /// Other bounds than the options' from now on. What the log may keep for re-reading: `safe` lags.
  void set_bounds(ByteCount memory_max, ByteCount reread_max);
  /// What the log keeps because of this lane.
  ByteCount held_log() const;
  /// Over memory_max, or the log kept for re-reading (`safe` lags) is too long: the driver then
  /// calls spill().
  bool over_memory() const;
  Effects spill(ProcessingTime now);
  /// True when a commit would let the log be trimmed further: the driver then calls release_log()
  /// if the log nears its bound. Small records take far more of it than their payload, and control
  /// records alone make no commit, so `reread_max` does not see this.
  bool holds_log() const;
  /// A checkpoint if it is enough, else a spill of what holds the log.
  Effects release_log(ProcessingTime now);

  /// Answers, in any order relative to each other.
  Effects pages_read(std::vector<PageParts> pages, ProcessingTime now);
  /// Requires: the lane is not replaced by a new one while an append is under way (wait for its
  /// answer first).
  void replay_appended(const std::vector<Position>& positions);
  void replay_refused();  // kOverloaded: nothing was appended; flush_late() offers them again
  /// kConflict: pages_read is needed again: the effects ask for it. kFenced: the lane must be
  /// dropped().
  Effects committed(CommitId id, const CommitResult& result, ProcessingTime now);

  EventTime watermark() const;
  Frontier frontier() const;  // as of the commits produced so far
  Position safe() const;  // as of the last *committed* checkpoint: the log may be trimmed below it
  ByteCount memory() const;
  const std::vector<SourceState>& sources() const;
  /// Events applied but not settled by a commit produced so far (open buffers, late, waiting for
  /// the replay log), by source.
  std::vector<std::pair<SourceId, uint64_t>> pending() const;
  /// Facts of gaps that wait for a commit.
  const std::vector<Gap>& gaps() const;
  const std::vector<GapBound>& bounds() const;
  size_t commits_in_flight() const;
  /// Fenced, or a commit was refused for good: drop the lane and build a new one from the store's
  /// checkpoint.
  bool dropped() const;
  Status failure() const;  // why
  /// Still reading again what the checkpoint says was applied; until then nothing is committed.
  bool recovering() const;
  /// Window of the oldest / newest open (buffered) page; nullopt = nothing open.
  std::optional<Window> open_range() const;

  /// Pages with buffered events whose window intersects `range`, in order; of one slot or all.
  std::vector<PageKey> open_pages(Window range, std::optional<uint16_t> slot) const;
  /// Provisional content of one open page, joined of what is buffered (page order, visible);
  /// spilled parts are the reader's to add.
  EventBatch open_page(EventTime window, uint16_t slot) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hindcast
