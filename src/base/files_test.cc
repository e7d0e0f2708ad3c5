// What every FileSystem does alike, then what the simulated one does to careless writers.
#include <gtest/gtest.h>

#include "base/posix_files.h"
#include "base/sim_files.h"
#include "base/temp_folder_test_util.h"

namespace hindcast {
namespace {

struct PosixWorld {
  TempFolder temp;
  PosixFileSystem fs;
  std::string root = temp.path();
};
struct SimWorld {
  SimFileSystem fs{1};
  std::string root = "/data";
  SimWorld() { EXPECT_TRUE(fs.make_folder(root)); }
};

template <class World>
class FileSystemTest : public testing::Test {
 protected:
  World world;
  FileSystem& fs = world.fs;
  std::string path(const std::string& name) const { return world.root + "/" + name; }
};
using Worlds = testing::Types<PosixWorld, SimWorld>;
TYPED_TEST_SUITE(FileSystemTest, Worlds);

TYPED_TEST(FileSystemTest, WhatIsWrittenIsRead) {
  auto file = this->fs.open(this->path("a"), OpenMode::kCreate).value();
  ASSERT_TRUE(file->write(0, "hello world"));
  ASSERT_TRUE(file->write(6, "there"));
  ASSERT_TRUE(file->sync());
  EXPECT_EQ(file->read(0, 100).value(), "hello there");
  EXPECT_EQ(file->read(6, 3).value(), "the");
  EXPECT_EQ(file->read(50, 3).value(), "");
  EXPECT_EQ(file->size().value(), 11U);
}

TYPED_TEST(FileSystemTest, AWriteBeyondTheEndFillsWithZeros) {
  auto file = this->fs.open(this->path("a"), OpenMode::kCreate).value();
  ASSERT_TRUE(file->write(3, "x"));
  EXPECT_EQ(file->read(0, 10).value(), Bytes("\0\0\0x", 4));
}

TYPED_TEST(FileSystemTest, TruncateCutsAndGrowsWithZeros) {
  auto file = this->fs.open(this->path("a"), OpenMode::kCreate).value();
  ASSERT_TRUE(file->write(0, "abcdef"));
  ASSERT_TRUE(file->truncate(2));
  ASSERT_TRUE(file->truncate(4));
  EXPECT_EQ(file->read(0, 10).value(), Bytes("ab\0\0", 4));
}

TYPED_TEST(FileSystemTest, ALargeFileGoesPieceByPiece) {
  auto file = this->fs.open(this->path("a"), OpenMode::kCreate).value();
  ASSERT_TRUE(file->write(0, Bytes((2_MiB).value + 1, 'x')));
  EXPECT_FALSE(remove_piece(this->fs, this->path("a")).value());
  EXPECT_EQ(file->size().value(), (1_MiB).value + 1);
  EXPECT_FALSE(remove_piece(this->fs, this->path("a")).value());
  EXPECT_EQ(file->size().value(), 1U);
  EXPECT_TRUE(remove_piece(this->fs, this->path("a")).value());
  EXPECT_FALSE(this->fs.exists(this->path("a")));
  EXPECT_EQ(remove_piece(this->fs, this->path("a")).error().code, ErrorCode::kNotFound);
}

TYPED_TEST(FileSystemTest, MissingFilesAreNotFound) {
  EXPECT_EQ(this->fs.open(this->path("a"), OpenMode::kRead).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(this->fs.open(this->path("a"), OpenMode::kReadWrite).error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(this->fs.open(this->path("no/a"), OpenMode::kCreate).error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(this->fs.remove(this->path("a")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(this->fs.rename(this->path("a"), this->path("b")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(this->fs.list(this->path("no")).error().code, ErrorCode::kNotFound);
}

TYPED_TEST(FileSystemTest, FoldersListTheirNamesSorted) {
  ASSERT_TRUE(this->fs.make_folder(this->path("x/y")));
  for (const char* name : {"x/b", "x/a"}) {
    ASSERT_TRUE(this->fs.open(this->path(name), OpenMode::kCreate));
  }
  EXPECT_EQ(this->fs.list(this->path("x")).value(), (std::vector<std::string>{"a", "b", "y"}));
  ASSERT_TRUE(this->fs.rename(this->path("x/a"), this->path("x/b")));
  ASSERT_TRUE(this->fs.sync_folder(this->path("x")));
  EXPECT_EQ(this->fs.list(this->path("x")).value(), (std::vector<std::string>{"b", "y"}));
  EXPECT_FALSE(this->fs.exists(this->path("x/a")));
  EXPECT_TRUE(this->fs.exists(this->path("x/b")));
}

TYPED_TEST(FileSystemTest, ThereIsFreeSpace) {
  EXPECT_GT(this->fs.free_space(this->path("")).value().value, 0U);
}

// ── the simulated one ───────────────────────────────────────────────────────────────────────────

constexpr size_t kSector = SimFileSystem::kSector;

std::unique_ptr<File> make(SimFileSystem& fs, const std::string& path, BytesView content) {
  EXPECT_TRUE(fs.make_folder("/d"));
  auto file = fs.open(path, OpenMode::kCreate).value();
  EXPECT_TRUE(file->write(0, content));
  EXPECT_TRUE(file->sync());
  EXPECT_TRUE(fs.sync_folder("/d"));
  return file;
}
Bytes content_of(SimFileSystem& fs, const std::string& path) {
  return fs.open(path, OpenMode::kRead).value()->read(0, 1 << 20).value();
}

TEST(SimFilesTest, SyncedWritesSurviveACrash) {
  SimFileSystem fs(1);
  make(fs, "/d/a", "kept");
  fs.crash();
  EXPECT_EQ(content_of(fs, "/d/a"), "kept");
}

TEST(SimFilesTest, EachUnsyncedSectorIsKeptOrLostByItself) {
  int kept = 0, lost = 0, torn = 0;
  for (uint64_t seed = 0; seed < 64; ++seed) {
    SimFileSystem fs(seed);
    auto file = make(fs, "/d/a", Bytes(2 * kSector, 'o'));
    ASSERT_TRUE(file->write(0, Bytes(2 * kSector, 'n')));
    fs.crash();
    const Bytes after = content_of(fs, "/d/a");
    ASSERT_EQ(after.size(), 2 * kSector);
    for (const size_t half : {size_t{0}, kSector}) {
      const Bytes sector = after.substr(half, kSector);
      ASSERT_TRUE(sector == Bytes(kSector, 'o') || sector == Bytes(kSector, 'n'));
    }
    if (after[0] == after[kSector]) {
      ++(after[0] == 'n' ? kept : lost);
    } else {
      ++torn;
    }
  }
  EXPECT_GT(kept, 0);
  EXPECT_GT(lost, 0);
  EXPECT_GT(torn, 0);
}

TEST(SimFilesTest, AnUnsyncedNameMayBeLostAlthoughItsContentWasSynced) {
  int lost = 0;
  for (uint64_t seed = 0; seed < 32; ++seed) {
    SimFileSystem fs(seed);
    ASSERT_TRUE(fs.make_folder("/d"));
    auto file = fs.open("/d/a", OpenMode::kCreate).value();
    ASSERT_TRUE(file->write(0, "x"));
    ASSERT_TRUE(file->sync());
    fs.crash();
    lost += !fs.exists("/d/a");
  }
  EXPECT_GT(lost, 0);
  EXPECT_LT(lost, 32);
}

TEST(SimFilesTest, AnUnsyncedRenameIsWhollyThereOrWhollyNot) {
  for (uint64_t seed = 0; seed < 32; ++seed) {
    SimFileSystem fs(seed);
    make(fs, "/d/a", "x");
    ASSERT_TRUE(fs.rename("/d/a", "/d/b"));
    fs.crash();
    EXPECT_NE(fs.exists("/d/a"), fs.exists("/d/b"));
  }
}

// A program that retries a failed sync and then trusts it loses data on Linux; it must do so here.
TEST(SimFilesTest, ASyncAfterAFailedSyncDoesNotBringTheWritesBack) {
  int lost = 0;
  for (uint64_t seed = 0; seed < 32; ++seed) {
    SimFileSystem fs(seed);
    auto file = make(fs, "/d/a", "o");
    ASSERT_TRUE(file->write(0, "n"));
    fs.fail_next_sync();
    ASSERT_EQ(file->sync().error().code, ErrorCode::kUnavailable);
    ASSERT_TRUE(file->sync());
    fs.crash();
    lost += content_of(fs, "/d/a") == "o";
  }
  EXPECT_GT(lost, 0);
}

TEST(SimFilesTest, AFullDiskRefusesTheWholeWrite) {
  SimFileSystem fs(1);
  auto file = make(fs, "/d/a", "1234");
  fs.set_capacity(ByteCount{6});
  EXPECT_EQ(file->write(4, "567").error().code, ErrorCode::kOverloaded);
  EXPECT_EQ(file->size().value(), 4U);
  EXPECT_TRUE(file->write(4, "56"));
  EXPECT_EQ(fs.free_space("/d").value().value, 0U);
}

TEST(SimFilesTest, PowerCutByTheHookStopsEverythingUntilTheCrash) {
  SimFileSystem fs(1);
  auto file = make(fs, "/d/a", "x");
  std::vector<SimOp> seen;
  fs.set_hook([&](SimOp op, const std::string&) {
    seen.push_back(op);
    return op != SimOp::kSync;
  });
  EXPECT_TRUE(file->write(0, "y"));
  EXPECT_EQ(file->sync().error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(file->write(0, "z").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(seen, (std::vector<SimOp>{SimOp::kWrite, SimOp::kSync}));
  fs.crash();
  EXPECT_EQ(file->read(0, 1).error().code, ErrorCode::kUnavailable) << "opened before the crash";
  EXPECT_NE(content_of(fs, "/d/a"), "z");
}

TEST(SimFilesTest, AFlippedByteIsSeenAtOnceAndAfterACrash) {
  SimFileSystem fs(1);
  auto file = make(fs, "/d/a", "abc");
  ASSERT_TRUE(fs.flip("/d/a", 1, 1));
  EXPECT_EQ(file->read(0, 3).value(), "acc");
  fs.crash();
  EXPECT_EQ(content_of(fs, "/d/a"), "acc");
}

}  // namespace
}  // namespace hindcast
