#include "model/join.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/rng.h"
#include "model/events_test_util.h"

namespace hindcast {
namespace {

using test::batch_of;
using test::Trade;
using test::trade_schema;
using test::trades_of;

const StreamSchema kSchema = trade_schema();

EventBatch page_of(const std::vector<Trade>& trades) {
  return sort_unique(kSchema, batch_of(kSchema, trades));
}

TEST(SortUniqueTest, RowsComeByKeyThenTimeThenId) {
  const std::vector<Trade> sorted = {
      {.key = "", .time = 9},
      {.key = "A", .time = -1, .id = 5},
      {.key = "A", .time = 2, .id = -3},
      {.key = "A", .time = 2, .id = 1},
      {.key = "AB", .time = 0},
      {.key = "B", .time = 1},
      {.key = "longer than eight bytes, equal", .time = 0},
      {.key = "longer than eight bytes, equal so far", .time = 0},
  };
  const std::vector<Trade> shuffled = {sorted[6], sorted[3], sorted[5], sorted[7],
                                       sorted[1], sorted[0], sorted[2], sorted[4]};
  const EventBatch page = page_of(shuffled);
  EXPECT_EQ(trades_of(page), sorted);
  for (uint32_t k = 1; k < page.keys.size(); ++k) EXPECT_LT(page.keys[k - 1], page.keys[k]);
}

// The winner: revision, then decision, then delete over upsert, then content.
TEST(SortUniqueTest, TheWinnerOfAnIdStays) {
  const Trade plain = {.key = "A", .id = 1, .price = 10};
  Trade revised = plain, decided = plain, deleted = plain;
  revised.revision = 1;
  decided.decision = 1;
  deleted.op = Op::kDelete;
  EXPECT_EQ(trades_of(page_of({decided, revised, plain})), std::vector<Trade>{revised});
  EXPECT_EQ(trades_of(page_of({plain, decided, deleted})), std::vector<Trade>{decided});
  EXPECT_EQ(trades_of(page_of({plain, deleted})), std::vector<Trade>{deleted});
}

// Two different records of equal strength: any rule will do, as long as order has no say.
TEST(SortUniqueTest, ContentDecidesBetweenEqualsWhateverTheOrder) {
  const Trade a = {.key = "A", .id = 1, .price = 10}, b = {.key = "A", .id = 1, .price = 11};
  EXPECT_EQ(trades_of(page_of({a, b})), trades_of(page_of({b, a})));
}

TEST(SortUniqueTest, RecordsOfDifferentOriginsStaySideBySide) {
  const Trade live = {.key = "A", .id = 1, .price = 10};
  Trade replayed = live;
  replayed.origin = 7;
  EXPECT_EQ(trades_of(page_of({replayed, live})), (std::vector<Trade>{live, replayed}));
}

TEST(SortUniqueTest, OutcomesNameTheFirstOfEqualWinners) {
  const Trade a = {.key = "A", .id = 1}, b = {.key = "A", .id = 1, .revision = 1};
  std::vector<Outcome> outcomes;
  const std::vector<Trade> arrived = {a, b, {.key = "B"}, b, a};
  const EventBatch page = sort_unique(kSchema, batch_of(kSchema, arrived), &outcomes);
  EXPECT_EQ(outcomes, (std::vector<Outcome>{Outcome::kSuperseded, Outcome::kAdded, Outcome::kAdded,
                                            Outcome::kDuplicate, Outcome::kSuperseded}));
  EXPECT_EQ(page.size(), 2u);
}

TEST(SortUniqueTest, NothingIsFine) { EXPECT_TRUE(page_of({}).empty()); }

// Sorted, in sorted pieces, two lines of one feed, nearly sorted, and in no order: each takes
// another way through the sort.
TEST(SortUniqueTest, LargeInputsOfEveryShapeAreSorted) {
  std::vector<Trade> sorted;
  for (const char* key : {"A", "B"}) {
    for (int i = 0; i < 3'000; ++i) {
      sorted.push_back({.key = key, .time = i / 3 * 1'000, .id = i % 3, .price = i});
    }
  }
  Rng rng(11);
  const auto shuffle = [&](std::vector<Trade> trades, size_t reach) {
    for (size_t i = 0; i < trades.size(); ++i) {
      std::swap(trades[i], trades[std::min(trades.size() - 1, i + rng.below(reach + 1))]);
    }
    return trades;
  };
  std::vector<Trade> pieces, lines;
  for (size_t piece = 0; piece < 7; ++piece) {
    for (size_t i = piece; i < sorted.size(); i += 7) pieces.push_back(sorted[i]);
  }
  for (size_t i = 0; i < sorted.size() + 50; ++i) {
    if (i < sorted.size()) lines.push_back(sorted[i]);
    if (i >= 50) lines.push_back(sorted[i - 50]);
  }
  const std::vector<Trade> reversed(sorted.rbegin(), sorted.rend());
  for (const auto& input :
       {sorted, pieces, lines, shuffle(sorted, 3), shuffle(sorted, 6'000), reversed}) {
    EXPECT_EQ(trades_of(page_of(input)), sorted);
  }
}

// Texts may stand in the table twice when they were added without looking.
TEST(SortUniqueTest, EqualTextsAndKeysWithDifferentNumbersAreEqual) {
  StreamSchema schema = kSchema;
  schema.id = {PartType::kText};
  EventBatch batch(schema);
  for (int i = 0; i < 2; ++i) {
    batch.key.push_back(batch.keys.add("K"));
    batch.time.push_back(1);
    batch.id[0].push_back(batch.texts.add("same id"));
    batch.values[0].push_back(5);
    batch.values[1].push_back(0);
    batch.values[2].push_back(batch.texts.add("same side"));
  }
  std::vector<Outcome> outcomes;
  EXPECT_EQ(sort_unique(schema, batch, &outcomes).size(), 1u);
  EXPECT_EQ(outcomes, (std::vector<Outcome>{Outcome::kAdded, Outcome::kDuplicate}));
}

TEST(VisibleTest, TombstonesAndWithdrawnOriginsAreHidden) {
  const Trade live = {.key = "A", .id = 1, .price = 10};
  Trade better = live;
  better.origin = 7;
  better.revision = 1;
  const Trade deleted = {.key = "A", .id = 2, .op = Op::kDelete};
  const EventBatch page = page_of({live, better, deleted});
  EXPECT_EQ(trades_of(visible(kSchema, page, {})), std::vector<Trade>{better});
  EXPECT_EQ(trades_of(visible(kSchema, page, {7})), std::vector<Trade>{live});
}

TEST(AddTest, OnlyNewsIsAdded) {
  const Trade a = {.key = "A", .id = 1, .price = 10}, b = {.key = "B", .id = 1, .price = 10};
  Trade newer = a;
  newer.revision = 1;
  const EventBatch page = page_of({newer, b});
  const Addition addition = add(kSchema, page, page_of({a, b, {.key = "C", .id = 1}}), {});
  EXPECT_EQ(addition.outcomes,
            (std::vector<Outcome>{Outcome::kSuperseded, Outcome::kDuplicate, Outcome::kAdded}));
  EXPECT_EQ(trades_of(addition.rows), (std::vector<Trade>{{.key = "C", .id = 1}}));
  ASSERT_EQ(addition.changes.size(), 1u);
  EXPECT_EQ(addition.changes[0].key, "C");
  EXPECT_EQ(addition.live_change, 1);
}

// A tombstone takes its event out of count and digest and stays, so that no replay brings it back.
TEST(AddTest, ATombstoneRemovesAndStays) {
  const Trade event = {.key = "A", .id = 1, .price = 10};
  Trade tombstone = event;
  tombstone.op = Op::kDelete;
  const EventBatch page = page_of({event});
  const Addition removal = add(kSchema, page, page_of({tombstone}), {});
  EXPECT_EQ(removal.live_change, -1);
  EXPECT_EQ(removal.digest_change, Digest{} - event_hash(kSchema, page, 0, hash64("A")));
  EXPECT_EQ(removal.changed, std::vector<uint32_t>{0});

  const std::vector<const EventBatch*> parts = {&page, &removal.rows};
  const EventBatch after = join(kSchema, parts);
  const Addition replay = add(kSchema, after, page, {});
  EXPECT_TRUE(replay.rows.empty());
  EXPECT_EQ(replay.outcomes, std::vector<Outcome>{Outcome::kSuperseded});
  EXPECT_EQ(replay.live_change, 0);
}

// A few late events in a long run are searched for, not walked to.
TEST(AddTest, FewEventsIntoALongRunFindTheirCounterparts) {
  std::vector<Trade> there;
  for (int i = 0; i < 1'000; ++i) there.push_back({.key = "A", .time = i, .id = 1, .price = i});
  Trade newer = there[999];
  newer.revision = 1;
  const std::vector<Trade> late = {there[0], there[500], {.key = "A", .time = 500, .id = 2}, newer};
  const Addition addition = add(kSchema, page_of(there), page_of(late), {});
  EXPECT_EQ(addition.outcomes, (std::vector<Outcome>{Outcome::kDuplicate, Outcome::kDuplicate,
                                                     Outcome::kAdded, Outcome::kAdded}));
  EXPECT_EQ(addition.live_change, 1);
}

// What readers cannot see must be stored and must not be announced.
TEST(AddTest, ARecordHiddenByAnotherOriginChangesNoKey) {
  Trade visible_one = {.key = "A", .id = 1, .price = 10};
  visible_one.origin = 7;
  visible_one.revision = 1;
  const Trade live = {.key = "A", .id = 1, .price = 9};
  const Addition addition = add(kSchema, page_of({visible_one}), page_of({live}), {});
  EXPECT_EQ(addition.rows.size(), 1u);
  EXPECT_TRUE(addition.changed.empty());
  ASSERT_EQ(addition.changes.size(), 1u);
  EXPECT_EQ(addition.changes[0].count, 0);
  EXPECT_EQ(addition.changes[0].digest, Digest{});
}

TEST(AddTest, ChangesSurviveAMove) {
  Addition first = add(kSchema, page_of({}), page_of({{.key = "A", .id = 1}}), {});
  const Addition moved = std::move(first);
  EXPECT_EQ(moved.changes[0].key, "A");
  EXPECT_EQ(moved.changes[0].key.data(), moved.rows.keys[0].data());
}

}  // namespace
}  // namespace hindcast
