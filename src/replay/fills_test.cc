#include "replay/fills.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

constexpr PartitionId kPartition{1};
const Locate kLocate = [](StreamId, BytesView) { return kPartition; };

EventTime at(int64_t minute) { return event_time_ns(minute * Duration(1min).count()); }
Window minutes(int64_t from, int64_t to) { return {at(from), at(to)}; }

CoverageFacts gap_over(Window range, GapId id = 1) {
  CoverageFacts facts;
  Gap gap;
  gap.id = id;
  gap.stream = StreamId{7};
  gap.range = range;
  facts.gaps = {gap};
  return facts;
}

ReplayJob job_over(Window range) {
  ReplayJob job;
  job.id = 3;
  job.stream = StreamId{7};
  job.range = range;
  return job;
}

Coverage coverage_of(CoverageFacts facts, const std::vector<GapOutcome>& outcomes) {
  facts.outcomes.insert(facts.outcomes.end(), outcomes.begin(), outcomes.end());
  return {facts, {kPartition}};
}

// Windows that no gap touches need no fact: a backfill of covered time writes none (L10).
TEST(FillsTest, WithoutAGapNothingIsSaid) {
  Fills fills(job_over(minutes(0, 60)), {}, {kPartition}, kLocate);
  std::vector<GapOutcome> out;
  fills.fill(minutes(0, 60), out);
  fills.lack({{kPartition, "a", minutes(3, 4), 5}}, {}, out);
  EXPECT_TRUE(out.empty());
}

TEST(FillsTest, AFillIsClippedToTheGapAndSaidOnce) {
  const CoverageFacts facts = gap_over(minutes(10, 20));
  Fills fills(job_over(minutes(0, 60)), facts, {kPartition}, kLocate);
  EXPECT_EQ(fills.gaps(), std::vector<GapId>{1});
  std::vector<GapOutcome> out;
  fills.fill(minutes(0, 15), out);
  fills.fill(minutes(0, 30), out);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].range, minutes(10, 15));
  EXPECT_EQ(out[1].range, minutes(15, 20));
  EXPECT_EQ(out[0].job, 3u);
  EXPECT_TRUE(coverage_of(facts, out).holes().empty());
}

// Windows in `done` that nobody asked for were never read. After a restart they look like those
// that were, but for `skipped`.
TEST(FillsTest, WhatNobodyAskedForIsNotFilledAlsoAfterARestart) {
  const CoverageFacts facts = gap_over(minutes(10, 40));
  ReplayJob job = job_over(minutes(0, 60));
  job.skipped = {minutes(20, 30)};
  job.done = {minutes(0, 40)};
  job.started = ProcessingTime(1h);
  job.gaps = {1};
  Fills fills(job, facts, {kPartition}, kLocate);
  std::vector<GapOutcome> out;
  fills.fill(minutes(0, 40), out);
  const Coverage coverage = coverage_of(facts, out);
  ASSERT_EQ(coverage.holes().size(), 1u);
  EXPECT_EQ(coverage.holes().front().range, minutes(20, 30));
}

// What live has and history lacks shows that history is not the truth there: for that key and
// window nothing is filled, for all else everything is.
TEST(FillsTest, AKeyThatHistoryIsShortOfStaysUnfillable) {
  const CoverageFacts facts = gap_over(minutes(10, 20));
  Fills fills(job_over(minutes(0, 60)), facts, {kPartition}, kLocate);
  std::vector<GapOutcome> out;
  fills.lack({{kPartition, "a", minutes(12, 13), 2}}, {}, out);
  fills.fill(minutes(0, 60), out);
  const Coverage coverage = coverage_of(facts, out);
  ASSERT_EQ(coverage.holes().size(), 1u);
  EXPECT_EQ(coverage.holes()[0].state, Hole::State::kUnfillable);
  EXPECT_EQ(coverage.holes()[0].range, minutes(12, 13));
  EXPECT_EQ(coverage.holes()[0].keys, std::vector<Bytes>{"a"});
  EXPECT_FALSE(coverage.holes()[0].all_but);
}

TEST(FillsTest, AWindowThatHistoryDoesNotHaveIsUnfillableForAllKeys) {
  const CoverageFacts facts = gap_over(minutes(10, 20));
  Fills fills(job_over(minutes(0, 60)), facts, {kPartition}, kLocate);
  std::vector<GapOutcome> out;
  fills.lack({}, {{minutes(15, 30), {}, "no file"}}, out);
  fills.fill(minutes(0, 60), out);
  const Coverage coverage = coverage_of(facts, out);
  ASSERT_EQ(coverage.holes().size(), 1u);
  EXPECT_EQ(coverage.holes()[0].range, minutes(15, 20));
  EXPECT_EQ(coverage.holes()[0].state, Hole::State::kUnfillable);
  EXPECT_EQ(out.front().detail, "no file");
}

// A replay of some keys says nothing about the others.
TEST(FillsTest, AJobOfSomeKeysFillsThoseKeys) {
  const CoverageFacts facts = gap_over(minutes(10, 20));
  ReplayJob job = job_over(minutes(0, 60));
  job.keys = {"a", "b"};
  Fills fills(job, facts, {kPartition}, kLocate);
  std::vector<GapOutcome> out;
  fills.lack({}, {{minutes(0, 60), {"b"}, "key-not-listed"}}, out);
  fills.fill(minutes(0, 60), out);
  const Coverage coverage = coverage_of(facts, out);
  const auto touched = [&](BytesView key) {
    return coverage.touching(minutes(12, 13), {kPartition, key});
  };
  EXPECT_TRUE(touched("a").nothing());
  EXPECT_TRUE(touched("b").unfillable && !touched("b").open);
  EXPECT_TRUE(touched("c").open);
}

