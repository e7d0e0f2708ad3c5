#include "model/match.h"

#include <gtest/gtest.h>

#include "model/events_test_util.h"
#include "model/join.h"

namespace hindcast {
namespace {

using test::batch_of;
using test::Trade;
using test::trade_schema;

const StreamSchema kSchema = trade_schema();

EventBatch page_of(const std::vector<Trade>& trades) {
  return sort_unique(kSchema, batch_of(kSchema, trades));
}

std::vector<std::pair<uint32_t, uint32_t>> matches(const EventBatch& a, const EventBatch& b) {
  std::vector<std::pair<uint32_t, uint32_t>> out;
  for (const RowMatch match : match_rows(kSchema, a, b)) out.emplace_back(match.a, match.b);
  return out;
}

TEST(MatchTest, RowsMatchByKeyTimeAndIdWhateverTheySay) {
  const EventBatch a = page_of({{.key = "A", .time = 1, .id = 1},
                                {.key = "A", .time = 1, .id = 2},
                                {.key = "B", .time = 1, .id = 1},
                                {.key = "D", .time = 9, .id = 1}});
  const EventBatch b = page_of({{.key = "A", .time = 1, .id = 2, .price = 5, .revision = 3},
                                {.key = "A", .time = 2, .id = 1},
                                {.key = "C", .time = 1, .id = 1},
                                {.key = "D", .time = 9, .id = 1, .op = Op::kDelete}});
  EXPECT_EQ(matches(a, b), (std::vector<std::pair<uint32_t, uint32_t>>{{1, 0}, {3, 3}}));
  EXPECT_EQ(matches(b, a), (std::vector<std::pair<uint32_t, uint32_t>>{{0, 1}, {3, 3}}));
  EXPECT_TRUE(match_rows(kSchema, a, page_of({})).empty());
  EXPECT_TRUE(match_rows(kSchema, page_of({}), a).empty());
}

TEST(MatchTest, EveryOriginOfAnIdIsMatched) {
  const EventBatch a = page_of({{.key = "A", .id = 1}, {.key = "A", .id = 2}});
  const EventBatch b = page_of({{.key = "A", .id = 2}, {.key = "A", .id = 2, .origin = 7}});
  EXPECT_EQ(matches(a, b), (std::vector<std::pair<uint32_t, uint32_t>>{{1, 0}, {1, 1}}));
}

TEST(MatchTest, RecordsAreEqualByWhatTheySayOfTheEvent) {
  const Trade plain = {.key = "A", .id = 1, .price = 10, .side = "buy"};
  const auto equal = [&](const Trade& other) {
    return equal_records(kSchema, batch_of(kSchema, {plain}), 0, batch_of(kSchema, {other}), 0);
  };
  Trade other = plain;
  EXPECT_TRUE(equal(other));
  other.revision = 1;
  other.decision = 2;
  other.origin = 3;
  EXPECT_TRUE(equal(other));
  other = plain;
  other.op = Op::kDelete;
  EXPECT_FALSE(equal(other));
  other = plain;
  other.price = 11;
  EXPECT_FALSE(equal(other));
  other = plain;
  other.side = std::nullopt;
  EXPECT_FALSE(equal(other));
  other = plain;
  other.order = 1;
  EXPECT_FALSE(equal(other));
}

}  // namespace
}  // namespace hindcast
