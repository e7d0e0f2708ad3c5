// Holes in literal counts; times are in seconds.
#include "progress/sequence.h"

#include <gtest/gtest.h>

#include "progress/gap_edges.h"

namespace hindcast {
namespace {

constexpr EventTime at(int64_t seconds) { return EventTime(std::chrono::seconds(seconds)); }

std::vector<std::string> found(SequenceJudge& judge, EventTime watermark) {
  std::vector<std::string> out;
  for (const SequenceHole& hole : judge.judge(watermark)) {
    out.push_back(hole.key + ":" + std::to_string(hole.first) + "-" + std::to_string(hole.last));
  }
  return out;
}
using Holes = std::vector<std::string>;

TEST(SequenceTest, AHoleIsJudgedWhenTheWatermarkPassesBothSides) {
  SequenceJudge judge(0s);
  judge.seen("", 7, at(10));
  judge.seen("", 10, at(20));
  EXPECT_EQ(found(judge, at(20)), Holes{});  // an event at 20 s may still come
  EXPECT_EQ(found(judge, at(21)), Holes{":8-9"});
  EXPECT_EQ(found(judge, at(99)), Holes{});  // said once
}

TEST(SequenceTest, NumbersThatComeInTimeLeaveNoHole) {
  SequenceJudge judge(0s);
  judge.seen("", 7, at(10));
  judge.seen("", 10, at(20));
  judge.seen("", 9, at(19));
  judge.seen("", 8, at(18));
  EXPECT_EQ(found(judge, at(99)), Holes{});
  EXPECT_EQ(judge.states().at("").runs.size(), 1u);
}

// The ledger opens the gap that the hole stands for, and its edges take disorder into account.
TEST(SequenceTest, TheRangeHoldsBothNeighboursAndTheDelay) {
  SequenceJudge judge(5s);
  judge.seen("k", 1, at(10));
  judge.seen("k", 4, at(20));
  const std::vector<SequenceHole> holes = judge.judge(at(30));
  ASSERT_EQ(holes.size(), 1u);
  EXPECT_EQ(holes[0], (SequenceHole{"k", 2, 3, {at(5), at(25) + 1ns}}));
}

TEST(SequenceTest, EachKeyCountsForItself) {
  SequenceJudge judge(0s);
  judge.seen("b", 1, at(1));
  judge.seen("a", 5, at(2));
  judge.seen("b", 3, at(3));
  judge.seen("a", 6, at(4));
  EXPECT_EQ(found(judge, at(9)), Holes{"b:2-2"});
}

// A daemon that starts in the middle of a count has not lost what was before.
TEST(SequenceTest, NothingIsExpectedBelowTheFirstNumber) {
  SequenceJudge judge(0s);
  judge.seen("", 1'000, at(10));
  EXPECT_EQ(found(judge, at(11)), Holes{});
  judge.seen("", 500, at(9));  // late, from before the start
  EXPECT_EQ(found(judge, at(99)), Holes{});
}

TEST(SequenceTest, OutOfOrderAtTheStartStillCounts) {
  SequenceJudge judge(0s);
  judge.seen("", 5, at(5));
  judge.seen("", 3, at(3));
  EXPECT_EQ(found(judge, at(9)), Holes{":4-4"});
}

// Reporting it again would open a second gap for the same loss.
TEST(SequenceTest, ANumberThatComesAfterTheJudgementChangesNothing) {
  SequenceJudge judge(0s);
  judge.seen("", 1, at(1));
  judge.seen("", 3, at(3));
  EXPECT_EQ(found(judge, at(4)), Holes{":2-2"});
  judge.seen("", 2, at(2));
  judge.seen("", 4, at(4));
  EXPECT_EQ(found(judge, at(9)), Holes{});
}

TEST(SequenceTest, ARestartGoesOnExactly) {
  SequenceJudge judge(0s), restarted(0s);
  judge.seen("", 1, at(1));
  judge.seen("", 3, at(30));
  EXPECT_EQ(found(judge, at(4)), Holes{});
  restarted.restore(judge.states());
  EXPECT_EQ(found(restarted, at(31)), Holes{":2-2"});
}

TEST(SequenceTest, NumbersWithoutSenseCannotFillMemory) {
  SequenceJudge judge(0s, 3);
  for (int64_t i = 0; i < 10; ++i) judge.seen("", i * 100, at(i));
  EXPECT_EQ(judge.states().at("").runs.size(), 3u);
  EXPECT_EQ(judge.judge(at(0)).size(), 7u);  // judged early, still each said
}

TEST(SequenceTest, TheEndsOfIntegersDoNotOverflow) {
  SequenceJudge judge(0s);
  judge.seen("", INT64_MIN, at(1));
  judge.seen("", INT64_MAX, at(2));
  const std::vector<SequenceHole> holes = judge.judge(at(3));
  ASSERT_EQ(holes.size(), 1u);
  EXPECT_EQ(holes[0].first, INT64_MIN + 1);
  EXPECT_EQ(holes[0].last, INT64_MAX - 1);
}

TEST(SequenceTest, ACountThatStartsOverIsForgotten) {
  SequenceJudge judge(0s);
  judge.seen("", 900, at(1));
  EXPECT_EQ(found(judge, at(2)), Holes{});
  judge.forget("");
  judge.seen("", 1, at(3));
  judge.seen("", 3, at(4));
  EXPECT_EQ(found(judge, at(9)), Holes{":2-2"});
}

TEST(GapEdgesTest, TheGapReachesTheDelayBeyondBothSides) {
  EXPECT_EQ(gap_start(at(100), 5s), at(95));
  EXPECT_EQ(gap_end(at(100), at(160), 5s), at(165) + 1ns);
  EXPECT_EQ(gap_end(at(100), at(99), 0s), at(100) + 1ns);  // the first after is an older one
}

TEST(GapEdgesTest, TheEndsOfTimeDoNotOverflow) {
  EXPECT_EQ(gap_start(kMinEventTime + 1s, 5s), kMinEventTime);
  EXPECT_EQ(gap_end(at(0), kMaxEventTime - 1s, 5s), kMaxEventTime);
}

}  // namespace
}  // namespace hindcast
