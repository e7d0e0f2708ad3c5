#include "base/thread_class.h"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace hindcast {
namespace {

template <class F>
void on_a_thread(F f) {
  std::jthread thread(f);
}

/// What `f` answers in a child process that may not raise priorities.
template <class F>
Scheduling without_the_right(F f) {
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_RTPRIO, &none);
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    ::syscall(SYS_capget, &header, data);
    for (auto& part : data) part.inheritable = 0;
    data[0].effective &= ~(1u << CAP_SYS_NICE);
    data[0].permitted &= ~(1u << CAP_SYS_NICE);
    if (::syscall(SYS_capset, &header, data) != 0) ::_exit(100);
    ::_exit(static_cast<int>(f()));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_LT(WEXITSTATUS(status), 100);
  return static_cast<Scheduling>(WEXITSTATUS(status));
}

bool may_be_fifo() {
  bool may = false;
  on_a_thread([&] { may = enter(ThreadClass::kLive) == Scheduling::kFifo; });
  return may;
}

TEST(ThreadClassTest, AThreadIsNormalUntilItEntersAnother) {
  on_a_thread([] {
    EXPECT_EQ(scheduling(), Scheduling::kNormal);
    EXPECT_EQ(enter(ThreadClass::kNormal), Scheduling::kNormal);
  });
}

TEST(ThreadClassTest, IdleNeedsNoRight) {
  on_a_thread([] {
    EXPECT_EQ(enter(ThreadClass::kIdle), Scheduling::kIdle);
    EXPECT_EQ(scheduling(), Scheduling::kIdle);
  });
  EXPECT_EQ(without_the_right([] { return enter(ThreadClass::kIdle); }), Scheduling::kIdle);
}

TEST(ThreadClassTest, WithTheRightLiveIsRealTimeAndWhatItStartsIsNot) {
  if (!may_be_fifo()) GTEST_SKIP() << "needs CAP_SYS_NICE";
  on_a_thread([] {
    EXPECT_EQ(enter(ThreadClass::kLive), Scheduling::kFifo);
    on_a_thread([] { EXPECT_EQ(scheduling(), Scheduling::kNormal); });
    EXPECT_EQ(enter(ThreadClass::kNormal), Scheduling::kNormal);
  });
}

// A container without the right: live takes what it can get, and the process goes on.
TEST(ThreadClassTest, WithoutTheRightLiveHasAShortSliceOrIsNormal) {
  const Scheduling held = without_the_right([] { return enter(ThreadClass::kLive); });
  EXPECT_TRUE(held == Scheduling::kShortSlice || held == Scheduling::kNormal) << to_string(held);
}

// Why a replay thread that starves needs a helper (engine/replay_class.h).
TEST(ThreadClassTest, WithoutTheRightThereIsNoWayBackFromIdle) {
  EXPECT_EQ(without_the_right([] {
              const rlimit none{0, 0};
              ::setrlimit(RLIMIT_NICE, &none);
              enter(ThreadClass::kIdle);
              return enter(ThreadClass::kNormal);
            }),
            Scheduling::kIdle);
}

TEST(ThreadClassTest, AThreadIsSeenToSleepAndToRun) {
  EXPECT_TRUE(look_at_thread(this_thread_number())->ready);
  EXPECT_FALSE(look_at_thread(1 << 30));
  std::atomic<int> number{0};
  std::atomic<bool> run{false}, end{false};
  std::jthread thread([&] {
    number = this_thread_number();
    run.wait(false);
    while (!end) {
    }
  });
  while (number == 0 || look_at_thread(number)->ready) std::this_thread::yield();
  const Duration before = look_at_thread(number)->ran;
  run = true;
  run.notify_one();
  while (look_at_thread(number)->ran < before + 1ms) std::this_thread::yield();
  end = true;
}

TEST(ThreadClassTest, EveryClassHasAWord) {
  EXPECT_EQ(to_string(Scheduling::kFifo), "fifo");
  EXPECT_EQ(to_string(Scheduling::kShortSlice), "short-slice");
  EXPECT_EQ(to_string(Scheduling::kNormal), "normal");
  EXPECT_EQ(to_string(Scheduling::kIdle), "idle");
}

}  // namespace
}  // namespace hindcast
