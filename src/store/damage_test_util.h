// Damages what an embedded store keeps in RocksDB, while it is closed.
#pragma once
#include <gtest/gtest.h>

#include <string>

#include "base/posix_files.h"
#include "store/embedded_codec.h"
#include "store/embedded_db_internal.h"
#include "store/store.h"

namespace hindcast {

/// Puts `value` where the page's head stands.
inline void overwrite_head(const std::string& store_folder, const PageKey& key, BytesView value) {
  const auto database = embedded::Database::open({.folder = store_folder + "/rocksdb"}).value();
  Bytes at;
  embedded::put_head_key(at, key);
  ASSERT_TRUE(
      database->db()
          .Put({}, database->table(embedded::kHeads), embedded::slice(at), embedded::slice(value))
          .ok());
  database->close().value();
}

/// Flips a byte in a table file of RocksDB that holds heads, as a decaying disk would. Every head
/// of that block is lost.
inline void flip_heads_block(const std::string& store_folder) {
  std::string path;
  {
    const auto database = embedded::Database::open({.folder = store_folder + "/rocksdb"}).value();
    ASSERT_TRUE(
        database->db().Flush(rocksdb::FlushOptions(), database->table(embedded::kHeads)).ok());
    std::vector<rocksdb::LiveFileMetaData> files;
    database->db().GetLiveFilesMetaData(&files);
    for (const auto& file : files) {
      if (file.column_family_name == "heads") path = file.db_path + file.name;
    }
    database->close().value();
  }
  ASSERT_FALSE(path.empty());
  PosixFileSystem files;
  const auto file = files.open(path, OpenMode::kReadWrite).value();
  Bytes byte = file->read(20, 1).value();
  byte[0] = static_cast<char>(byte[0] ^ 0x10);
  file->write(20, byte).value();
}

}  // namespace hindcast
