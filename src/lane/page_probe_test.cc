#include "lane/page_probe.h"

#include <gmock/gmock.h>

#include "base/rng.h"
#include "lane/lane_test_util.h"
#include "lane/read_page.h"
#include "lane/remake.h"

namespace hindcast::test {
namespace {

using testing::ElementsAre;

/// The same page in two stores: one gets what a probe makes, the other what reading it whole does.
class PageProbeTest : public ::testing::Test {
 protected:
  PageProbeTest() {
    std::erase_if(aggregates_, [](const auto& a) { return a.id == kFine; });
  }

  MergeContext context() const {
    return {
        .schema = schema_, .aggregates = aggregates_, .cause = {Cause::Kind::kLate}, .now = kNow};
  }
  std::optional<PageParts> probe(const std::vector<Event>& events) const {
    return probe_page(*probed_.snapshot().value(), key_, batch_of(events), Lane::kLive, schema_,
                      aggregates_)
        .value();
  }
  static void commit(Store& store, const PageMerge& merge) {
    Commit commit{.id = 1, .cause = {Cause::Kind::kLate}, .published_at = kNow};
    if (merge.add) commit.pages.push_back(*merge.add);
    commit.rows = merge.rows;
    store.commit(std::move(commit), [](Result<CommitResult> result) {
      EXPECT_EQ(result.value().state, CommitState::kCommitted);
    });
  }
  /// Adds to both; the first one by a probe, if one will do.
  PageMerge add(const std::vector<Event>& events) {
    const EventBatch batch = batch_of(events);
    PageParts page = read_for_merge(*probed_.snapshot().value(), {key_, batch}, Lane::kLive,
                                    schema_, aggregates_)
                         .value();
    was_probed_ = page.probe != nullptr;
    const PageMerge merge = merge_page(context(), key_, batch, &page, RowsOf::kChanged).value();
    commit(probed_, merge);
    page = read_for_merge(*whole_.snapshot().value(), {key_, {}}, Lane::kLive, schema_, aggregates_)
               .value();
    commit(whole_, merge_page(context(), key_, batch, &page, RowsOf::kChanged).value());
    return merge;
  }
  PageParts page(const Store& store) const {
    return store.snapshot().value()->page(key_, Lane::kLive).value();
  }
  std::vector<Row> rows(const Store& store) const {
    std::vector<Row> out;
    store.snapshot()
        .value()
        ->rows({.aggregate = kCoarse, .resolution = 10s, .range = {at(0s), at(10s)}},
               [&](const Row& row) {
                 out.push_back(row);
                 return true;
               })
        .value();
    return out;
  }
  void expect_same() const {
    EXPECT_EQ(rows(probed_), rows(whole_));
    const PageParts a = page(probed_), b = page(whole_);
    EXPECT_EQ(a.head.version, b.head.version);
    EXPECT_EQ(a.head.digest, b.head.digest);
    EXPECT_EQ(a.head.live_events, b.head.live_events);
    EXPECT_EQ(a.head.keys, b.head.keys);
    const EventBatch left = read_page(schema_, a).value(), right = read_page(schema_, b).value();
    EXPECT_EQ(left.time, right.time);
    EXPECT_EQ(left.id, right.id);
    EXPECT_EQ(left.values, right.values);
    const auto totals_a = key_totals(a).value(), totals_b = key_totals(b).value();
    ASSERT_EQ(totals_a.size(), totals_b.size());
    for (size_t k = 0; k < totals_a.size(); ++k) {
      EXPECT_EQ(totals_a[k].key, totals_b[k].key);
      EXPECT_EQ(totals_a[k].count, totals_b[k].count);
      EXPECT_EQ(totals_a[k].digest, totals_b[k].digest);
    }
  }
  /// A sealed page of three keys.
  void seal(int64_t size = 300) {
    std::vector<Event> events;
    for (int64_t id = 0; id < size; ++id)
      events.push_back({.key = std::string(1, static_cast<char>('a' + id % 3)),
                        .time = id / 2 * 1ms,
                        .id = id,
                        .value = id});
    add(events);
  }

