// The live log as a history ([source.history] kind = "log"): keeps the index of each stream that
// has one, makes the histories that read by it, and holds in the log what open gaps need. Without
// such a source it does nothing.
//
// Thread safety: what noter() gives, and complete_from(), from any thread, after begin();
// hold_open_gaps() on one thread, after begin(); the rest while the engine starts.
#pragma once
#include <functional>
#include <map>
#include <memory>

#include "engine/catalog.h"
#include "engine/replay_child.h"
#include "log/log.h"
#include "replay/gap_leases.h"
#include "replay/log_index.h"
#include "store/store.h"

namespace hindcast {

class KeptLog {
 public:
  /// All outlive it. Before anything is appended.
  KeptLog(const Config& config, const Catalog& catalog, Log& log, const Store& store);

  /// `highest`: the highest event of each partition that an earlier life has taken in.
  void begin(const std::map<PartitionId, EventTime>& highest);
  /// Ingest::Stamps::timed; null where nobody reads the log.
  std::function<void(PartitionId, Position last, EventTime earliest, EventTime latest)> noter();
  /// Adds those that are read from the log. They end before this does.
  void add_to(Histories& histories) const;
  /// The log has all events of the source from then on; nullopt: it has freed or lost none yet, or
  /// is not its history.
  std::optional<EventTime> complete_from(const SourceConfig& source) const;
  /// What open gaps need of the log is kept from now on, and what they need no more is not (law
  /// L9). Costs a look at the gaps of each stream; an earlier life's log is read for the first one.
  void hold_open_gaps();

 private:
  struct Kept {
    const StreamInfo& stream;
    LogIndex index;
    GapLeases leases;
    bool needs_unknown = false;  // told already
  };
  bool log_is_whole() const;
  /// Of gaps of events that had got here, so that the log may have them; or of all others.
  Result<std::vector<Hole>> holes(const StreamInfo& stream, bool went_through) const;
  Result<std::vector<GapLeases::Need>> needs_of_gaps(Kept& kept) const;
  Result<std::vector<Window>> never_taken(const StreamInfo& stream, const Window& range) const;

  const Config& config_;
  const Catalog& catalog_;
  Log& log_;
  const Store& store_;
  const Position newest_;  // when it was made
  std::map<StreamId, std::unique_ptr<Kept>> kept_;
  std::map<PartitionId, LogIndex*> index_of_;
};

}  // namespace hindcast
