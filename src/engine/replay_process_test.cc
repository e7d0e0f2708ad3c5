#include "engine/replay_process.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

/// A supervisor over a shell instead of a replay process: one that ends, is silent, or is mad.
class ReplayProcessTest : public ::testing::Test {
 protected:
  ReplayProcess& run(const std::string& script, Duration patience = 1min) {
    process_.emplace(ReplayProcess::Setup{.command = {"/bin/sh", "-c", script},
                                          .hello = "hello",
                                          .starter = std::make_shared<ChildStarter>(),
                                          .now = [this] { return now_; },
                                          .patience = patience});
    process_->ready();
    return *process_;
  }
  std::string how() { return process_->lost().value_or(PieceWork::Lost{}).how; }

  MonoTime now_{1h};
  std::optional<ReplayProcess> process_;
};

// What dies before it was given a piece is no piece's fault.
TEST_F(ReplayProcessTest, AProcessThatEndsIsLostWithItsExitCode) {
  ReplayProcess& process = run("exit 3");
  EXPECT_EQ(how(), "ended with exit code 3");
  EXPECT_FALSE(process.lost()->on_it);
  EXPECT_EQ(process.restarts(), 1u);
  EXPECT_GE(process.not_before(), now_);
  EXPECT_EQ(process.pid(), std::nullopt);
}

TEST_F(ReplayProcessTest, AProcessThatIsKilledIsLostWithItsSignal) {
  run("kill -9 $$");
  EXPECT_EQ(how(), "ended with signal 9 (Killed)");
}

TEST_F(ReplayProcessTest, AProcessThatDoesNotAnswerIsEnded) {
  run("exec sleep 1000000", 1ms);
  EXPECT_EQ(how(), "was ended: no answer within 1ms");
}

// It says what was said to it.
TEST_F(ReplayProcessTest, NonsenseEndsTheProcessAndNotTheDaemon) {
  run("cat <&3 >&3");
  EXPECT_EQ(how(), "was ended: asked before its turn");
}

TEST_F(ReplayProcessTest, AProgramThatIsNotThereIsTriedAgainLater) {
  process_.emplace(ReplayProcess::Setup{.command = {"/nowhere/at/all"},
                                        .hello = "",
                                        .starter = std::make_shared<ChildStarter>(),
                                        .now = [this] { return now_; }});
  process_->ready();
  EXPECT_NE(how().find("/nowhere/at/all"), std::string::npos);
  EXPECT_FALSE(process_->lost()->on_it);
}

TEST_F(ReplayProcessTest, AfterAStopNothingIsStarted) {
  ReplayProcess& process = run("exit 0");
  process.shut();
  process.ready();
  EXPECT_EQ(process.pid(), std::nullopt);
  EXPECT_EQ(how(), "could not be started: the daemon is stopping");
}

}  // namespace
}  // namespace hindcast
