#include "store/embedded_db_internal.h"

#include <rocksdb/compaction_filter.h>
#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>
#include <charconv>

#include "base/assert.h"
#include "base/give_way.h"
#include "base/log.h"
#include "store/embedded_codec.h"
#include "store/rocksdb_disk_internal.h"

namespace hindcast::embedded {
namespace {

constexpr uint64_t kCompactionBytesMax = uint64_t{64} << 30;  // waiting: writes are delayed then
constexpr std::array<const char*, kTables> kNames = {"heads", "rows", "versions", "facts", "meta"};

/// Drops old versions beyond `keep`. Time is what rows say, not a clock: nothing is dropped while
/// nothing new comes.
class KeepVersions final : public rocksdb::CompactionFilter {
 public:
  KeepVersions(int64_t drop_before) : drop_before_(drop_before) {}
  const char* Name() const override { return "hindcast.keep-versions"; }
  bool Filter(int, const rocksdb::Slice&, const rocksdb::Slice& value, std::string*,
              bool*) const override {
    const auto old = decode_version(view(value));
    return old && unix_ns(old->superseded_at) < drop_before_;
  }

 private:
  const int64_t drop_before_;
};

/// For tables without a filter of their own: sees every key that a flush or a compaction writes,
/// keeps it, and lets others go first: these threads work for a millisecond between two waits for
/// the disk (base/give_way.h).
class GivesWay final : public rocksdb::CompactionFilter {
 public:
  const char* Name() const override { return "hindcast.gives-way"; }
  bool Filter(int, const rocksdb::Slice&, const rocksdb::Slice&, std::string*,
              bool*) const override {
    give_way(kRowsOfKey);
    return false;
  }

 private:
  static constexpr size_t kRowsOfKey = 16;
};

class GivesWayFactory final : public rocksdb::CompactionFilterFactory {
 public:
  const char* Name() const override { return "hindcast.gives-way"; }
  bool ShouldFilterTableFileCreation(rocksdb::TableFileCreationReason reason) const override {
    return reason == rocksdb::TableFileCreationReason::kFlush ||
           reason == rocksdb::TableFileCreationReason::kCompaction;
  }
  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context&) override {
    always_give_way();
    return std::make_unique<GivesWay>();
  }
};

class KeepVersionsFactory final : public rocksdb::CompactionFilterFactory {
 public:
  KeepVersionsFactory(Duration keep, std::shared_ptr<std::atomic<int64_t>> newest)
      : keep_(keep), newest_(std::move(newest)) {}
  const char* Name() const override { return "hindcast.keep-versions"; }
  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context&) override {
    const int64_t newest = newest_->load(std::memory_order_relaxed);
    if (newest < INT64_MIN + keep_.count()) return nullptr;
    return std::make_unique<KeepVersions>(newest - keep_.count());
  }

 private:
  const Duration keep_;
  const std::shared_ptr<std::atomic<int64_t>> newest_;  // owned with the database
};

rocksdb::DBOptions db_options(const DatabaseOptions& options, rocksdb::Env& env,
                              const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::DBOptions db;
  db.env = &env;
  db.create_if_missing = !options.read_only;
  db.create_missing_column_families = !options.read_only;
  // One flush and one compaction at a time, and never in the way of live: a compaction can wait for
  // an idle CPU. A flush may not starve, since writes stop without it, so it is only nice.
  db.max_background_jobs = 2;
  env.LowerThreadPoolCPUPriority(rocksdb::Env::Priority::BOTTOM, rocksdb::CpuPriority::kIdle)
      .PermitUncheckedError();
  env.LowerThreadPoolCPUPriority(rocksdb::Env::Priority::LOW, rocksdb::CpuPriority::kIdle)
      .PermitUncheckedError();
  env.LowerThreadPoolCPUPriority(rocksdb::Env::Priority::HIGH, rocksdb::CpuPriority::kLow)
      .PermitUncheckedError();
  db.use_direct_io_for_flush_and_compaction =
      !options.read_only && direct_io_works(env, options.folder);
  // What compactions read goes through the cache, in pieces of our size: told that it is read in
  // order, the kernel reads ahead as far as the device allows, 8 MiB on some, and a sync of the log
  // waits behind that.
  db.access_hint_on_compaction_start = rocksdb::DBOptions::AccessHint::NONE;
  db.compaction_readahead_size = kDiskPiece.value;
  if (options.bulk_rate != ByteCount{}) db.rate_limiter = bulk_limiter(options.bulk_rate);
  if (!options.read_only) db.sst_file_manager = deletions_in_pieces(env);
  db.bytes_per_sync = 1 << 20;
  // The committer is the only writer of rows; without concurrent inserts each one begins where the
  // last one ended, and a slice's rows are sorted.
  db.allow_concurrent_memtable_write = false;
  db.write_buffer_manager =
      std::make_shared<rocksdb::WriteBufferManager>(options.cache.value / 2, cache);
  // Bounds the WAL that a start reads again, and so the restart.
  db.max_total_wal_size = options.cache.value;
  db.track_and_verify_wals_in_manifest = true;
  db.max_open_files = 512;
  db.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  db.max_log_file_size = 4 << 20;
  db.keep_log_file_num = 3;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  db.skip_stats_update_on_db_open = true;
  db.dump_malloc_stats = false;
  return db;
}

