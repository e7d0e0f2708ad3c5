// One group of commits on its way to the embedded store: decided one after the other, their parts
// placed, then everything put into one RocksDB batch.
//
//   decide()       which commits stand: expected page versions, epochs, the chain of checkpoints
//   place_parts()  live's parts of those that stand: written and synced; again after kOverloaded
//   build()        heads, rows, facts, accounts and changes, as one batch
//   durable()      what is known from now on, once that batch is
//
// Thread safety: confined to the committer. It alone writes, so what it reads stays true until
// then.
#pragma once
#include <rocksdb/write_batch.h>

#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "store/commit_rules.h"
#include "store/embedded_codec.h"
#include "store/embedded_db_internal.h"
#include "store/store.h"

namespace hindcast::embedded {

/// What the committer knows of the store without reading.
struct Known {
  struct Partition {
    Epoch epoch;
    EventTime frontier = kMinEventTime;
    CommitId last = 0;  // the last commit with a checkpoint, since open
  };
  Counters counters;
  std::map<PartitionId, Partition> partitions;  // those with a checkpoint
  std::map<PartitionId, Epoch> drains;
  std::map<SourceId, Tallies> tallies;
  ChangeNumber oldest_change;         // > counters.last_change: there is none
  ProcessingTime oldest_published{};  // of that change
  ProcessingTime newest_published = ProcessingTime::min();

  static Result<Known> load(const Database& database);
};

/// Named bytes of part files, as the store kept them.
Result<PartFiles::Accounts> load_accounts(const Database& database);

class CommitGroup {
 public:
  struct Member {
    const Commit* commit = nullptr;
    /// Of a replay: its parts are written already, here.
    const std::vector<PartRef>* places = nullptr;
  };
  /// What the members point at, and `shared`, outlive the group.
  CommitGroup(Shared& shared, const Known& known, Duration keep_changes,
              std::vector<Member> commits);

  Status decide();
  Status place_parts();
  Status build();
  rocksdb::WriteBatch& batch() { return batch_; }
  bool empty() const { return standing_ == 0; }
  Known& durable() { return known_; }
  /// What stands is durable: parts that it does not name never will be named.
  void settle_parts();
  /// One per commit, complete after build().
  std::vector<CommitResult>& results() { return results_; }
  ByteCount part_bytes() const { return part_bytes_; }

 private:
  struct Page {
    PageHead head;  // as stored, then as built
    // After the adds that stand so far:
    Version decided;
    bool lost = false;  // its head cannot be read
    bool built = false;
  };
  Result<Page*> page(const PageKey& key);
  Result<CommitResult> decide(const Commit& commit);
  Status build(const Commit& commit, std::span<const PartRef> places);
  Status put_rows(const Commit& commit);
  Status keep_old(const Row& row, BytesView old_value);
  Status put_marks(const Commit& commit);
  Result<std::optional<KnownGap>> stored_gap(GapId id) const;
  Result<NewFacts> put_coverage(const Commit& commit);
  void put_counts_and_job(const Commit& commit);
  void put_change(const Change& change);
  Status trim_changes();
  void put(Table table, BytesView key, BytesView value);
  void remove(Table table, BytesView key);

  Shared& shared_;
  Known known_;
  const Duration keep_changes_;
  const std::vector<Member> commits_;
  std::vector<CommitResult> results_;
  size_t standing_ = 0;
  std::map<PageKey, Page> pages_;
  std::vector<PartRef> places_;  // of the parts of all commits that stand, in order
  std::vector<PartRef> added_;   // those of them that the group wrote itself
  ByteCount part_bytes_;
  // Rows of earlier commits of the group by encoded key, where a later one may supersede them.
  bool rows_may_meet_ = false;
  std::unordered_map<Bytes, const Row*> rows_;
  KnownGaps gaps_;                   // those that the group asked for or inserts
  std::map<uint64_t, Bytes> marks_;  // places of marks that the group inserts, by id
  rocksdb::WriteBatch batch_;
  Bytes key_, value_;  // reused
};

}  // namespace hindcast::embedded
