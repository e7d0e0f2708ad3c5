#include "lane/page_merge.h"

#include "lane/lane_test_util.h"
#include "lane/read_page.h"

namespace hindcast::test {
namespace {

/// A page of the parts that successive merges make.
class PageMergeTest : public ::testing::Test {
 protected:
  PageMerge merge(const std::vector<Event>& events, bool find_unmatched = false) {
    const MergeContext context{.schema = schema_,
                               .aggregates = lane_.lane.aggregates,
                               .cause = {Cause::Kind::kLate},
                               .now = kNow,
                               .find_unmatched = find_unmatched};
    PageMerge out = merge_page(context, key_, batch_of(events), &page_, RowsOf::kChanged).value();
    if (out.add) {
      if (out.add->folds_parts) page_.parts.clear();
      page_.parts.push_back(out.add->part);
      ++page_.head.version.value;
    }
    return out;
  }

  const StreamSchema schema_ = small_schema();
  const LaneDriverOptions lane_ = small_options();
  const PageKey key_{kPartition, at(0s), 0};
  PageParts page_{.head = {.key = key_}, .parts = {}};
};

TEST_F(PageMergeTest, ARewrittenPageIsOnePartOfTheSameContent) {
  merge({{.key = "a", .id = 1}, {.key = "b", .id = 2}});
  merge({{.key = "a", .id = 1, .revision = 1, .op = Op::kDelete}});
  const PageAdd add = rewrite_page(schema_, page_).value();
  EXPECT_EQ(add.expected, Version{2});
  EXPECT_TRUE(add.folds_parts);
  EXPECT_EQ(add.live_change, 1);
  EXPECT_EQ(add.new_keys, 2U);
  EXPECT_EQ(add.rows, 2U) << "with the tombstone";
  const PageParts rewritten{.head = page_.head, .parts = {add.part}};
  const EventBatch before = read_page(schema_, page_).value(),
                   after = read_page(schema_, rewritten).value();
  ASSERT_EQ(after.size(), before.size());
  EXPECT_EQ(after.id, before.id);
  EXPECT_EQ(after.op, before.op);
}

// The sums of the directories are the page's, whatever the parts hold.
TEST_F(PageMergeTest, KeyTotalsAreThoseOfTheVisibleEvents) {
  merge({{.key = "a", .id = 1}, {.key = "a", .id = 2}, {.key = "c", .id = 3}});
  merge({{.key = "a", .id = 1, .revision = 1, .value = 7}, {.key = "b", .id = 2}});
  merge({{.key = "c", .id = 3, .revision = 1, .op = Op::kDelete}});
  const std::vector<KeyChange> totals = key_totals(page_).value();
  ASSERT_EQ(totals.size(), 3U);
  const EventBatch seen = visible(schema_, read_page(schema_, page_).value(), {});
  const PageChanges expected = page_changes(schema_, seen, {});
  for (size_t k = 0; k < 2; ++k) {
    EXPECT_EQ(totals[k].key, expected.changes[k].key);
    EXPECT_EQ(totals[k].count, expected.changes[k].count);
    EXPECT_EQ(totals[k].digest, expected.changes[k].digest);
  }
  EXPECT_EQ(totals[2].count, 0);
  EXPECT_EQ(totals[2].digest, Digest{});
}

TEST_F(PageMergeTest, UnmatchedAreTheLiveEventsOfNamedKeysOnly) {
  merge({{.key = "a", .id = 1}, {.key = "a", .id = 2}, {.key = "a", .id = 3}, {.key = "b"}});
  merge({{.key = "a", .id = 3, .revision = 1, .op = Op::kDelete}});
  EXPECT_TRUE(merge({{.key = "a", .id = 1}}).unmatched.empty()) << "not asked for";
  const PageMerge merged = merge({{.key = "a", .id = 1, .revision = 9}, {.key = "c"}}, true);
  EXPECT_EQ(merged.unmatched, (std::vector<std::pair<Bytes, uint64_t>>{{"a", 1}}));
}

TEST_F(PageMergeTest, ADamagedPartIsCorruption) {
  merge({{.key = "a", .id = 1}});
  page_.parts[0].back() ^= 1;
  EXPECT_EQ(rewrite_page(schema_, page_).error().code, ErrorCode::kCorruption);
  page_.parts[0][0] ^= 1;
  EXPECT_EQ(key_totals(page_).error().code, ErrorCode::kCorruption);
}

}  // namespace
}  // namespace hindcast::test
