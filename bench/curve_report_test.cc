// What the runs say, on literal figures.
#include "bench/curve_report.h"

#include <gmock/gmock.h>

namespace hindcast::bench {
namespace {

using ::testing::HasSubstr;
using Verdict = CurveMark::Verdict;

CurveSample sample(Duration apply, Duration acknowledged, Duration seal, uint64_t replayed) {
  CurveSample out;
  out.apply.add(LatencyCounts::bucket_of(apply), 1'000);
  out.acknowledged.add(LatencyCounts::bucket_of(acknowledged), 1'000);
  out.seal.add(LatencyCounts::bucket_of(seal), 4);
  out.seconds = 10;
  out.replayed = replayed;
  return out;
}

/// One round: alone, ungoverned, and a ceiling.
CurveTable table_with(const CurveSample& governed) {
  CurveTable table{.keys = 100, .rows = {}};
  table.add("none", sample(1ms, 2ms, 60ms, 0));
  table.add("ungoverned", sample(20ms, 50ms, 300ms, 20'000'000));
  table.add("50%", governed);
  return table;
}

std::vector<Verdict> verdicts(const CurveTable& table, bool real_time) {
  std::vector<Verdict> out;
  for (const CurveMark& mark : marks(table, real_time)) out.push_back(mark.verdict);
  return out;
}

TEST(CurveReportTest, AReplayThatLeavesLiveAloneMeetsEveryMark) {
  const CurveTable table = table_with(sample(1ms, 2ms, 90ms, 12'000'000));
  EXPECT_EQ(verdicts(table, true), (std::vector(4, Verdict::kMet)));
  EXPECT_NEAR(medians(table, table.rows[2])[kShare], 0.6, 1e-9);
}

// With real-time priority more is asked of applying: 1.25 x.
TEST(CurveReportTest, WithoutRealTimePriorityApplyMayBeSlower) {
  const CurveTable table = table_with(sample(1'400us, 2ms, 90ms, 12'000'000));
  EXPECT_EQ(verdicts(table, true)[1], Verdict::kNotMet);
  EXPECT_EQ(verdicts(table, false)[1], Verdict::kMet);
}

TEST(CurveReportTest, ASlowReplayThatHurtsNobodyProvesNothing) {
  const CurveTable table = table_with(sample(1ms, 2ms, 60ms, 9'000'000));
  EXPECT_EQ(verdicts(table, true), (std::vector{Verdict::kMet, Verdict::kNotJudged}));
}

// Each round is compared with its own neighbour: a noisy hour then hits both sides of the ratio.
TEST(CurveReportTest, RatiosAreOfOneRoundAndTheirMedianCounts) {
  CurveTable table{.keys = 100, .rows = {}};
  for (const int noise : {1, 8, 2}) {
    table.add("none", sample(noise * 1ms, 2ms, 60ms, 0));
    table.add("50%", sample(noise * 3ms, 2ms, 60ms, 1'000));
  }
  EXPECT_NEAR(ratios(table, table.rows[1])[kApply99], 3, 0.1);
  EXPECT_NEAR(medians(table, table.rows[1])[kApply99], 6, 0.3);
}

// The worst seal is the worst of all rounds, not a median of them.
TEST(CurveReportTest, OneLateSealIsEnough) {
  CurveTable table{.keys = 100, .rows = {}};
  for (const Duration seal : {60ms, 60ms, 600ms}) {
    table.add("none", sample(1ms, 2ms, 60ms, 0));
    table.add("ungoverned", sample(20ms, 50ms, 300ms, 20'000));
    table.add("50%", sample(1ms, 2ms, seal, 12'000));
  }
  EXPECT_EQ(verdicts(table, true).back(), Verdict::kNotMet);
}

TEST(CurveReportTest, WhatWasNotMeasuredIsAbsentAndNotZero) {
  CurveTable table{.keys = 100, .rows = {}};
  table.add("none", CurveSample{.seconds = 1});
  const std::string json = table_json({table}, "\"seconds\":1", false);
  EXPECT_THAT(json, HasSubstr(R"({"seconds":1,"real_time":false,"tables":[{"keys":100,)"));
  EXPECT_THAT(json, HasSubstr(R"("seal_worst_ms":null)"));
  EXPECT_THAT(table_text(table, false), HasSubstr(" -"));
}

}  // namespace
}  // namespace hindcast::bench
