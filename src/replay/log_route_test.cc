#include "replay/log_route.h"

#include <gtest/gtest.h>

#include "log/memory_log.h"

namespace hindcast {
namespace {

constexpr PartitionId kPartition{1};

// Late events are handed over by live, which must not wait for a replay.
TEST(LogRouteTest, HistoryTakesHalfOfTheLogAtMost) {
  MemoryLog log({.retention = 64_KiB});
  LogRoute route(log);
  EXPECT_TRUE(route.has_room(30_KiB));
  EXPECT_FALSE(route.has_room(33_KiB));
  route.append({{{.partition = kPartition, .events = 1}, Bytes(20 << 10, 'x')}},
               [](const Result<std::vector<Position>>& at) { EXPECT_TRUE(at); });
  EXPECT_TRUE(route.has_room(10_KiB));
  EXPECT_FALSE(route.has_room(30_KiB));
}

TEST(LogRouteTest, WhatIsMergedIsToldOnce) {
  MemoryLog log;
  LogRoute route(log);
  int woken = 0;
  route.on_merged([&] { ++woken; });
  EXPECT_FALSE(route.is_merged(kPartition, {0, 1})) << "nobody has said so";
  route.merged(kPartition, {0, 7});
  route.merged(kPartition, {0, 3});
  EXPECT_EQ(woken, 1);
  EXPECT_TRUE(route.is_merged(kPartition, {0, 7}));
  EXPECT_FALSE(route.is_merged(kPartition, {0, 8}));
  EXPECT_FALSE(route.is_merged(PartitionId{2}, {0, 1}));
  route.did(1, {.added = 3, .pages_changed = 1});
  route.did(1, {.added = 4});
  EXPECT_EQ(route.take(2).added, 0u);
  EXPECT_EQ(route.take(1).added, 7u);
  EXPECT_EQ(route.take(1).added, 0u);
}

}  // namespace
}  // namespace hindcast
