// From a source's batch to the partition log: routes events to partitions, turns what a clock or a
// socket decided into control records in front of or behind them, and acknowledges after the fsync.
//
// All records of one batch are one append: after a crash the batch is there whole or not at all, so
// a resume token never skips anything.
//
// Thread safety: any thread; one mutex per source orders its facts against its events.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/runtime.h"
#include "engine/catalog.h"
#include "engine/ledger.h"
#include "log/log.h"
#include "source/source.h"

namespace hindcast {

class Ingest {
 public:
  Ingest(const Config& config, const Catalog& catalog, Log& log, Ledger& ledger);

  /// What recovery found: the source's highest event, and its last resume token.
  void restore(SourceId source, const SourceState& state);
  /// "" = none: begin at the beginning.
  Bytes resume_token(SourceId source) const;

  /// Appends a batch. `done` gets true once it is durable. Errors, at once and without calling
  /// `done`: kOverloaded (log at its bound; nothing was taken, offer the same batch again later).
  Status append(SourceId source, const SourceBatch& batch, MonoTime now, Done<bool> done);
  void heartbeat(SourceId source, EventTime to, Done<bool> done);
  /// Writes kIdle advances for sources that have been silent for their idle_after. Called about
  /// once a second.
  void check_idle(MonoTime now);

  enum class State : uint8_t { kWaiting, kConnected, kIdle, kDisconnected, kEnded };
  State state(SourceId source) const;
  std::optional<EventTime> max_event(SourceId source) const;

 private:
  struct Lane {  // one source
    const SourceConfig* config;
    const StreamInfo* stream;
    SourceId id;
    mutable std::mutex mutex;
    State state = State::kWaiting;
    bool announced = false;  // a kConnected record of this run is in the log
    EventTime max_event = kMinEventTime;
    MonoTime last_event{};
    Bytes resume;
    uint64_t resume_number = 0;
  };
  Lane& lane(SourceId source) const { return *lanes_.at(source); }
  void add_events(Lane& lane, const SourceBatch& batch, std::vector<LogAppend>& records) const;
  void add_advance(const Lane& lane, EventTime to, Advance::Why why,
                   std::vector<LogAppend>& records) const;
  void submit(Lane& lane, std::vector<LogAppend> records, Done<bool> done);

  Log& log_;
  Ledger& ledger_;
  std::map<SourceId, std::unique_ptr<Lane>> lanes_;
};

std::string_view to_string(Ingest::State state);

}  // namespace hindcast
