// A busy lane gets what the others leave, and each its part for certain.
#include "engine/shared_room.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

TEST(SharedRoomTest, ABusyLaneUsesWhatTheOthersLeave) {
  SharedRoom room(100_KiB, 4);
  EXPECT_EQ(room.use(0, 1_KiB), 100_KiB);
  EXPECT_EQ(room.use(1, 10_KiB), 99_KiB);
  EXPECT_EQ(room.use(0, 60_KiB), 90_KiB);
}

TEST(SharedRoomTest, EachLaneHasItsPartForCertain) {
  SharedRoom room(100_KiB, 4);
  room.use(0, 100_KiB);
  EXPECT_EQ(room.use(1, 1_KiB), 25_KiB);
  EXPECT_EQ(room.use(2, 25_KiB), 25_KiB);
  EXPECT_EQ(room.use(0, 100_KiB), 74_KiB);  // and so the busy one gives back
  EXPECT_EQ(room.use(0, 20_KiB), 74_KiB);
}

TEST(SharedRoomTest, OneLaneAloneHasAll) {
  SharedRoom room(100_KiB, 1);
  EXPECT_EQ(room.use(0, 200_KiB), 100_KiB);
}

}  // namespace
}  // namespace hindcast
