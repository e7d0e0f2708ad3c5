#include "base/child_process.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "base/temp_folder_test_util.h"

namespace hindcast {
namespace {

ChildProcess shell(const std::string& script) {
  return ChildProcess::start({.arguments = {"/bin/sh", "-c", script}}).value();
}

TEST(ChildProcessTest, LinesComeOneByOneAndThenTheEnd) {
  ChildProcess child = shell("echo one; echo two; printf cut");
  EXPECT_EQ(child.read_line(), "one");
  EXPECT_EQ(child.read_line(), "two");
  EXPECT_EQ(child.read_line(), std::nullopt);
  EXPECT_EQ(child.wait(), 0);
}

TEST(ChildProcessTest, TheExitCodeIsItsOwn) {
  ChildProcess child = shell("exit 3");
  EXPECT_EQ(child.wait(), 3);
  EXPECT_EQ(child.wait(), 3);
}

// A loop of the shell itself: it runs traps between commands, and only then. The line says that the
// shell's trap is set; only then can a SIGTERM be told from a SIGKILL.
TEST(ChildProcessTest, TerminateAsksAndKillDoesNot) {
  const char* script = "trap 'exit 7' TERM; echo set; while :; do :; done";
  ChildProcess asked = shell(script);
  ASSERT_EQ(asked.read_line(), "set");
  asked.terminate();
  EXPECT_EQ(asked.wait(), 7);

  ChildProcess killed = shell(script);
  ASSERT_EQ(killed.read_line(), "set");
  killed.kill();
  EXPECT_EQ(killed.wait(), 128 + 9);
}

TEST(ChildProcessTest, NoProcessOutlivesItsHandle) {
  ChildProcess reader = shell("cat");  // ends at once: its stdin is /dev/null
  EXPECT_EQ(reader.wait(), 0);
  {
    ChildProcess endless = shell("echo running; exec sleep 1000000");
    ASSERT_EQ(endless.read_line(), "running");
  }  // would hang here otherwise
}

TEST(ChildProcessTest, OutputGoesToAFile) {
  TempFolder folder;
  ChildProcess child = ChildProcess::start({.arguments = {"/bin/sh", "-c", "pwd; echo bad >&2"},
                                            .folder = folder.path(),
                                            .output = folder.path() + "/out",
                                            .errors = folder.path() + "/err"})
                           .value();
  EXPECT_EQ(child.wait(), 0);
  std::string out, err;
  std::getline(std::ifstream(folder.path() + "/out"), out);
  std::getline(std::ifstream(folder.path() + "/err"), err);
  EXPECT_EQ(out, folder.path());
  EXPECT_EQ(err, "bad");
}

TEST(ChildProcessTest, AProgramThatIsNotThereIsAnError) {
  const auto child = ChildProcess::start({.arguments = {"/nowhere/at/all"}});
  ASSERT_FALSE(child.has_value());
  EXPECT_EQ(child.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(child.error().message.find("/nowhere/at/all"), std::string::npos);
}

}  // namespace
}  // namespace hindcast