rocksdb::ColumnFamilyOptions table_options(Table table, const DatabaseOptions& options,
                                           const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions cf;
  const bool bulk = table == kRows || table == kVersions;
  cf.write_buffer_size = options.cache.value / (bulk ? 4 : 16);
  cf.max_write_buffer_number = 4;
  cf.compression = rocksdb::kLZ4Compression;
  cf.level_compaction_dynamic_level_bytes = true;
  cf.max_bytes_for_level_base = 8 * cf.write_buffer_size;
  cf.target_file_size_base = 2 * cf.write_buffer_size;
  // Rows come in time order, so files of level 0 hardly overlap and cost readers little; a late
  // compaction (they run at idle priority) must not stop the sealing of pages.
  cf.level0_slowdown_writes_trigger = 32;
  cf.level0_stop_writes_trigger = 64;
  cf.soft_pending_compaction_bytes_limit = kCompactionBytesMax;
  if (table == kRows) {
    // Spares most looks for the old version of a row that is not in memory any more.
    cf.memtable_whole_key_filtering = true;
    cf.memtable_prefix_bloom_size_ratio = 0.02;
  }
  cf.compaction_filter_factory = std::make_shared<GivesWayFactory>();
  rocksdb::BlockBasedTableOptions blocks;
  blocks.block_cache = cache;
  blocks.block_size = bulk ? 16 << 10 : 4 << 10;
  blocks.format_version = 5;
  blocks.cache_index_and_filter_blocks = true;
  blocks.cache_index_and_filter_blocks_with_high_priority = true;
  blocks.pin_l0_filter_and_index_blocks_in_cache = true;
  if (table == kRows || table == kHeads)
    blocks.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  cf.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
  return cf;
}

}  // namespace

Error to_error(const rocksdb::Status& status, const std::string& what) {
  const std::string message = what + ": " + status.ToString();
  if (status.IsCorruption()) return corruption(message);
  if (status.IsNoSpace()) return overloaded(message);
  return unavailable(message);
}

Result<std::unique_ptr<Database>> Database::open(const DatabaseOptions& options) {
  std::unique_ptr<Database> out(new Database);
  out->env_ = env_with_paced_log(options.env != nullptr ? *options.env : *rocksdb::Env::Default());
  rocksdb::Env& env = *out->env_;
  out->newest_published_ = std::make_shared<std::atomic<int64_t>>(INT64_MIN);
  out->cache_ = rocksdb::NewLRUCache(options.cache.value, /*num_shard_bits=*/2);

  const rocksdb::DBOptions db = db_options(options, env, out->cache_);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (size_t t = 0; t < kTables; ++t) {
    descriptors.emplace_back(kNames[t], table_options(static_cast<Table>(t), options, out->cache_));
  }
  auto& versions = descriptors[kVersions].options;
  versions.compaction_filter_factory =
      std::make_shared<KeepVersionsFactory>(options.keep_versions, out->newest_published_);
  versions.periodic_compaction_seconds = 24 * 3600;
  // RocksDB insists on a column family of this name; it stays empty.
  descriptors.emplace_back(rocksdb::kDefaultColumnFamilyName, rocksdb::ColumnFamilyOptions());

  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* raw = nullptr;
  const rocksdb::Status status =
      options.read_only
          ? rocksdb::DB::OpenForReadOnly(db, options.folder, descriptors, &handles, &raw)
          : rocksdb::DB::Open(db, options.folder, descriptors, &handles, &raw);
  if (!status.ok()) {
    if (options.read_only && !env.FileExists(options.folder + "/CURRENT").ok()) {
      return not_found(options.folder + ": no store here");
    }
    return to_error(status, options.folder);
  }
  out->db_.reset(raw);
  std::copy_n(handles.begin(), static_cast<size_t>(kTables), out->tables_.begin());
  raw->DestroyColumnFamilyHandle(handles.back()).PermitUncheckedError();
  return out;
}

Database::~Database() { (void)close().has_value(); }

Status Database::close() {
  if (!db_) return {};
  for (rocksdb::ColumnFamilyHandle* handle : tables_)
    db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  const rocksdb::Status status = db_->Close();
  db_.reset();
  if (!status.ok()) return to_error(status, "close");
  return {};
}

ByteCount Database::memory() const {
  return ByteCount{cache_->GetUsage()};  // memtables are charged to it
}

bool Database::write_stopped() const {
  uint64_t value = 0;
  return db_->GetIntProperty(rocksdb::DB::Properties::kIsWriteStopped, &value) && value != 0;
}

bool Database::write_delayed() const {
  uint64_t value = 0;
  return db_->GetIntProperty(rocksdb::DB::Properties::kActualDelayedWriteRate, &value) &&
         value != 0;
}

uint32_t Database::l0_files() const {
  uint32_t most = 0;
  for (rocksdb::ColumnFamilyHandle* table : tables_) {
    std::string text;
    uint32_t files = 0;
    if (db_->GetProperty(table, rocksdb::DB::Properties::kNumFilesAtLevelPrefix + "0", &text))
      std::from_chars(text.data(), text.data() + text.size(), files);
    most = std::max(most, files);
  }
  return most;
}

double Database::compaction_share() const {
  double most = 0;
  for (rocksdb::ColumnFamilyHandle* table : tables_) {
    uint64_t bytes = 0;
    if (!db_->GetIntProperty(table, rocksdb::DB::Properties::kEstimatePendingCompactionBytes,
                             &bytes)) {
      continue;
    }
    most = std::max(most, static_cast<double>(bytes) / kCompactionBytesMax);
  }
  return most;
}

Result<std::optional<Bytes>> Database::get(const rocksdb::ReadOptions& options, Table t,
                                           BytesView key) const {
  std::string value;
  const rocksdb::Status status = db_->Get(options, table(t), slice(key), &value);
  if (status.IsNotFound()) return std::optional<Bytes>();
  if (!status.ok()) return to_error(status, kNames[t]);
  return std::optional<Bytes>(std::move(value));
}

}  // namespace hindcast::embedded
