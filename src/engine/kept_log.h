// The live log as a history ([source.history] kind = "log"): keeps the index of each stream that
// has one, and makes the histories that read by it. Without such a source it does nothing.
//
// Thread safety: what noter() gives, and complete_from(), from any thread, after begin(); the rest
// while the engine starts.
#pragma once
#include <functional>
#include <map>
#include <memory>

#include "engine/catalog.h"
#include "engine/replay_child.h"
#include "log/log.h"
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

 private:
  bool log_is_whole() const;
  Result<std::vector<Window>> never_taken(const StreamInfo& stream, const Window& range) const;

  const Config& config_;
  const Catalog& catalog_;
  Log& log_;
  const Store& store_;
  const Position newest_;  // when it was made
  std::map<StreamId, std::unique_ptr<LogIndex>> indexes_;
  std::map<PartitionId, LogIndex*> index_of_;
};

}  // namespace hindcast
