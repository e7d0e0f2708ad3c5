// A store whose disk decays: damage is told with its place, and never stops the committer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/temp_folder_test_util.h"
#include "store/commit_rules.h"
#include "store/damage_test_util.h"
#include "store/embedded_store.h"
#include "store/memory_store.h"
#include "store/store_test_data.h"

namespace hindcast {
namespace {

using testing::HasSubstr;

PageAdd fold_of(PageAdd add) {
  add.folds_parts = true;
  return add;
}
/// A page whose head cannot be read, begun anew.
PageAdd begun_anew(Bytes part, uint64_t above) {
  PageAdd add = fold_of(page_add(page_key(), 0, std::move(part)));
  add.head_lost = true;
  add.above = Version{above};
  return add;
}

class StoreDamageTest : public testing::Test {
 protected:
  std::string dir() const { return folder_.path() + "/store"; }
  void open() {
    store_ = EmbeddedStore::open(files_, {.dir = dir(),
                                          .cache = 8_MiB,
                                          .part_file_bytes = ByteCount{1'000},
                                          .fatal = [this](const Error& e) { fatal_.push_back(e); }})
                 .value();
  }
  void close() {
    store_->close().value();
    store_.reset();
  }
  PageParts page() { return snap(*store_)->page(page_key(), Lane::kLive).value(); }
  size_t part_files() { return files_.list(dir() + "/parts").value().size(); }

  TempFolder folder_;
  PosixFileSystem files_;
  std::unique_ptr<EmbeddedStore> store_;
  std::vector<Error> fatal_;
};

// A head that cannot be decoded used to end the process with the next commit to its page, and every
// restart after it.
TEST_F(StoreDamageTest, AMalformedHeadIsToldAndReplacedAndStopsNobody) {
  open();
  commit(*store_, {.id = 1, .pages = {page_add(page_key(), 0, "lost")}});
  close();
  for (const Bytes& value : {Bytes(), Bytes("\x01\x05 nonsense"), Bytes(1, '\x77')}) {
    overwrite_head(dir(), page_key(), value);
    open();
    EXPECT_THAT(page().head.damage, HasSubstr("table heads: malformed head"));
    EXPECT_EQ(page().head.key, page_key());
    EXPECT_FALSE(page().whole());
    const auto heads = heads_of(*snap(*store_), {kPartition, {kMinEventTime, kMaxEventTime}});
    ASSERT_EQ(heads.size(), 1u);
    EXPECT_NE(heads[0].damage, "");

    // Whoever knows only of the old page conflicts, reads it, and makes it anew.
    const CommitResult stale = commit(*store_, {.id = 2, .pages = {page_add(page_key(), 1, "x")}});
    EXPECT_EQ(stale.state, CommitState::kConflict);
    EXPECT_EQ(stale.conflicts, std::vector<PageKey>{page_key()});
    EXPECT_EQ(commit(*store_, {.id = 3, .pages = {begun_anew("new", 6)}}).state,
              CommitState::kCommitted);
    EXPECT_TRUE(page().whole());
    EXPECT_EQ(page().head.version, Version{7});
    EXPECT_EQ(page().parts, std::vector<Bytes>{"new"});
    // Two who both saw it lost: the second one is late.
    EXPECT_EQ(commit(*store_, {.id = 4, .pages = {begun_anew("newer", 6)}}).state,
              CommitState::kConflict);
    close();
  }
  EXPECT_TRUE(fatal_.empty());
}

TEST_F(StoreDamageTest, AddsOfOneGroupFollowEachOtherOnALostPage) {
  open();
  commit(*store_, {.id = 1, .pages = {page_add(page_key(), 0, "lost")}});
  close();
  overwrite_head(dir(), page_key(), "nonsense");
  open();
  auto first = give(*store_, {.id = 2, .pages = {begun_anew("new", 3)}});
  auto second = give(*store_, {.id = 3, .pages = {page_add(page_key(), 4, "added")}});
  EXPECT_EQ(first.get().value().state, CommitState::kCommitted);
  EXPECT_EQ(second.get().value().state, CommitState::kCommitted);
  EXPECT_EQ(page().head.version, Version{5});
  EXPECT_EQ(page().parts, (std::vector<Bytes>{"new", "added"}));
}

// A flipped byte in RocksDB's own file: its checksum finds it, and one block of heads cannot be
// read. (RocksDB ends writing once a compaction meets it: docs/decisions/damaged-pages.md.)
TEST_F(StoreDamageTest, ADamagedBlockOfHeadsIsToldPageByPage) {
  open();
  commit(*store_,
         {.id = 1, .pages = {page_add(page_key(), 0, "a"), page_add(page_key(kTen, 1), 0, "b")}});
  close();
  flip_heads_block(dir());
  open();
  EXPECT_THAT(page().head.damage, HasSubstr("heads"));
  const Status heads = snap(*store_)->heads({kPartition, {kMinEventTime, kMaxEventTime}},
                                            [](const PageHead&) { return true; });
  EXPECT_EQ(heads.error().code, ErrorCode::kCorruption);
  EXPECT_THAT(heads.error().message, HasSubstr(".sst"));
}

TEST_F(StoreDamageTest, ADamagedPartComesWithItsPlaceAndWithWhatIsLeft) {
  open();
  commit(*store_, {.id = 1, .pages = {page_add(page_key(), 0, Bytes(100, 'a'))}});
  commit(*store_, {.id = 2, .pages = {page_add(page_key(), 1, Bytes(100, 'b'))}});
  const std::string path = dir() + "/parts/parts-000001";
  const auto file = files_.open(path, OpenMode::kReadWrite).value();
  file->write(16 + 28 + 50, "x").value();
  const PageParts read = page();
  ASSERT_EQ(read.damaged.size(), 1u);
  EXPECT_EQ(read.damaged[0].part, 0u);
  EXPECT_EQ(read.damaged[0].what, path + ": the checksum does not match in the part at byte 16");
  EXPECT_EQ(read.parts,
            (std::vector<Bytes>{Bytes(50, 'a') + "x" + Bytes(49, 'a'), Bytes(100, 'b')}));
}

// What stands where a damaged part was is not known, so its bytes are not given back: the file must
// not go while another page's part may be in it.
TEST_F(StoreDamageTest, TheFileOfAPartThatCouldNotBeReadIsKept) {
  open();
  commit(*store_, {.id = 1, .pages = {page_add(page_key(), 0, Bytes(1'200, 'a'))}});
  PageAdd anew = fold_of(page_add(page_key(), 1, "b"));
  anew.unread_parts = {0};
  commit(*store_, {.id = 2, .pages = {anew}});
  commit(*store_, {.id = 3});
  EXPECT_EQ(part_files(), 2u);
  close();
  open();
  EXPECT_EQ(part_files(), 2u) << "for good";
}

TEST_F(StoreDamageTest, AnOldRowThatCannotBeReadIsReplacedAndOnlyItsHistoryIsLost) {
  open();
  commit(*store_, {.id = 1, .rows = {row_of(row_key("a"), 1, "state")}});
  close();
  {
    const auto database = embedded::Database::open({.folder = dir() + "/rocksdb"}).value();
    Bytes at;
    embedded::put_row_key(at, row_key("a"));
    ASSERT_TRUE(
        database->db().Put({}, database->table(embedded::kRows), embedded::slice(at), "\x99").ok());
    database->close().value();
  }
  open();
  EXPECT_EQ(snap(*store_)->row(row_key("a")).error().code, ErrorCode::kCorruption);
  EXPECT_EQ(commit(*store_, {.id = 2, .rows = {row_of(row_key("a"), 2, "new")}}).state,
            CommitState::kCommitted);
  EXPECT_EQ(snap(*store_)->row(row_key("a")).value()->state, "new");
  EXPECT_TRUE(snap(*store_)->versions(row_key("a")).value().empty());
  EXPECT_TRUE(fatal_.empty());
}

// The store of the tests above it decays the same way.
TEST(MemoryStoreDamageTest, AFlippedByteAndALostHeadAreToldAndReplaced) {
  MemoryStore store;
  commit(store, {.id = 1, .pages = {page_add(page_key(), 0, "part")}});
  store.flip(page_key(), 0, 2);
  PageParts read = snap(store)->page(page_key(), Lane::kLive).value();
  ASSERT_EQ(read.damaged.size(), 1u);
  EXPECT_EQ(read.damaged[0].what, "memory: part 0: byte 2");
  EXPECT_NE(read.parts[0], "part");
  PageAdd anew = fold_of(page_add(page_key(), 1, "anew"));
  anew.unread_parts = {0};
  commit(store, {.id = 2, .pages = {anew}});
  EXPECT_TRUE(snap(store)->page(page_key(), Lane::kLive).value().whole());

  store.lose_head(page_key());
  EXPECT_EQ(commit(store, {.id = 3, .pages = {page_add(page_key(), 2, "x")}}).state,
            CommitState::kConflict);
  EXPECT_EQ(commit(store, {.id = 4, .pages = {begun_anew("new", 9)}}).state,
            CommitState::kCommitted);
  read = snap(store)->page(page_key(), Lane::kLive).value();
  EXPECT_TRUE(read.whole());
  EXPECT_EQ(read.head.version, Version{10});
  EXPECT_EQ(read.parts, std::vector<Bytes>{"new"});
}

// Whoever prepared a commit against no page at all saw no lost head either.
TEST(CommitRulesTest, WhatFitsAPage) {
  const PageAdd first = page_add(page_key(), 0, "a"), next = page_add(page_key(), 3, "a");
  const PageAdd anew = begun_anew("a", 0);
  EXPECT_TRUE(fits(first, Version{0}, false));
  EXPECT_FALSE(fits(first, Version{1}, false));
  EXPECT_TRUE(fits(next, Version{3}, false));
  EXPECT_FALSE(fits(anew, Version{0}, false));
  EXPECT_TRUE(fits(anew, Version{0}, true));
  EXPECT_TRUE(fits(first, Version{0}, true));
  EXPECT_FALSE(fits(next, Version{3}, true));
}

}  // namespace
}  // namespace hindcast
