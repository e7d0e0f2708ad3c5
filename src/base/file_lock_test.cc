#include "base/file_lock.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/temp_folder_test_util.h"

namespace hindcast {
namespace {

using Mode = FileLock::Mode;

TEST(FileLockTest, TheSecondIsToldWhoHoldsIt) {
  TempFolder folder;
  const std::string path = folder.path() + "/lock";
  const FileLock held = FileLock::acquire(path, Mode::kExclusive).value();
  for (const Mode mode : {Mode::kExclusive, Mode::kShared}) {
    const auto refused = FileLock::acquire(path, mode);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), (Error{ErrorCode::kConflict, "pid " + std::to_string(::getpid())}));
  }
}

TEST(FileLockTest, ReadersShareItAndKeepWritersOut) {
  TempFolder folder;
  const std::string path = folder.path() + "/lock";
  const FileLock one = FileLock::acquire(path, Mode::kShared).value();
  const FileLock two = FileLock::acquire(path, Mode::kShared).value();
  const auto refused = FileLock::acquire(path, Mode::kExclusive);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), (Error{ErrorCode::kConflict, "a reader"}));
}

TEST(FileLockTest, AReaderIsNotTakenForTheWriterBefore) {
  TempFolder folder;
  const std::string path = folder.path() + "/lock";
  { const FileLock writer = FileLock::acquire(path, Mode::kExclusive).value(); }
  const FileLock reader = FileLock::acquire(path, Mode::kShared).value();
  EXPECT_EQ(FileLock::acquire(path, Mode::kExclusive).error().message, "a reader");
}

// A lock that outlived kill -9 would keep the daemon from restarting.
TEST(FileLockTest, ItDiesWithItsHolder) {
  TempFolder folder;
  const std::string path = folder.path() + "/lock";
  const pid_t child = ::fork();
  if (child == 0) {
    const auto held = FileLock::acquire(path, Mode::kExclusive);
    ::_exit(held ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(FileLock::acquire(path, Mode::kExclusive));
}

TEST(FileLockTest, AFolderThatIsNotThereIsNamed) {
  const auto refused = FileLock::acquire("/nonexistent-folder/lock", Mode::kShared);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(refused.error().message.find("/nonexistent-folder/lock"), std::string::npos);
}

}  // namespace
}  // namespace hindcast
