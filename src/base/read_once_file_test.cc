// OpenMode::kReadOnce on real file systems: whatever the size of the file and of the reads, the
// bytes are those of a plain read.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/posix_files.h"
#include "base/rng.h"
#include "base/temp_folder_test_util.h"

namespace hindcast {
namespace {

using testing::HasSubstr;

Bytes random_bytes(size_t size) {
  Rng rng(size + 1);
  Bytes out(size, '\0');
  for (char& c : out) c = static_cast<char>(rng.next());
  return out;
}

/// On tmpfs, which has no O_DIRECT; empty where the host has none.
class MemoryFolder {
 public:
  MemoryFolder() {
    std::string pattern = "/dev/shm/hindcast-XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~MemoryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void write(const std::string& path, BytesView content) {
  PosixFileSystem files;
  (void)files.open(path, OpenMode::kCreate).value()->write(0, content);
}

void reads_like_a_plain_file(const std::string& folder) {
  PosixFileSystem files;
  const std::string path = folder + "/f";
  for (const size_t size : {0, 1, 4095, 4096, 4097, 65535, 65536, 65537, 300'001}) {
    const Bytes content = random_bytes(size);
    (void)files.remove(path);
    write(path, content);
    const auto file = files.open(path, OpenMode::kReadOnce).value();
    EXPECT_EQ(file->size().value(), size);
    EXPECT_EQ(file->read(0, size + 100).value(), content) << size;
    for (const size_t step : {1'000, 4'096, 70'000}) {  // front to back
      Bytes all;
      for (;;) {
        const Bytes piece = file->read(all.size(), step).value();
        if (piece.empty()) break;
        all += piece;
      }
      EXPECT_EQ(all, content) << size << " in steps of " << step;
    }
    Rng rng(7);
    for (int i = 0; i < 50; ++i) {  // here and there, also beyond the end
      const size_t at = rng.below(size + 10), n = rng.below(90'000);
      EXPECT_EQ(file->read(at, n).value(), at < size ? content.substr(at, n) : Bytes());
    }
  }
}

TEST(ReadOnceFileTest, BytesAreThoseOfAPlainFile) {
  const TempFolder folder;
  reads_like_a_plain_file(folder.path());
}

TEST(ReadOnceFileTest, WhereThereIsNoDirectReadingItGoesThroughTheCache) {
  const MemoryFolder folder;
  if (folder.path().empty()) GTEST_SKIP() << "/dev/shm cannot be written";
  reads_like_a_plain_file(folder.path());
}

// A history that is still being written, or a part file that replay adds to.
TEST(ReadOnceFileTest, WhatIsAppendedLaterIsRead) {
  const TempFolder folder;
  PosixFileSystem files;
  const std::string path = folder.path() + "/f";
  const Bytes content = random_bytes(10'000);
  write(path, content.substr(0, 5'001));
  const auto reader = files.open(path, OpenMode::kReadOnce).value();
  EXPECT_EQ(reader->read(0, 10'000).value(), content.substr(0, 5'001));
  const auto writer = files.open(path, OpenMode::kReadWrite).value();
  ASSERT_TRUE(writer->write(5'001, content.substr(5'001)));
  EXPECT_EQ(reader->read(0, 20'000).value(), content);
}

TEST(ReadOnceFileTest, ItIsOnlyReadAndAMissingOneIsNotFound) {
  const TempFolder folder;
  PosixFileSystem files;
  const std::string path = folder.path() + "/f";
  EXPECT_EQ(files.open(path, OpenMode::kReadOnce).error().code, ErrorCode::kNotFound);
  write(path, "abc");
  const auto file = files.open(path, OpenMode::kReadOnce).value();
  for (const Status& refused : {file->write(0, "x"), file->sync(), file->truncate(0)}) {
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr(path));
  }
  EXPECT_EQ(file->read(0, 10).value(), "abc");
}

TEST(ReadOnceFileTest, AReadThatFailsSaysWhere) {
  const TempFolder folder;
  PosixFileSystem files;
  const auto file = files.open(folder.path(), OpenMode::kReadOnce);  // a folder: opens, reads not
  if (!file) return;
  const auto got = (*file)->read(0, 10);
  ASSERT_FALSE(got);
  EXPECT_THAT(got.error().message, HasSubstr(folder.path() + ": read: "));
}

// It would cost live its cache: nothing of the file stays there. Only ext4 and its like promise it.
TEST(ReadOnceFileTest, NothingStaysInTheCache) {
  const TempFolder folder;
  struct statfs where {};
  ASSERT_EQ(::statfs(folder.path().c_str(), &where), 0);
  constexpr long kExt4 = 0xEF53;
  if (where.f_type != kExt4) GTEST_SKIP() << "not ext4";
  const std::string path = folder.path() + "/f";
  write(path, random_bytes(200'000));
  const int fd = ::open(path.c_str(), O_RDONLY);
  ASSERT_EQ(::fsync(fd), 0);
  ASSERT_EQ(::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
  const auto cached = [fd] {
    char byte = 0;
    struct iovec at {
      &byte, 1
    };
    return ::preadv2(fd, &at, 1, 100'000, RWF_NOWAIT) == 1;
  };
  PosixFileSystem direct, buffered(/*past_cache=*/false);
  (void)direct.open(path, OpenMode::kReadOnce).value()->read(0, 200'000).value();
  EXPECT_FALSE(cached());
  (void)buffered.open(path, OpenMode::kReadOnce).value()->read(0, 200'000).value();
  EXPECT_TRUE(cached());
  ::close(fd);
}

}  // namespace
}  // namespace hindcast
