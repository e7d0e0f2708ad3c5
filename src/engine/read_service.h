// The reading half of a Service: everything that needs only the store, the catalog and (from lanes,
// where there are any) the open pages. By itself it serves a stopped data directory.
#pragma once
#include <memory>
#include <mutex>
#include <stop_token>

#include "base/files.h"
#include "engine/catalog.h"
#include "engine/reader.h"
#include "engine/service.h"
#include "engine/verify_run.h"
#include "store/store.h"

namespace hindcast {

class ReadService : public Service {
 public:
  const Config& config() const final { return config_; }
  std::vector<AggregateInfo> aggregates() const final { return reader_.aggregates(); }
  std::vector<StreamSummary> streams() const final;
  Result<std::vector<std::string>> keys(const std::string& aggregate, const std::string& after,
                                        uint64_t limit) final;
  Result<BucketAnswer> buckets(const BucketQuery& query) final { return reader_.buckets(query); }
  Result<EventAnswer> events(const EventQuery& query) final { return reader_.events(query); }
  Result<std::vector<DeadLetterEntry>> dead_letters(const DeadLetterQuery& query) final;
  Result<std::vector<Change>> changes(ChangeNumber after, uint64_t limit) final;
  Result<VerifyReport> verify(const VerifyQuery& query) final;
  Result<std::vector<GapEntry>> gaps(const GapQuery& query) final;
  Result<CoverageAnswer> coverage(const std::string& source, std::optional<EventTime> from,
                                  std::optional<EventTime> to) final;
  /// As stored; an engine adds what is in flight.
  Result<std::vector<ReplayEntry>> replays() override;
  Result<ReplayEntry> replay(JobId id) override;
  void interrupt() final { stop_.request_stop(); }

 protected:
  ReadService(Config config, std::unique_ptr<Store> store, Catalog catalog, OpenPagesFn open_pages);
  /// Status of sources and partitions as the store has them; the engine adds what is in flight.
  Result<SystemStatus> stored_status() const;
  /// What a verification may use. Here: what needs only the store.
  virtual VerifyTools verify_tools();
  virtual ProcessingTime wall_now() const = 0;
  /// How far back the history of a source reaches at `now`: every forecast of what can still be
  /// read again follows from it. nullopt: it forgets nothing, or there is none. Any thread.
  virtual std::optional<EventTime> reach_of(const SourceConfig& source, ProcessingTime now) const {
    return replayable_from(source, now);
  }
  /// The history of a source, which lives as long as the service. Errors: kUnavailable.
  virtual Result<History*> history_of(const SourceConfig& source) = 0;

  const Config config_;
  const std::unique_ptr<Store> store_;
  const Catalog catalog_;

 private:
  std::optional<Horizon> horizon_of(const GapEntry& entry, ProcessingTime now) const;
  ReplayEntry entry_of(const ReplayJob& job) const;

  Reader reader_;
  std::stop_source stop_;
  std::mutex verifying_;  // held by the one verification that may run
};

/// A stopped data directory, for `--data-dir` commands. What is in the log but not sealed is not
/// shown. Errors: kUnavailable when a daemon uses the directory; kNotFound when there is no store
/// in it.
Result<std::unique_ptr<Service>> open_stopped(Config config, FileSystem& files);

}  // namespace hindcast
