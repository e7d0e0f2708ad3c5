#include "store/embedded_db_internal.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <thread>

#include "base/temp_folder_test_util.h"
#include "model/row.h"
#include "store/embedded_codec.h"
#include "store/store_test_data.h"

namespace hindcast::embedded {
namespace {

// Without it the history of versions grows for ever; with a wrong bound an as-of answer is a guess.
TEST(EmbeddedDatabaseTest, CompactionsDropVersionsBeyondTheirTime) {
  TempFolder folder;
  const auto database =
      Database::open({.folder = folder.path(), .cache = 8_MiB, .keep_versions = 1h}).value();
  const auto put = [&](uint64_t version, ProcessingTime superseded_at) {
    Bytes key, row, value;
    put_version_key(key, row_key("a"), Version{version});
    encode_row_value(row_of(row_key("a"), version, "s"), row);
    put_version(value, superseded_at, row);
    ASSERT_TRUE(database->db().Put({}, database->table(kVersions), slice(key), slice(value)).ok());
  };
  const auto kept = [&] {
    std::vector<uint64_t> versions;
    const std::unique_ptr<rocksdb::Iterator> it(
        database->db().NewIterator({}, database->table(kVersions)));
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      Row row;
      decode_row_value(decode_version(view(it->value())).value().row_value, row).value();
      versions.push_back(row.version.value);
    }
    return versions;
  };
  const auto compact = [&] {
    rocksdb::CompactRangeOptions all;
    all.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    ASSERT_TRUE(
        database->db().CompactRange(all, database->table(kVersions), nullptr, nullptr).ok());
  };
  put(1, kSeen);
  put(2, kSeen + 30min);
  put(3, kSeen + 90min);
  compact();
  EXPECT_EQ(kept(), (std::vector<uint64_t>{3, 2, 1})) << "nothing was published since open";
  database->newest_published() = unix_ns(kSeen + 90min);
  compact();
  EXPECT_EQ(kept(), (std::vector<uint64_t>{3, 2}));
}

// Written out in pieces before it is synced, a long batch is as whole as a short one.
TEST(EmbeddedDatabaseTest, ALongBatchIsInTheLogOnceItWasSynced) {
  TempFolder folder;
  const std::string original = folder.path() + "/a", copy = folder.path() + "/b";
  const auto database = Database::open({.folder = original, .cache = 64_MiB}).value();
  rocksdb::WriteOptions synced;
  synced.sync = true;
  const std::string value(1'000, 'v');
  for (int batch = 0; batch < 3; ++batch) {
    rocksdb::WriteBatch rows;
    for (int i = 0; i < 1'000; ++i)
      ASSERT_TRUE(rows.Put(database->table(kRows), std::to_string(batch * 1'000 + i), value).ok());
    ASSERT_TRUE(database->db().Write(synced, &rows).ok());
  }
  std::filesystem::copy(original, copy, std::filesystem::copy_options::recursive);
  const auto after = Database::open({.folder = copy, .cache = 64_MiB}).value();
  for (int i = 0; i < 3'000; ++i)
    ASSERT_EQ(after->get({}, kRows, std::to_string(i)).value(), value) << i;
}

/// The real environment; notes what is cut off files that are on their way out.
class TrashWatch final : public rocksdb::EnvWrapper {
 public:
  TrashWatch() : EnvWrapper(rocksdb::Env::Default()) {}
  rocksdb::Status ReopenWritableFile(const std::string& name,
                                     std::unique_ptr<rocksdb::WritableFile>* file,
                                     const rocksdb::EnvOptions& options) override {
    if (name.ends_with(".trash")) ++pieces;
    return EnvWrapper::ReopenWritableFile(name, file, options);
  }
  std::atomic<int> pieces{0};  // counted by RocksDB's thread
};

// At once, a file of 64 MiB keeps a disk with discards from a sync of the log for 20 ms.
TEST(EmbeddedDatabaseTest, FilesThatCompactionsLetGoAreRemovedPieceByPiece) {
  TempFolder folder;
  TrashWatch env;
  const auto database =
      Database::open({.folder = folder.path(), .cache = 64_MiB, .env = &env}).value();
  std::mt19937 random(1);  // compresses badly
  for (int file = 0; file < 2; ++file) {
    for (int i = 0; i < 3'000; ++i) {
      std::string value(1'000, '\0');
      for (char& c : value) c = static_cast<char>(random());
      ASSERT_TRUE(database->db().Put({}, database->table(kRows), std::to_string(i), value).ok());
    }
    ASSERT_TRUE(database->db().Flush({}, database->table(kRows)).ok());
  }
  ASSERT_TRUE(database->db().CompactRange({}, database->table(kRows), nullptr, nullptr).ok());
  const auto on_their_way = [&] {
    size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
      count += entry.path().extension() == ".trash" ? 1 : 0;
    return count;
  };
  while (env.pieces < 4 || on_their_way() > 0) std::this_thread::yield();
}

TEST(EmbeddedDatabaseTest, StatusesBecomeErrorsThatSayWhatToDo) {
  EXPECT_EQ(to_error(rocksdb::Status::NoSpace(), "x").code, ErrorCode::kOverloaded);
  EXPECT_EQ(to_error(rocksdb::Status::Corruption("block checksum mismatch"), "rows"),
            corruption("rows: Corruption: block checksum mismatch"));
  EXPECT_EQ(to_error(rocksdb::Status::IOError("read"), "x").code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace hindcast::embedded