  const StreamSchema schema_ = small_schema();
  std::vector<LaneAggregate> aggregates_ = small_options().lane.aggregates;
  const PageKey key_{kPartition, at(0s), 0};
  MemoryStore probed_, whole_;
  bool was_probed_ = false;
};

TEST_F(PageProbeTest, ALateEventComesOutAsIfThePageHadBeenRead) {
  seal();
  PageMerge merge = add({{.key = "a", .time = 1s, .id = 900, .value = 5},
                         {.key = "new", .time = 2s, .id = 901, .value = 6}});
  EXPECT_TRUE(was_probed_);
  EXPECT_EQ(merge.add->new_keys, 1U);
  EXPECT_EQ(merge.rows.size(), 2U);
  EXPECT_THAT(merge.changed_keys[0], ElementsAre("a", "new"));
  EXPECT_EQ(merge.tallies.of(SourceId{}).aggregated, 2U);
  expect_same();
}

// L10: what is there already makes no part, no row and no version.
TEST_F(PageProbeTest, WhatIsThereAlreadyIsADuplicateAndChangesNothing) {
  seal();
  PageMerge merge = add({{.key = "b", .time = 0s, .id = 1, .value = 1}});
  EXPECT_TRUE(was_probed_);
  EXPECT_FALSE(merge.add);
  EXPECT_TRUE(merge.rows.empty());
  EXPECT_EQ(merge.tallies.of(SourceId{}).duplicate, 1U);
  expect_same();
}

TEST_F(PageProbeTest, ATombstoneOfWhatIsNotThereIsKeptAndChangesNoRow) {
  seal();
  PageMerge merge = add({{.key = "a", .time = 1s, .id = 900, .revision = 3, .op = Op::kDelete}});
  EXPECT_TRUE(was_probed_);
  EXPECT_TRUE(merge.add);
  EXPECT_TRUE(merge.rows.empty());
  add({{.key = "a", .time = 1s, .id = 900, .revision = 2, .value = 1}});  // superseded
  EXPECT_TRUE(was_probed_);
  add({{.key = "a", .time = 1s, .id = 900, .revision = 4, .value = 1}});  // and alive again
  EXPECT_TRUE(was_probed_);
  expect_same();
}

// Their old value has to be taken out of the row, and states only take in.
TEST_F(PageProbeTest, CorrectionsAndDeletionsNeedTheWholePage) {
  seal();
  const Event there{.key = "b", .time = 0s, .id = 1, .revision = 1, .value = 1'000};
  Event deleted = there;
  deleted.op = Op::kDelete;
  EXPECT_FALSE(probe({there}));
  EXPECT_FALSE(probe({deleted}));
  EXPECT_FALSE(probe({deleted, {.key = "b", .time = 0s, .id = 7, .value = 1}}));
  add({there});
  expect_same();
}

TEST_F(PageProbeTest, AnAbsentPageIsNotProbed) { EXPECT_FALSE(probe({{.key = "a"}})); }

// An aggregate whose rows were never made of this page, or not all of them, must not get rows that
// hold the late event alone.
TEST_F(PageProbeTest, ARowThatIsNotOfThisPageIsNotFoldedInto) {
  seal();
  aggregates_.push_back({AggregateId{9}, small_rule(), {10s}, std::nullopt});
  EXPECT_FALSE(probe({{.key = "a", .time = 1s, .id = 900}}));
  EXPECT_TRUE(probe({{.key = "new", .time = 1s, .id = 900}}));
}

TEST_F(PageProbeTest, BucketsShorterThanThePageNeedTheWholePage) {
  seal();
  aggregates_ = small_options().lane.aggregates;
  EXPECT_FALSE(probe({{.key = "a", .time = 1s, .id = 900}}));
}

TEST_F(PageProbeTest, ARowThatEmptiedIsFoldedAnew) {
  seal();
  add({{.key = "d", .time = 1s, .id = 1, .value = 7}});
  add({{.key = "d", .time = 1s, .id = 1, .revision = 1, .op = Op::kDelete}});
  add({{.key = "d", .time = 2s, .id = 2, .value = 9}});
  EXPECT_TRUE(was_probed_);
  expect_same();
}

// The point of it all: hundreds of late merges leave few parts, and none of them rewrote the page.
TEST_F(PageProbeTest, SmallPartsAreFoldedTogetherAndTheLargeOneStays) {
  seal(12'000);
  const Bytes sealed = page(probed_).parts[0];
  Rng rng(7);
  size_t parts_max = 0;
  for (int64_t i = 0; i < 60; ++i) {
    add({{.key = std::string(1, static_cast<char>('a' + rng.below(5))),
          .time = 1ms * rng.below(10'000),
          .id = 1'000 + i,
          .value = i}});
    ASSERT_TRUE(was_probed_) << i;
    parts_max = std::max(parts_max, page(probed_).parts.size());
  }
  EXPECT_LE(parts_max, 12U);
  EXPECT_EQ(page(probed_).parts[0], sealed);
  uint64_t stored = 0;
  for (const Bytes& part : page(probed_).parts) stored += PartView::open(part).value().rows();
  EXPECT_EQ(page(probed_).head.rows, stored);
  expect_same();
}

TEST_F(PageProbeTest, PartsBehindTheLargestAreFoldedFromWhereSizesDouble) {
  EXPECT_EQ(fold_tail_from({100, 1, 1, 1}), 0U);
  EXPECT_EQ(fold_tail_from({100, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}), 1U);
  EXPECT_EQ(fold_tail_from({100, 20, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}), 1U) << "twice what is folded";
  EXPECT_EQ(fold_tail_from({100, 21, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}), 2U);
  EXPECT_EQ(fold_tail_from({1, 1, 1, 1, 1, 1, 1, 1, 1, 100, 1, 1}), 10U);
  EXPECT_EQ(fold_tail_from({1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 100}), 0U);
}

// A page that is known to be damaged is made anew by whoever adds to it; a probe must not pass by.
TEST_F(PageProbeTest, DamageThatAProbeMeetsIsLeftToReadingThePageWhole) {
  seal();
  Commit damaged{.id = 1};
  damaged.pages.push_back({.key = key_, .expected = Version{1}, .part = "no part"});
  probed_.commit(std::move(damaged), [](Result<CommitResult>) {});
  EXPECT_FALSE(probe({{.key = "a", .time = 1s, .id = 900}}));
}

TEST_F(PageProbeTest, SumsOfDoublesAreNotFoldedInPieces) {
  StreamSchema schema = small_schema();
  schema.values.push_back({.name = "d", .type = ValueType::kDouble});
  const auto in_pieces = [&](const char* text) {
    return folds_in_pieces(schema, {"x", {parse_function(schema, "x", text).value()}});
  };
  for (const char* text : {"sum(d)", "mean(d)", "stddev(d)", "rate(d)", "vwap(v, d)", "vwap(d, v)"})
    EXPECT_FALSE(in_pieces(text)) << text;
  for (const char* text : {"sum(v)", "vwap(v, v)", "count(d)", "rate()", "max(d)", "first(d)",
                           "distinct(d)", "stddev(v)"})
    EXPECT_TRUE(in_pieces(text)) << text;
}

}  // namespace
}  // namespace hindcast::test
