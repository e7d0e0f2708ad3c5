#include "base/give_way.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <thread>

#include "base/thread_class.h"

namespace hindcast {
namespace {

using give_way_internal::kRows;
using give_way_internal::turn;
using give_way_internal::Way;

template <class Body>
void in_a_thread(const Body& body) {
  std::jthread thread(body);
}

TEST(GiveWay, AnIdleThreadYieldsOnceEnoughIsDone) {
  in_a_thread([] {
    ASSERT_EQ(enter(ThreadClass::kIdle), Scheduling::kIdle);
    give_way(kRows - 1);
    EXPECT_EQ(turn.rows, kRows - 1);
    give_way(1);
    EXPECT_EQ(turn.rows, 0U);
  });
}

TEST(GiveWay, OtherThreadsGoStraightOn) {
  in_a_thread([] {
    give_way(2 * kRows);
    EXPECT_EQ(turn.rows, 0U);
    EXPECT_EQ(turn.way, Way::kNone);
  });
}

/// How often the calling thread has left its CPU of its own will.
int64_t times_left() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}

// A nap that is over before the kernel has looked is none: then nothing below a real-time thread
// runs while it seals a page.
TEST(GiveWay, ARealTimeThreadLeavesItsCpuToASyncThatLasts) {
  in_a_thread([] {
    if (enter(ThreadClass::kLive) != Scheduling::kFifo) GTEST_SKIP() << "SCHED_FIFO not permitted";
    int64_t before = times_left();
    for (int i = 0; i < 100; ++i) {
      const SyncUnderWay short_one;
      give_way(kRows);
    }
    EXPECT_EQ(times_left(), before);
    const SyncUnderWay sync;
    give_way(kRows);
    EXPECT_EQ(times_left(), before);
    for (int i = 0; i < 100; ++i) give_way(kRows);
    EXPECT_GT(times_left(), before);  // a host may hold the CPU longer than a nap takes
  });
}

TEST(GiveWay, AThreadOfALibraryYieldsWhenItIsTold) {
  in_a_thread([] {
    always_give_way();
    give_way(kRows - 1);
    EXPECT_EQ(turn.rows, kRows - 1);
    give_way(1);
    EXPECT_EQ(turn.rows, 0U);
  });
}

}  // namespace
}  // namespace hindcast
