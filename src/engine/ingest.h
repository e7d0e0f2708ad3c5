// From a source's batch to the partition log: routes events to partitions, turns what a clock or a
// socket decided into control records in front of or behind them, and acknowledges after the fsync.
//
// All records of one batch are one append: after a crash the batch is there whole or not at all, so
// a resume token never skips anything.
//
// Gaps of lossy sources (engine/outages.h) are records of every partition of the stream: opened
// before the disconnect, bounded before the first events that came after it. A source that was
// silent disconnected itself; what comes of it afterwards counts as delivery once it is no longer
// thin.
//
// Thread safety: any thread; one mutex per stream orders the facts of its sources against their
// events. `done` runs on the log's thread.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/runtime.h"
#include "engine/catalog.h"
#include "engine/ledger.h"
#include "engine/outages.h"
#include "log/log.h"
#include "source/source.h"

namespace hindcast {

class Ingest {
 public:
  struct Stamps {  // called by appends: of gaps, and for those who measure
    std::function<Result<GapId>()> next_gap;
    std::function<ProcessingTime()> now;
    /// Events of a partition that append() got at `when` are durable up to `last`. On the log's
    /// thread, in order of positions. May be empty.
    std::function<void(PartitionId, Position last, MonoTime when)> durable = {};
    /// The same, with the times of the batch that they are of. May be empty.
    std::function<void(PartitionId, Position last, EventTime earliest, EventTime latest)> timed =
        {};
  };
  Ingest(const Config& config, const Catalog& catalog, Log& log, Ledger& ledger, Stamps stamps);

  /// What recovery found in one partition: whether the source delivers, its highest event, its last
  /// resume token. Its silence is counted from `now`.
  void restore(SourceId source, const SourceState& state, MonoTime now);
  /// What is known of a stream's gaps. Call after restore() of its sources.
  void restore(StreamId stream, const CoverageFacts& known);
  /// Nothing is known of the time since the former life ended: opens a gap in each stream with a
  /// lossy source that had delivered, unless one without a right edge is there already. Call before
  /// the first append, until it succeeds. Errors: kOverloaded, or of the ids.
  Status open_stops();
  /// "" = none: begin at the beginning.
  Bytes resume_token(SourceId source) const;

  /// Appends a batch. `done` gets true once it and all batches before it are durable. Errors, at
  /// once and without calling `done`; nothing was taken and nothing noted down: kOverloaded (log at
  /// its bound: offer the same batch again later), kInvalidArgument (too large for the log),
  /// and those of the ids of gaps.
  Status append(SourceId source, const SourceBatch& batch, MonoTime now, Done<bool> done);
  /// Errors: as append.
  Status heartbeat(SourceId source, EventTime to, Done<bool> done);
  /// Moves the watermark of some partitions. Errors: as append.
  Status advance(SourceId source, const std::vector<PartitionId>& partitions,
                 const Advance& advance, Done<bool> done);
  /// Writes kIdle advances for sources that have been silent for their idle_after. A source that we
  /// do not read, or whose batch we do not take, is blocked, not silent. Called about once a
  /// second.
  void check_idle(MonoTime now);

  enum class State : uint8_t { kWaiting, kConnected, kIdle, kDisconnected, kEnded };
  State state(SourceId source) const;
  /// Why it is disconnected; "" while it is not.
  std::string reason(SourceId source) const;
  std::optional<EventTime> max_event(SourceId source) const;

 private:
  struct Facts {  // of one source; a refused batch leaves them as they were
    State state = State::kWaiting;
    std::string reason;      // of the last disconnect
    bool announced = false;  // every partition knows that it delivers
    EventTime max_event = kMinEventTime;
    MonoTime last_event{};
    Bytes resume;
    uint64_t resume_number = 0;
  };
  struct Stream {
    const StreamInfo* info;
    mutable std::mutex mutex;  // guards `outages`, and the facts of its sources
    Outages outages;
  };
  struct Lane {  // one source
    const SourceConfig* config;
    const StreamInfo* stream;
    Stream* shared;  // with the other sources of the stream
    SourceId id;
    // Appends without an answer. Counted up under the mutex, down by the log's thread; only asked
    // whether it is 0.
    std::atomic<size_t> in_flight{0};
    Facts facts;  // guarded by the stream's mutex
  };
  Lane& lane(SourceId source) const { return *lanes_.at(source); }
  /// The batch as records, noted down in the lane's facts and the stream's outages.
  Result<std::vector<LogAppend>> take(Lane& lane, const SourceBatch& batch, MonoTime now);
  Status take_disconnect(Lane& lane, const SourceBatch& batch, std::vector<LogAppend>& records);
  static void add_bounds(const Lane& lane, const std::vector<GapBound>& bounds,
                         std::vector<LogAppend>& records);
  static void add_events(Lane& lane, const SourceBatch& batch, std::vector<LogAppend>& records);
  Status open_gap(Lane& lane, EventTime start, Gap::Cause cause, std::string detail,
                  std::vector<LogAppend>& records);
  struct Batch {  // where records of events come from
    MonoTime handed_in;
    EventTime earliest = kMaxEventTime, latest = kMinEventTime;  // no events: none is in between
  };
  Status submit(Lane& lane, std::vector<LogAppend> records, Done<bool> done,
                std::optional<Batch> batch = std::nullopt);
  void tell_durable(PartitionId partition, Position last, const Batch& batch) const;

  Log& log_;
  Ledger& ledger_;
  const Stamps stamps_;
  std::map<StreamId, std::unique_ptr<Stream>> streams_;
  std::map<SourceId, std::unique_ptr<Lane>> lanes_;
};

std::string_view to_string(Ingest::State state);

}  // namespace hindcast