// A gap that opened after the reading began may be missing from what was read.
TEST(FillsTest, AJobThatHadBegunKeepsItsGaps) {
  CoverageFacts facts = gap_over(minutes(10, 20));
  facts.gaps.push_back(gap_over(minutes(12, 30), 2).gaps[0]);
  ReplayJob job = job_over(minutes(0, 60));
  job.started = ProcessingTime(1s);
  job.gaps = {1};
  Fills fills(job, facts, {kPartition}, kLocate);
  std::vector<GapOutcome> out;
  fills.fill(minutes(0, 60), out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].gaps, std::vector<GapId>{1});
}

// After a restart a fill still leaves out what the job found to lack before.
TEST(FillsTest, WhatWasFoundLackingBeforeARestartIsNotForgotten) {
  CoverageFacts facts = gap_over(minutes(10, 20));
  GapOutcome lack{.stream = StreamId{7}, .gaps = {1}, .range = minutes(12, 13), .job = 3};
  lack.kind = GapOutcome::Kind::kUnfillable;
  lack.scope = {.kind = GapScope::Kind::kKeys, .keys = {{kPartition, "a"}}};
  facts.outcomes = {lack};
  ReplayJob job = job_over(minutes(0, 60));
  job.started = ProcessingTime(1s);
  job.gaps = {1};
  Fills fills(job, facts, {kPartition}, kLocate);
  std::vector<GapOutcome> out;
  fills.fill(minutes(0, 60), out);
  const Coverage coverage = coverage_of(facts, out);
  ASSERT_EQ(coverage.holes().size(), 1u);
  EXPECT_EQ(coverage.holes()[0].range, minutes(12, 13));
}

CoverageFacts numbered(Window range, GapId id = 1) {
  CoverageFacts facts = gap_over(range, id);
  Gap& gap = facts.gaps[0];
  gap.cause = Gap::Cause::kSequence;
  gap.scope = {GapScope::Kind::kKeys, {}, {{kPartition, "a"}}};
  gap.numbers = GapNumbers{.delay = 1s, .counts = {{"a", 10, 12}}};
  return facts;
}

// What history lacks itself, nobody would miss.
TEST(FillsTest, HistoryReadToItsEndDoesNotFillMissingNumbers) {
  Fills fills(job_over(minutes(0, 60)), numbered(minutes(10, 20)), {kPartition}, kLocate);
  std::vector<GapOutcome> out;
  EXPECT_FALSE(fills.wanted());
  fills.fill(minutes(0, 60), out);
  EXPECT_TRUE(out.empty());
  const auto wanted = fills.wanted();
  ASSERT_TRUE(wanted);
  EXPECT_EQ(wanted->window, minutes(10, 20));
  EXPECT_EQ(wanted->keys, std::vector<Bytes>{"a"});
  fills.show(wanted->window, {}, out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].kind, GapOutcome::Kind::kUnfillable);
  EXPECT_EQ(out[0].range, minutes(10, 20));
  EXPECT_FALSE(fills.wanted());
}

// Only the gap's own job reads all of it; until then its numbers may still come.
TEST(FillsTest, AJobOfAPartOfTheGapDoesNotCallNumbersMissing) {
  Fills fills(job_over(minutes(15, 60)), numbered(minutes(10, 20)), {kPartition}, kLocate);
  std::vector<GapOutcome> out;
  fills.fill(minutes(15, 60), out);
  fills.show(fills.wanted()->window, {}, out);
  EXPECT_TRUE(out.empty());
}

TEST(FillsTest, AWindowThatIsSetAsideIsNotJudged) {
  Fills fills(job_over(minutes(0, 60)), numbered(minutes(10, 20)), {kPartition}, kLocate);
  std::vector<GapOutcome> out;
  fills.fill(minutes(0, 15), out);
  fills.give_up(minutes(15, 60));
  while (const auto wanted = fills.wanted()) fills.show(wanted->window, {}, out);
  EXPECT_TRUE(out.empty());
}

TEST(FillsTest, AJobOfOtherKeysDoesNotJudgeACount) {
  ReplayJob job = job_over(minutes(0, 60));
  job.keys = {"b"};
  Fills fills(job, numbered(minutes(10, 20)), {kPartition}, kLocate);
  std::vector<GapOutcome> out;
  fills.fill(minutes(0, 60), out);
  while (const auto wanted = fills.wanted()) fills.show(wanted->window, {}, out);
  EXPECT_TRUE(out.empty());
}

// L10: what is known to be unfillable is not said again by each replay.
TEST(FillsTest, WhatIsKnownToBeMissingIsSaidOnce) {
  CoverageFacts facts = numbered(minutes(10, 20));
  for (int round = 0; round < 2; ++round) {
    Fills fills(job_over(minutes(0, 60)), facts, {kPartition}, kLocate);
    std::vector<GapOutcome> out;
    fills.fill(minutes(0, 60), out);
    while (const auto wanted = fills.wanted()) fills.show(wanted->window, {}, out);
    EXPECT_EQ(out.size(), round == 0 ? 1u : 0u);
    facts.outcomes.insert(facts.outcomes.end(), out.begin(), out.end());
  }
}

}  // namespace
}  // namespace hindcast
