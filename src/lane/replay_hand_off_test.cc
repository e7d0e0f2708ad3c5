#include "lane/replay_hand_off.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "lane/lane_test_util.h"

namespace hindcast::test {
namespace {

constexpr size_t kSmallestSegment = size_t{1} << 20;

class ReplayHandOffTest : public ::testing::Test {
 protected:
  /// Events 0 … count-1, each with a key of its own of `key_bytes`.
  void wait(int64_t count, size_t key_bytes) {
    EventBatch batch(schema_);
    for (int64_t id = 0; id < count; ++id) {
      std::string key = std::to_string(id);
      key.resize(key_bytes, '.');
      batch.key.push_back(batch.keys.intern(key));
      batch.time.push_back(0);
      batch.revision.push_back(0);
      batch.op.push_back(static_cast<uint8_t>(Op::kUpsert));
      batch.id[0].push_back(id);
      batch.values[0].push_back(id);
      batch.source.push_back(kLeft.value);
    }
    for (uint32_t row = 0; row < batch.size(); ++row)
      hand_off_.waiting().add(batch, row, {at(0s), 0}, {{0, 1}, row}, {});
  }

  /// The ids of one append, which is then durable. Its size is in `bytes_`.
  std::multiset<int64_t> append() {
    std::multiset<int64_t> ids;
    std::vector<Position> positions;
    bytes_ = 0;
    EventBatch batch(schema_);
    for (const LogAppend& record : hand_off_.append()) {
      bytes_ += record.payload.size();
      decode_events(schema_, record.payload, batch).value();
      EXPECT_EQ(record.header.events, batch.size());
      ids.insert(batch.id[0].begin(), batch.id[0].end());
      positions.push_back({0, ++position_});
    }
    hand_off_.appended(positions);
    return ids;
  }

  std::multiset<int64_t> append_all() {
    std::multiset<int64_t> ids;
    while (hand_off_.can_append()) {
      ids.merge(append());
      EXPECT_LE(bytes_, kSmallestSegment / 2);
      ++appends_;
    }
    return ids;
  }

  static std::multiset<int64_t> first(int64_t count) {
    std::multiset<int64_t> ids;
    for (int64_t id = 0; id < count; ++id) ids.insert(ids.end(), id);
    return ids;
  }

  const StreamSchema schema_ = small_schema();
  ReplayHandOff hand_off_{schema_, kPartition, {}};
  size_t bytes_ = 0;
  int appends_ = 0;
  uint64_t position_ = 0;
};

TEST_F(ReplayHandOffTest, ManySmallEventsGoInFewAppends) {
  wait(20'000, 8);
  EXPECT_EQ(append_all(), first(20'000));
  EXPECT_LE(appends_, 3);
}

// A log refuses an append that is larger than its segment, today and tomorrow: the lane would offer
// the same one for ever, hold its log, and never finish a recovery.
TEST_F(ReplayHandOffTest, HeavyEventsGoInAppendsThatFitTheSmallestSegment) {
  wait(4'000, 1'000);
  EXPECT_EQ(append_all(), first(4'000));
  EXPECT_LE(appends_, 32);
}

TEST_F(ReplayHandOffTest, AfterHeavyEventsSmallOnesGoInFewAppendsAgain) {
  wait(100, 100'000);
  append_all();
  appends_ = 0;
  wait(20'000, 8);
  EXPECT_EQ(append_all(), first(20'000));
  EXPECT_LE(appends_, 20);
}

TEST_F(ReplayHandOffTest, WhatIsRefusedWaitsAgain) {
  wait(10, 8);
  EXPECT_FALSE(hand_off_.append().empty());
  EXPECT_FALSE(hand_off_.can_append());
  hand_off_.refused();
  EXPECT_EQ(append_all(), first(10));
}

}  // namespace
}  // namespace hindcast::test
