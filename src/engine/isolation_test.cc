#include "engine/isolation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <thread>

namespace hindcast {
namespace {

using testing::HasSubstr;

TEST(IsolationTest, EachThreadEntersItsOwnClass) {
  Isolation isolation(IsolationKind::kThreads);
  std::jthread([&] {
    isolation.enter_replay();
    EXPECT_EQ(scheduling(), Scheduling::kIdle);
  }).join();
  std::jthread([&] {
    isolation.enter_live();
    EXPECT_EQ(scheduling(), isolation.live());
  }).join();
  EXPECT_EQ(isolation.replay(), Scheduling::kIdle);
  EXPECT_EQ(scheduling(), Scheduling::kNormal);
}

TEST(IsolationTest, SwitchedOffNoThreadChanges) {
  Isolation isolation(IsolationKind::kOff);
  std::jthread([&] {
    isolation.enter_replay();
    isolation.enter_live();
    EXPECT_EQ(scheduling(), Scheduling::kNormal);
  }).join();
  EXPECT_EQ(isolation.live(), Scheduling::kNormal);
  EXPECT_EQ(isolation.replay(), Scheduling::kNormal);
}

/// In a child process that may not raise priorities, four live threads begin; what it says.
std::string said_without_the_right() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe(ends.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDERR_FILENO);
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_RTPRIO, &none);
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    ::syscall(SYS_capget, &header, data);
    data[0].inheritable = data[1].inheritable = 0;
    data[0].effective &= ~(1u << CAP_SYS_NICE);
    data[0].permitted &= ~(1u << CAP_SYS_NICE);
    if (::syscall(SYS_capset, &header, data) != 0) ::_exit(1);
    Isolation isolation(IsolationKind::kThreads);
    for (int i = 0; i < 4; ++i) std::jthread([&] { isolation.enter_live(); }).join();
    ::_exit(isolation.live() == Scheduling::kFifo ? 2 : 0);
  }
  ::close(ends[1]);
  std::string said;
  char buffer[512];
  for (ssize_t n = 0; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;)
    said.append(buffer, static_cast<size_t>(n));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  return said;
}

// In a container without the right the daemon starts, and the operator reads one line about it.
TEST(IsolationTest, WhatIsNotPermittedIsSaidOnceWithWhatToGrant) {
  const std::string said = said_without_the_right();
  EXPECT_THAT(said, HasSubstr("real time is not permitted"));
  EXPECT_THAT(said, HasSubstr("CAP_SYS_NICE"));
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
}

}  // namespace
}  // namespace hindcast
