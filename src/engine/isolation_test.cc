#include "engine/isolation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <thread>

namespace hindcast {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ResultOf;

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

void give_up_the_right() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_RTPRIO, &none);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  ::syscall(SYS_capget, &header, data);
  data[0].inheritable = data[1].inheritable = 0;
  data[0].effective &= ~(1u << CAP_SYS_NICE);
  data[0].permitted &= ~(1u << CAP_SYS_NICE);
  if (::syscall(SYS_capset, &header, data) != 0) ::_exit(1);
}

/// Ends the process, with 0 if the threads were not made real-time ones.
void begin_four_live_threads_without_the_right() {
  give_up_the_right();
  Isolation isolation(IsolationKind::kThreads);
  for (int i = 0; i < 4; ++i) std::jthread([&] { isolation.enter_live(); }).join();
  ::_exit(isolation.live() == Scheduling::kFifo ? 2 : 0);
}

ptrdiff_t lines_of(const std::string& said) { return std::count(said.begin(), said.end(), '\n'); }

// In a container without the right the daemon starts, and the operator reads one line about it.
TEST(IsolationTest, WhatIsNotPermittedIsSaidOnceWithWhatToGrant) {
  // A fresh process: a fork of one that had threads may not start any under TSan.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(begin_four_live_threads_without_the_right(), testing::ExitedWithCode(0),
              AllOf(HasSubstr("real time is not permitted"), HasSubstr("CAP_SYS_NICE"),
                    ResultOf(lines_of, 1)));
}

}  // namespace
}  // namespace hindcast
