#include "store/embedded_db_internal.h"

#include <gtest/gtest.h>

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

TEST(EmbeddedDatabaseTest, StatusesBecomeErrorsThatSayWhatToDo) {
  EXPECT_EQ(to_error(rocksdb::Status::NoSpace(), "x").code, ErrorCode::kOverloaded);
  EXPECT_EQ(to_error(rocksdb::Status::Corruption("block checksum mismatch"), "rows"),
            corruption("rows: Corruption: block checksum mismatch"));
  EXPECT_EQ(to_error(rocksdb::Status::IOError("read"), "x").code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace hindcast::embedded
