#include "lane/page_groups.h"

#include "base/rng.h"
#include "lane/lane_test_util.h"

namespace hindcast::test {
namespace {

// Three partitions of four slots, windows in any order, also before 1970; two batches whose tables
// number the keys differently.
TEST(PageGroupsTest, EveryEventIsSummedUpInItsPage) {
  StreamSchema schema = small_schema();
  schema.partitions = 3;
  const std::vector<PartitionId> partitions = {PartitionId{4}, PartitionId{9}, PartitionId{2}};
  // The last partition is sealed up to a slot in the middle of a window.
  const std::map<PartitionId, Frontier> frontiers = {{partitions[0], {at(1h), 0}},
                                                     {partitions[2], {at(20s), 2}}};
  const EventScope scope{schema, partitions, frontiers, {at(-45s), at(55s)}, nullptr};

  Rng rng(7);
  std::vector<EventBatch> batches;
  for (int b = 0; b < 2; ++b) {
    std::vector<Event> events;
    events.reserve(500);
    for (int i = 0; i < 500; ++i) {
      events.push_back(
          {.key = "k" + std::to_string(rng.below(30)),
           .time = Duration(static_cast<int64_t>(rng.below(120'000)) * 1'000'000) - 60s,
           .id = i,
           .op = rng.chance(0.01) ? Op::kDelete : Op::kUpsert});
    }
    batches.push_back(batch_of(events));
  }

  PageGroups groups(scope);
  std::map<PageKey, PageGroups::Group> naive;
  uint64_t outside = 0;
  for (size_t b = 0; b < batches.size(); ++b) {
    const EventBatch& batch = batches[b];
    groups.add(batch);
    for (size_t row = 0; row < batch.size(); ++row) {
      const BytesView key = batch.keys[batch.key[row]];
      const EventTime time = event_time_ns(batch.time[row]);
      const PageKey page{partitions[partition_of(key, 3)], align_down(time, 10s), slot_of(key, 4)};
      const uint32_t group = groups.group_of(b)[row];
      const auto frontier = frontiers.find(page.partition);
      if (!scope.range.contains(time) || frontier == frontiers.end() ||
          !frontier->second.behind(page.window, page.slot)) {
        ++outside;
        EXPECT_EQ(group, kNoTarget);
        continue;
      }
      EXPECT_EQ(groups.groups()[group].page, page);
      PageGroups::Group& expected = naive[page];
      ++expected.events;
      expected.digest += event_hash(schema, batch, row, hash64(key));
      expected.deletes |= batch.op_at(row) == Op::kDelete;
    }
  }
  EXPECT_EQ(groups.outside(), outside);
  ASSERT_EQ(groups.groups().size(), naive.size());
  for (const PageGroups::Group& group : groups.groups()) {
    EXPECT_EQ(group.events, naive[group.page].events);
    EXPECT_EQ(group.digest, naive[group.page].digest);
    EXPECT_EQ(group.deletes, naive[group.page].deletes);
  }
  EXPECT_GT(groups.memory(), 0U);
}

TEST(PageGroupsTest, OtherKeysAreOutside) {
  const StreamSchema schema = small_schema();
  const std::vector<PartitionId> partitions = {kPartition};
  const std::map<PartitionId, Frontier> frontiers = {{kPartition, {at(1h), 0}}};
  const std::vector<Bytes> keys = {"b", "d"};
  const EventScope scope{schema, partitions, frontiers, {at(0s), at(1h)}, &keys};
  PageGroups groups(scope);
  groups.add(batch_of({{.key = "a"}, {.key = "b"}, {.key = "c"}, {.key = "d"}, {.key = "e"}}));
  EXPECT_EQ(groups.outside(), 3U);
}

}  // namespace
}  // namespace hindcast::test
