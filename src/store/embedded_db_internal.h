// RocksDB as the embedded store uses it: five column families, tuned to be small, and its statuses
// as our errors. No exception and no RocksDB type leaves the store's .cc files.
//
// Thread safety: as RocksDB: reads and writes from any thread.
#pragma once
#include <rocksdb/cache.h>
#include <rocksdb/db.h>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/file_lock.h"
#include "base/result.h"
#include "base/time.h"
#include "base/units.h"
#include "store/part_files.h"

namespace hindcast::embedded {

enum Table : size_t { kHeads, kRows, kVersions, kFacts, kMeta, kTables };

/// kOverloaded: no space; kCorruption; else kUnavailable.
Error to_error(const rocksdb::Status& status, const std::string& what);

struct DatabaseOptions {
  std::string folder;
  ByteCount cache = 64_MiB;  // blocks and memtables together
  Duration keep_versions = 30 * 24h;
  bool read_only = false;
  ByteCount bulk_rate;          // of flushes and compactions, per second; 0 = as fast as it goes
  rocksdb::Env* env = nullptr;  // absent: the process's own
};

class Database {
 public:
  /// Errors: kNotFound (read-only and nothing there), kCorruption, kUnavailable.
  static Result<std::unique_ptr<Database>> open(const DatabaseOptions& options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  rocksdb::DB& db() const { return *db_; }
  rocksdb::ColumnFamilyHandle* table(Table t) const { return tables_[t]; }
  ByteCount memory() const;
  bool write_stopped() const;
  bool write_delayed() const;
  uint32_t l0_files() const;        // of the table that has most
  double compaction_share() const;  // of the bytes at which RocksDB delays writes
  /// Old versions whose successor was published this much before the newest row are dropped by
  /// compactions. Written by the committer, read by compactions; a bound on age needs no ordering.
  std::atomic<int64_t>& newest_published() { return *newest_published_; }
  Status close();

  /// nullopt when absent.
  Result<std::optional<Bytes>> get(const rocksdb::ReadOptions& options, Table t,
                                   BytesView key) const;

 private:
  Database() = default;
  std::shared_ptr<std::atomic<int64_t>> newest_published_;  // owned with the compaction filters
  std::shared_ptr<rocksdb::Cache> cache_;                   // owned with RocksDB's tables
  std::unique_ptr<rocksdb::Env> env_;
  std::array<rocksdb::ColumnFamilyHandle*, kTables> tables_{};
  std::unique_ptr<rocksdb::DB> db_;
};

/// What a store and its snapshots use together, so that a snapshot may outlive the store.
struct Shared {
  std::optional<FileLock> lock;
  std::unique_ptr<Database> database;
  std::unique_ptr<PartFiles> parts;

  std::mutex mutex;
  std::multiset<uint64_t> snapshots;  // sequence numbers of those alive
  /// True when no snapshot older than `sequence` is alive. False also when somebody is in there at
  /// the moment: it may be a replay thread that gets no CPU, and the committer can ask again later.
  bool certainly_unread_before(uint64_t sequence) {
    const std::unique_lock hold(mutex, std::try_to_lock);
    return hold && (snapshots.empty() || *snapshots.begin() >= sequence);
  }
};

inline rocksdb::Slice slice(BytesView bytes) { return {bytes.data(), bytes.size()}; }
inline BytesView view(const rocksdb::Slice& s) { return {s.data(), s.size()}; }

}  // namespace hindcast::embedded
