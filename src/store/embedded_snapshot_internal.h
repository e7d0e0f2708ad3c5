// Reads of the embedded store at one instant: a RocksDB snapshot, and part files that stay as long
// as it lives.
#pragma once
#include <rocksdb/snapshot.h>

#include <memory>

#include "store/embedded_db_internal.h"
#include "store/store.h"

namespace hindcast::embedded {

class EmbeddedSnapshot final : public Snapshot {
 public:
  static Result<std::shared_ptr<const Snapshot>> take(std::shared_ptr<Shared> shared);
  explicit EmbeddedSnapshot(std::shared_ptr<Shared> shared);  // for take()
  ~EmbeddedSnapshot() override;

  Status heads(const PageRange& range,
               const std::function<bool(const PageHead&)>& each) const override;
  Result<PageParts> page(const PageKey& key, Lane lane) const override;
  Result<PageHead> head(const PageKey& key, Lane lane) const override;
  Result<Bytes> part_bytes(const PageKey& key, const PartRef& part, uint64_t from,
                           uint64_t size) const override;
  Status rows(const RowQuery& query, const std::function<bool(const Row&)>& each) const override;
  Result<std::optional<Row>> row(const RowKey& key) const override;
  Result<std::vector<Row>> versions(const RowKey& key) const override;
  Status marks(PartitionId partition, const std::function<bool(const Mark&)>& each) const override;
  Result<bool> mark_pending(AggregateId aggregate, Duration resolution, EventTime bucket,
                            PartitionId partition, uint16_t slot) const override;
  Result<std::optional<Checkpoint>> checkpoint(PartitionId partition) const override;
  Result<std::optional<DrainCheckpoint>> drain_checkpoint(PartitionId partition) const override;
  Result<Tallies> tallies(SourceId source) const override;
  Status dead_letters(SourceId source, EventPosition after,
                      const std::function<bool(const DeadLetterFact&)>& each) const override;
  Status changes(ChangeNumber after, const std::function<bool(const Change&)>& each) const override;
  ChangeNumber last_change() const override { return last_change_; }
  // embedded_snapshot_facts_internal.cc:
  Result<CoverageFacts> coverage(StreamId stream) const override;
  Result<std::optional<Gap>> gap(GapId id) const override;
  Result<std::map<Bytes, SequenceState, std::less<>>> sequences(
      PartitionId partition) const override;
  Status jobs(const std::function<bool(const ReplayJob&)>& each) const override;
  Result<std::optional<ReplayJob>> job(JobId id) const override;

 private:
  rocksdb::ReadOptions read_options() const;
  /// Entries of `table` in [from, to), until `each` says false or fails.
  Status scan(Table table, BytesView from, BytesView to,
              const std::function<Result<bool>(BytesView key, BytesView value)>& each) const;

  const std::shared_ptr<Shared> shared_;  // owned with the store and its other snapshots
  const rocksdb::Snapshot* snapshot_;     // released by us
  ChangeNumber last_change_;
};

}  // namespace hindcast::embedded
