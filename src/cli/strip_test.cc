#include "cli/strip.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

using SpanState = CoverageSpan::State;

EventTime at(const char* rfc3339) { return parse_rfc3339(rfc3339).value(); }
constexpr EventTime kTen = event_time_ns(1'709'287'200'000'000'000);  // 2024-03-01T10:00:00Z
Window minutes(int from, int to) { return {kTen + from * 1min, kTen + to * 1min}; }

TEST(StripTest, EachCharacterIsASliceOfTime) {
  const std::vector<CoverageSpan> spans = {
      {minutes(0, 4), SpanState::kCovered, {}},    {minutes(4, 5), SpanState::kGap, {1}},
      {minutes(5, 7), SpanState::kReplaying, {1}}, {minutes(7, 8), SpanState::kUnfillable, {2}},
      {minutes(8, 9), SpanState::kAccepted, {3}},  {minutes(9, 10), SpanState::kCovered, {}}};
  EXPECT_EQ(strip(spans, minutes(0, 10), 10, false), "████░▒▒×·█");
  EXPECT_EQ(strip(spans, minutes(0, 10), 20, false), "████████░░▒▒▒▒××··██");
  EXPECT_EQ(strip(spans, minutes(4, 8), 4, false), "░▒▒×") << "a part of it";
}

// A second that is missing must not vanish in a picture of a year.
TEST(StripTest, ASliceShowsTheWorstInIt) {
  const Window year{at("2024-01-01T00:00:00Z"), at("2025-01-01T00:00:00Z")};
  const EventTime gap = at("2024-07-01T12:00:00Z");
  const std::vector<CoverageSpan> spans = {{{year.start, gap}, SpanState::kCovered, {}},
                                           {{gap, gap + 1s}, SpanState::kGap, {1}},
                                           {{gap + 1s, year.end}, SpanState::kCovered, {}}};
  EXPECT_EQ(strip(spans, year, 12, false), "█████░██████");
  const std::vector<CoverageSpan> mixed = {{minutes(0, 1), SpanState::kAccepted, {}},
                                           {minutes(1, 2), SpanState::kReplaying, {}},
                                           {minutes(2, 3), SpanState::kUnfillable, {}}};
  EXPECT_EQ(strip(mixed, minutes(0, 3), 1, false), "▒");
}

TEST(StripTest, ARangeNarrowerThanItsColumnsStillHasThemAll) {
  const Window tiny{kTen, kTen + Duration(3)};
  const std::vector<CoverageSpan> spans = {
      {{tiny.start, tiny.start + Duration(1)}, SpanState::kGap, {}},
      {{tiny.start + Duration(1), tiny.end}, SpanState::kCovered, {}}};
  EXPECT_EQ(strip(spans, tiny, 6, false), "░░████");
}

TEST(StripTest, ColoursChangeWhereTheStateDoesAndEnd) {
  const std::vector<CoverageSpan> spans = {{minutes(0, 2), SpanState::kCovered, {}},
                                           {minutes(2, 3), SpanState::kGap, {1}}};
  EXPECT_EQ(strip(spans, minutes(0, 3), 3, true), "\x1b[32m██\x1b[31m░\x1b[0m");
  EXPECT_EQ(strip_legend({SpanState::kGap, SpanState::kCovered}, true),
            "\x1b[32m█\x1b[0m covered   \x1b[31m░\x1b[0m gap");
  EXPECT_EQ(strip_legend({SpanState::kGap}, false), "░ gap");
}

TEST(StripTest, TheAxisHasRoundTimesThatFit) {
  EXPECT_EQ(strip_axis(minutes(0, 60), 60), "10:00          10:15          10:30          10:45");
  EXPECT_EQ(strip_axis(minutes(3, 63), 60), "            10:15          10:30          10:45")
      << "11:00 does not fit";
}

}  // namespace
}  // namespace hindcast
