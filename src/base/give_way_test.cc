#include "base/give_way.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/thread_class.h"

namespace hindcast {
namespace {

using give_way_internal::kRows;
using give_way_internal::turn;

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
    EXPECT_FALSE(turn.gives);
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
