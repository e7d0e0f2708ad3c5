#include "store/embedded_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include <filesystem>

#include "base/posix_files.h"
#include "base/sim_files.h"
#include "base/temp_folder_test_util.h"
#include "store/part_files.h"
#include "store/store_contract_test.h"
#include "store/store_facts_contract_test.h"

namespace hindcast {
namespace {

class EmbeddedWorld {
 public:
  EmbeddedWorld() { open(); }
  Store& store() { return *store_; }
  void reopen() {
    store_->close().value();
    store_.reset();
    open();
  }
  void kill() {
    store_.reset();
    open();
  }

 private:
  void open() {
    store_ =
        EmbeddedStore::open(files_, {.dir = folder_.path() + "/store", .cache = 8_MiB}).value();
  }
  TempFolder folder_;
  PosixFileSystem files_;
  std::unique_ptr<EmbeddedStore> store_;
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(Embedded, StoreContractTest, EmbeddedWorld);
INSTANTIATE_TYPED_TEST_SUITE_P(Embedded, StoreFactsContractTest, EmbeddedWorld);

namespace {

using testing::HasSubstr;

class EmbeddedStoreTest : public testing::Test {
 protected:
  EmbeddedStoreOptions options() {
    return {.dir = folder_.path() + "/store",
            .cache = 8_MiB,
            .part_file_bytes = ByteCount{1'000},
            .fatal = [this](const Error& e) { fatal_.push_back(e); }};
  }
  std::unique_ptr<EmbeddedStore> open(FileSystem& files) {
    return EmbeddedStore::open(files, options()).value();
  }
  std::string parts_folder() const { return folder_.path() + "/store/parts"; }

  TempFolder folder_;
  PosixFileSystem files_;
  std::vector<Error> fatal_;
};

PageAdd fold_of(PageAdd add) {
  add.folds_parts = true;
  return add;
}

TEST_F(EmbeddedStoreTest, ASecondOneIsToldWhoRuns) {
  auto store = open(files_);
  for (const bool read_only : {false, true}) {
    EmbeddedStoreOptions second = options();
    second.read_only = read_only;
    const auto refused = EmbeddedStore::open(files_, second);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(refused.error().message,
                HasSubstr("data directory is in use by a running hindcast (pid " +
                          std::to_string(::getpid()) + "); use --url"));
  }
}

TEST_F(EmbeddedStoreTest, ReadersShareAStoppedStoreAndChangeNothing) {
  {
    auto store = open(files_);
    commit(*store, {.id = 1,
                    .pages = {page_add(page_key(), 0, "part")},
                    .rows = {row_of(row_key("a"), 1, "s")}});
    store->close().value();
  }
  EmbeddedStoreOptions reading = options();
  reading.read_only = true;
  const auto one = EmbeddedStore::open(files_, reading).value();
  const auto two = EmbeddedStore::open(files_, reading).value();
  for (const auto& store : {one.get(), two.get()}) {
    EXPECT_EQ(snap(*store)->page(page_key(), Lane::kLive).value().parts,
              std::vector<Bytes>{"part"});
    EXPECT_EQ(rows_of(*snap(*store), all_rows()).size(), 1u);
    EXPECT_EQ(snap(*store)->last_change(), ChangeNumber{1});
    EXPECT_EQ(give(*store, {.id = 2}).get().error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(store->put_meta("a", "b").error().code, ErrorCode::kInvalidArgument);
  }
  const auto writer = EmbeddedStore::open(files_, options());
  ASSERT_FALSE(writer);
  EXPECT_THAT(writer.error().message, HasSubstr("in use by a hindcast command that reads it"));
}

TEST_F(EmbeddedStoreTest, AKilledStoreIsReadWithAllThatWasAnswered) {
  {
    auto store = open(files_);
    commit(*store, {.id = 1, .pages = {page_add(page_key(), 0, "part")}});
  }
  EmbeddedStoreOptions reading = options();
  reading.read_only = true;
  const auto store = EmbeddedStore::open(files_, reading).value();
  EXPECT_EQ(snap(*store)->page(page_key(), Lane::kLive).value().parts, std::vector<Bytes>{"part"});
}

TEST_F(EmbeddedStoreTest, NothingToReadIsSaidSo) {
  EmbeddedStoreOptions reading = options();
  reading.read_only = true;
  const auto refused = EmbeddedStore::open(files_, reading);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNotFound);
}

// ── part files
// ────────────────────────────────────────────────────────────────────────────────────

TEST_F(EmbeddedStoreTest, AFoldedPagesFilesAreRemovedWhenNoReaderIsLeft) {
  auto store = open(files_);
  commit(*store, {.id = 1, .pages = {page_add(page_key(), 0, Bytes(1'200, 'a'))}});
  commit(*store, {.id = 2, .pages = {page_add(page_key(), 1, Bytes(1'200, 'b'))}});
  auto reader = snap(*store);
  EXPECT_EQ(files_.list(parts_folder()).value().size(), 2u);
  commit(*store, {.id = 3, .pages = {fold_of(page_add(page_key(), 2, Bytes(1'200, 'c')))}});
  commit(*store, {.id = 4});
  // The reader's snapshot still names the parts that went.
  EXPECT_EQ(reader->page(page_key(), Lane::kLive).value().parts,
            (std::vector<Bytes>{Bytes(1'200, 'a'), Bytes(1'200, 'b')}));
  EXPECT_EQ(files_.list(parts_folder()).value().size(), 3u);
  reader.reset();
  commit(*store, {.id = 5});
  EXPECT_EQ(files_.list(parts_folder()).value().size(), 1u);
  EXPECT_EQ(snap(*store)->page(page_key(), Lane::kLive).value().parts,
            std::vector<Bytes>{Bytes(1'200, 'c')});
}

TEST_F(EmbeddedStoreTest, ALargeFileThatNobodyNeedsGoesThoughNoCommitComes) {
  auto store = open(files_);
  commit(*store, {.id = 1, .pages = {page_add(page_key(), 0, Bytes((3_MiB).value, 'a'))}});
  commit(*store, {.id = 2, .pages = {fold_of(page_add(page_key(), 1, "b"))}});
  while (files_.list(parts_folder()).value().size() > 1) std::this_thread::yield();
  EXPECT_EQ(snap(*store)->page(page_key(), Lane::kLive).value().parts, std::vector<Bytes>{"b"});
}

TEST_F(EmbeddedStoreTest, FilesLeftByACrashAreRemovedByTheNextOpen) {
  {
    std::shared_ptr<const Snapshot> reader;  // outlives the store, which may not remove the file
    auto store = open(files_);
    commit(*store, {.id = 1, .pages = {page_add(page_key(), 0, Bytes(1'200, 'a'))}});
    reader = snap(*store);
    commit(*store, {.id = 2, .pages = {fold_of(page_add(page_key(), 1, "b"))}});
  }
  files_.open(parts_folder() + "/parts-000099", OpenMode::kCreate)
      .value()
      ->write(0, "torn")
      .value();
  EXPECT_EQ(files_.list(parts_folder()).value().size(), 3u);
  auto store = open(files_);
  EXPECT_EQ(files_.list(parts_folder()).value().size(), 1u);
  EXPECT_EQ(snap(*store)->page(page_key(), Lane::kLive).value().parts, std::vector<Bytes>{"b"});
}

TEST_F(EmbeddedStoreTest, ATruncatedPartFileIsCorruptionAtItsPlaceAndOtherPagesAreRead) {
  auto store = open(files_);
  commit(*store, {.id = 1, .pages = {page_add(page_key(), 0, Bytes(1'200, 'a'))}});
  commit(*store, {.id = 2, .pages = {page_add(page_key(kTen + 1min), 0, Bytes(1'200, 'b'))}});
  files_.open(parts_folder() + "/parts-000001", OpenMode::kReadWrite)
      .value()
      ->truncate(500)
      .value();
  const auto s = snap(*store);
  const PageParts page = s->page(page_key(), Lane::kLive).value();
  ASSERT_EQ(page.damaged.size(), 1u);
  EXPECT_EQ(page.damaged[0].what,
            parts_folder() + "/parts-000001: the file ends in the part at byte 16");
  EXPECT_TRUE(s->page(page_key(kTen + 1min), Lane::kLive));
}

// The power fails at any operation on part files: what was answered is there, and what was not is
// absent or whole.
TEST_F(EmbeddedStoreTest, PowerLossAtAnyStepLeavesWholeCommits) {
  for (int step = 0; step < 40; ++step) {
    TempFolder folder;
    SimFileSystem disk(static_cast<uint64_t>(step) + 1);
    EmbeddedStoreOptions o = options();
    o.dir = folder.path() + "/store";
    size_t answered = 0;
    {
      auto store = EmbeddedStore::open(disk, o).value();
      int left = step;
      disk.set_hook([&left](SimOp, const std::string&) { return left-- > 0; });
      for (uint64_t i = 0; i < 8; ++i) {
        PageAdd add = page_add(page_key(), i, Bytes(700, static_cast<char>('a' + i)));
        add.folds_parts = i == 5;
        if (!give(*store, {.id = i + 1, .pages = {add}, .gaps = {gap_of(i + 1)}}).get()) break;
        answered = i + 1;
      }
    }
    disk.crash();
    auto store = EmbeddedStore::open(disk, o).value();
    const PageParts page = snap(*store)->page(page_key(), Lane::kLive).value();
    EXPECT_EQ(page.head.version, Version{answered}) << step;
    const size_t first = answered > 5 ? 5 : 0;
    ASSERT_EQ(page.parts.size(), answered - first) << step;
    for (size_t i = first; i < answered; ++i) {
      EXPECT_EQ(page.parts[i - first], Bytes(700, static_cast<char>('a' + i))) << step;
    }
    EXPECT_EQ(snap(*store)->coverage(kStream).value().gaps.size(), answered) << step;
    // It goes on from there.
    EXPECT_EQ(commit(*store, {.id = 99, .pages = {page_add(page_key(), answered, "next")}}).state,
              CommitState::kCommitted);
  }
}

TEST_F(EmbeddedStoreTest, AFailedSyncEndsTheStore) {
  SimFileSystem disk(1);
  auto store = open(disk);
  disk.fail_next_sync();
  const auto lost = give(*store, {.id = 1, .pages = {page_add(page_key(), 0, "x")}}).get();
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(fatal_.size(), 1u);
  EXPECT_EQ(give(*store, {.id = 2}).get().error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(store->health().stalled);
  EXPECT_FALSE(store->close());
}

// ── a full disk
// ───────────────────────────────────────────────────────────────────────────────────

TEST_F(EmbeddedStoreTest, AFullDiskHoldsCommitsUntilThereIsSpace) {
  SimFileSystem disk(1);
  EmbeddedStoreOptions o = options();
  o.retry_first = 1ms;
  o.retry_max = 2ms;
  auto store = EmbeddedStore::open(disk, o).value();
  disk.set_capacity(ByteCount{100});
  auto held = give(*store, {.id = 1, .pages = {page_add(page_key(), 0, Bytes(500, 'x'))}});
  auto behind = give(*store, {.id = 2, .pages = {page_add(page_key(), 1, "y")}});
  while (!store->health().stalled) std::this_thread::yield();
  EXPECT_GE(store->health().commits_waiting, 1u);
  EXPECT_EQ(snap(*store)->page(page_key(), Lane::kLive).value().head.version, Version{0});
  disk.set_capacity(1_MiB);
  EXPECT_EQ(held.get().value().state, CommitState::kCommitted);
  EXPECT_EQ(behind.get().value().state, CommitState::kCommitted);
  EXPECT_FALSE(store->health().stalled);
  EXPECT_EQ(snap(*store)->page(page_key(), Lane::kLive).value().parts,
            (std::vector<Bytes>{Bytes(500, 'x'), "y"}));
  EXPECT_TRUE(fatal_.empty());
}

TEST_F(EmbeddedStoreTest, ClosingAFullStoreRefusesWhatItHolds) {
  SimFileSystem disk(1);
  auto store = open(disk);
  disk.set_capacity(ByteCount{100});
  auto held = give(*store, {.id = 1, .pages = {page_add(page_key(), 0, Bytes(500, 'x'))}});
  while (!store->health().stalled) std::this_thread::yield();
  EXPECT_EQ(store->close().error().code, ErrorCode::kOverloaded);
  EXPECT_EQ(held.get().error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(fatal_.empty());
}

/// The real environment, whose disk is full for RocksDB's log while `full` is set.
class FullDisk final : public rocksdb::EnvWrapper {
 public:
  FullDisk() : EnvWrapper(rocksdb::Env::Default()) {}
  rocksdb::Status NewWritableFile(const std::string& name,
                                  std::unique_ptr<rocksdb::WritableFile>* file,
                                  const rocksdb::EnvOptions& options) override {
    const rocksdb::Status status = EnvWrapper::NewWritableFile(name, file, options);
    if (status.ok() && name.ends_with(".log")) file->reset(new LogFile(std::move(*file), *this));
    return status;
  }
  std::atomic<bool> full{false};  // by the test, read by the committer; no data goes with it
  std::atomic<int> refused{0};

 private:
  class LogFile final : public rocksdb::WritableFileWrapper {
   public:
    LogFile(std::unique_ptr<rocksdb::WritableFile> file, FullDisk& disk)
        : WritableFileWrapper(file.get()), file_(std::move(file)), disk_(disk) {}
    rocksdb::Status Append(const rocksdb::Slice& data) override {
      if (!disk_.full) return file_->Append(data);
      ++disk_.refused;
      return rocksdb::Status::NoSpace("simulated");
    }
    rocksdb::Status Append(const rocksdb::Slice& data,
                           const rocksdb::DataVerificationInfo&) override {
      return Append(data);
    }

   private:
    const std::unique_ptr<rocksdb::WritableFile> file_;
    FullDisk& disk_;
  };
};

TEST_F(EmbeddedStoreTest, AFullDiskUnderRocksDBHoldsCommitsToo) {
  FullDisk disk;
  EmbeddedStoreOptions o = options();
  o.env = &disk;
  o.retry_first = 1ms;
  o.retry_max = 2ms;
  auto store = EmbeddedStore::open(files_, o).value();
  commit(*store, {.id = 1,
                  .pages = {page_add(page_key(), 0, "a")},
                  .tallies = {{kSource, {.aggregated = 1}}}});
  disk.full = true;
  auto held = give(*store, {.id = 2,
                            .pages = {page_add(page_key(), 1, "b")},
                            .tallies = {{kSource, {.aggregated = 1}}}});
  while (disk.refused == 0 || !store->health().stalled) std::this_thread::yield();
  EXPECT_EQ(snap(*store)->page(page_key(), Lane::kLive).value().head.version, Version{1});
  disk.full = false;
  EXPECT_EQ(held.get().value().state, CommitState::kCommitted);
  commit(*store, {.id = 3,
                  .pages = {page_add(page_key(), 2, "c")},
                  .tallies = {{kSource, {.aggregated = 1}}}});
  EXPECT_TRUE(fatal_.empty());
  store.reset();  // killed
  store = EmbeddedStore::open(files_, options()).value();
  EXPECT_EQ(snap(*store)->page(page_key(), Lane::kLive).value().parts,
            (std::vector<Bytes>{"a", "b", "c"}));
  EXPECT_EQ(snap(*store)->tallies(kSource).value().aggregated, 3u);
}

// ── what is kept for a time
// ───────────────────────────────────────────────────────────────────────

TEST_F(EmbeddedStoreTest, OldChangesAreTrimmedByTheAgeOfNewerOnes) {
  EmbeddedStoreOptions o = options();
  o.keep_changes = 1h;
  auto store = EmbeddedStore::open(files_, o).value();
  const auto commit_at = [&](uint64_t id, Duration after) {
    commit(*store,
           {.id = id, .published_at = kSeen + after, .rows = {row_of(row_key("a"), id, "s")}});
  };
  commit_at(1, 0min);
  commit_at(2, 30min);
  commit_at(3, 59min);
  EXPECT_EQ(changes_after(*snap(*store), 0).size(), 3u);
  store->close().value();
  store.reset();
  store = EmbeddedStore::open(files_, o).value();
  commit_at(4, 61min);
  const std::vector<Change> left = changes_after(*snap(*store), 0);
  ASSERT_EQ(left.size(), 3u);
  EXPECT_EQ(left[0].number, ChangeNumber{2});
  commit_at(5, 5h);
  commit_at(6, 10h);  // trimming looks at what was there before its own group
  commit_at(7, 10h);
  EXPECT_EQ(changes_after(*snap(*store), 0).at(0).number, ChangeNumber{6});
  EXPECT_EQ(snap(*store)->last_change(), ChangeNumber{7});
}

TEST_F(EmbeddedStoreTest, LargeGroupsAreCutAndStillInOrder) {
  EmbeddedStoreOptions o = options();
  o.group_commits = 3;
  o.group_bytes = ByteCount{2'000};
  auto store = EmbeddedStore::open(files_, o).value();
  std::vector<std::future<Result<CommitResult>>> answers;
  for (uint64_t i = 0; i < 50; ++i) {
    answers.push_back(give(
        *store,
        {.id = i + 1, .pages = {fold_of(page_add(page_key(), i, Bytes(100 * (i % 30), 'x')))}}));
  }
  for (auto& answer : answers) EXPECT_EQ(answer.get().value().state, CommitState::kCommitted);
  EXPECT_EQ(snap(*store)->page(page_key(), Lane::kLive).value().head.version, Version{50});
}

TEST_F(EmbeddedStoreTest, ASnapshotOutlivesItsStore) {
  auto store = open(files_);
  commit(*store, {.id = 1,
                  .pages = {page_add(page_key(), 0, "part")},
                  .rows = {row_of(row_key("a"), 1, "s")}});
  const auto s = snap(*store);
  store->close().value();
  store.reset();
  EXPECT_EQ(s->page(page_key(), Lane::kLive).value().parts, std::vector<Bytes>{"part"});
  EXPECT_EQ(rows_of(*s, all_rows()).size(), 1u);
}

TEST_F(EmbeddedStoreTest, MemoryStaysWithinItsCache) {
  auto store = open(files_);
  for (uint64_t i = 0; i < 40; ++i) {
    Commit c{.id = i + 1};
    for (int k = 0; k < 5'000; ++k) {
      c.rows.push_back(row_of(row_key("key" + std::to_string(k), kTen + static_cast<int>(i) * 1min),
                              1, Bytes(60, 's')));
    }
    commit(*store, std::move(c));
  }
  EXPECT_LT(store->health().memory, 16_MiB);  // cache 8 MiB, and flushes under way
  EXPECT_GT(store->health().bytes_written, 20_MiB);
  EXPECT_EQ(rows_of(*snap(*store), all_rows()).size(), 200'000u);
}

}  // namespace
}  // namespace hindcast
