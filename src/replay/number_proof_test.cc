#include "replay/number_proof.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lane/lane_test_util.h"

namespace hindcast {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

EventTime at(int64_t second) { return event_time_ns(second * Duration(1s).count()); }
Window seconds(int64_t from, int64_t to) { return {at(from), at(to)}; }

/// Number n of a key is sent at second n.
EventBatch numbers(const std::vector<int64_t>& list, const Bytes& key = "a") {
  EventBatch batch(test::small_schema());
  for (const int64_t n : list) {
    batch.key.push_back(batch.keys.intern(key));
    batch.time.push_back(unix_ns(at(n)));
    batch.id[0].push_back(n);
    batch.values[0].push_back(0);
  }
  return batch;
}

Gap gap_of(std::vector<GapNumbers::Count> counts, const Window& range, Duration delay = 1s) {
  Gap gap;
  gap.id = 9;
  gap.range = range;
  gap.scope.kind = GapScope::Kind::kKeys;
  for (const GapNumbers::Count& count : counts)
    gap.scope.keys.emplace_back(PartitionId{1}, count.key);
  gap.cause = Gap::Cause::kSequence;
  gap.numbers = {.in_order = false, .delay = delay, .counts = std::move(counts)};
  return gap;
}

MATCHER_P2(Lacks, first, last, "") { return arg.first == first && arg.last == last; }

TEST(NumberProofTest, AllNumbersFillTheWholeGap) {
  NumberProof proof(gap_of({{"a", 10, 20}}, seconds(8, 23)));
  proof.see({numbers({9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21})}, at(60));
  const auto verdicts = proof.judge();
  ASSERT_EQ(verdicts.size(), 1U);
  EXPECT_THAT(verdicts[0].filled, ElementsAre(seconds(8, 23)));
  EXPECT_THAT(verdicts[0].missing, IsEmpty());
  EXPECT_EQ(proof.seen_to(), at(23));
}

TEST(NumberProofTest, WhatIsStillMissingLiesBetweenItsNeighbours) {
  NumberProof proof(gap_of({{"a", 10, 20}}, seconds(8, 23)));
  proof.see({numbers({9, 10, 11, 12, 13, 16, 17, 18, 19, 20, 21})}, at(23));
  const auto verdicts = proof.judge();
  ASSERT_EQ(verdicts.size(), 1U);
  EXPECT_THAT(verdicts[0].missing, ElementsAre(Lacks(14, 15)));
  const Window hole{at(12), at(17) + Duration(1)};
  EXPECT_EQ(verdicts[0].missing[0].range, hole);
  EXPECT_THAT(verdicts[0].filled, ElementsAre(seconds(8, 12), Window{hole.end, at(23)}));
}

TEST(NumberProofTest, WithoutAnyNumberAllOfItIsMissing) {
  NumberProof proof(gap_of({{"a", 10, 20}}, seconds(8, 23)));
  proof.see({}, at(23));
  const auto verdicts = proof.judge();
  ASSERT_EQ(verdicts.size(), 1U);
  EXPECT_THAT(verdicts[0].filled, IsEmpty());
  ASSERT_THAT(verdicts[0].missing, ElementsAre(Lacks(10, 20)));
  EXPECT_EQ(verdicts[0].missing[0].range, seconds(8, 23));
}

TEST(NumberProofTest, NumbersOfOtherKeysAndOtherTimesCountNothing) {
  NumberProof proof(gap_of({{"a", 10, 11}}, seconds(8, 13)));
  EventBatch elsewhere = numbers({10, 11});
  elsewhere.time = {unix_ns(at(3)), unix_ns(at(30))};
  proof.see({numbers({10, 11}, "b"), elsewhere}, at(13));
  EXPECT_THAT(proof.judge().at(0).missing, ElementsAre(Lacks(10, 11)));
}

// A long outage is judged as it is read: its buckets need not wait for the end of it.
TEST(NumberProofTest, WhatFollowsIsSaidAsItIsRead) {
  std::vector<int64_t> there;
  for (int64_t n = 10; n <= 90; ++n) {
    if (n != 40) there.push_back(n);
  }
  NumberProof proof(gap_of({{"a", 10, 90}}, seconds(8, 93)));
  std::vector<Window> filled;
  std::vector<SequenceHole> missing;
  for (int64_t to = 10; to <= 100; to += 10) {
    proof.see({numbers(there)}, at(to));
    for (const auto& verdict : proof.judge()) {
      for (const Window& window : verdict.filled) add_window(filled, window);
      missing.insert(missing.end(), verdict.missing.begin(), verdict.missing.end());
    }
    if (to == 60) {
      EXPECT_GE(filled.back().end, at(55));
    }
  }
  EXPECT_THAT(missing, ElementsAre(Lacks(40, 40)));
  EXPECT_THAT(filled, ElementsAre(seconds(8, 38), Window{at(42) + Duration(1), at(93)}));
}

// Number 12 came with a time behind both of its neighbours, within the delay.
TEST(NumberProofTest, ANumberMayStandADelayBehindItsNeighbours) {
  NumberProof proof(gap_of({{"a", 10, 20}}, seconds(5, 26), 3s));
  EventBatch all = numbers({10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20});
  all.time[2] = unix_ns(at(15));
  std::vector<Window> filled;
  for (int64_t to = 6; to <= 26; ++to) {
    proof.see({all}, at(to));
    for (const auto& verdict : proof.judge()) {
      EXPECT_THAT(verdict.missing, IsEmpty());
      for (const Window& window : verdict.filled) add_window(filled, window);
    }
  }
  EXPECT_THAT(filled, ElementsAre(seconds(5, 26)));
}

TEST(NumberProofTest, EachCountHasItsOwnVerdict) {
  NumberProof proof(gap_of({{"a", 10, 12}, {"b", 10, 12}}, seconds(8, 15)));
  proof.see({numbers({10, 11, 12}, "b"), numbers({10, 12}, "a")}, at(15));
  const auto verdicts = proof.judge();
  ASSERT_EQ(verdicts.size(), 2U);
  EXPECT_THAT(verdicts[0].missing, ElementsAre(Lacks(11, 11)));
  EXPECT_THAT(verdicts[1].filled, ElementsAre(seconds(8, 15)));
}

TEST(NumberProofTest, ACountOfTheStreamTakesAllKeysAndMayStandInTheOrder) {
  Gap gap = gap_of({{"", 10, 12}}, seconds(8, 15));
  gap.scope = {};
  gap.numbers->in_order = true;
  NumberProof proof(gap);
  EventBatch a = numbers({10, 12}, "a"), b = numbers({11}, "b");
  a.order = a.id[0];
  b.order = b.id[0];
  a.id[0] = {77, 78};
  proof.see({a, b}, at(15));
  EXPECT_THAT(proof.judge().at(0).missing, IsEmpty());
}

}  // namespace
}  // namespace hindcast
