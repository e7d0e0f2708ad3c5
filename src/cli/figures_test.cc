#include "cli/figures.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

JsonValue json(const std::string& text) { return parse_json(text).value(); }

TEST(FiguresTest, ABarIsFullOnlyWhenAllIsDone) {
  EXPECT_EQ(bar(0, 4), "[....]");
  EXPECT_EQ(bar(0.999, 4), "[###.]");
  EXPECT_EQ(bar(1, 4), "[####]");
  EXPECT_EQ(bar(-1, 4), "[....]");
  EXPECT_EQ(bar(7, 4), "[####]");
}

TEST(FiguresTest, CountsHaveThreeDigits) {
  EXPECT_EQ(short_count(0), "0");
  EXPECT_EQ(short_count(987), "987");
  EXPECT_EQ(short_count(999.6), "1k");
  EXPECT_EQ(short_count(12'345), "12.3k");
  EXPECT_EQ(short_count(250'000), "250k");
  EXPECT_EQ(short_count(1'254'000), "1.25M");
  EXPECT_EQ(short_count(999'700), "1M");
}

TEST(FiguresTest, LatenciesAndTimesAreAsFineAsTheyMatter) {
  EXPECT_EQ(short_latency(json("null")), "-");
  EXPECT_EQ(short_latency(json("0")), "0 ms");
  EXPECT_EQ(short_latency(json("0.000853")), "0.85 ms");
  EXPECT_EQ(short_latency(json("0.0123")), "12.3 ms");
  EXPECT_EQ(short_latency(json("0.26")), "260 ms");
  EXPECT_EQ(short_latency(json("1.24")), "1.2 s");
  EXPECT_EQ(human_seconds(2.54), "2.5s");
  EXPECT_EQ(human_seconds(130.4), "2m10s");
  EXPECT_EQ(human_seconds(-1), "0.0s");
}

TEST(FiguresTest, APercentIsRoundedDown) {
  EXPECT_EQ(percent_done(json("0.9999")), "99 %");
  EXPECT_EQ(percent_done(json("1")), "100 %");
  EXPECT_EQ(percent_done(json("null")), "-");
}

TEST(FiguresTest, ReasonsAreNamedByTheirShareTheLargestFirst) {
  EXPECT_EQ(reasons_line(json(R"({"compute":0.7,"rate":8.1,"store":1.2,"floor":0,"stream":0.01})")),
            "rate 81% · store 12% · compute 7%");
  EXPECT_EQ(reasons_line(json("{}")), "-");
}

TEST(FiguresTest, ALineIsCutByCharactersAndItsColourEndsThere) {
  EXPECT_EQ(fit("abc", 3), "abc");
  EXPECT_EQ(fit("abcd", 3), "abc");
  EXPECT_EQ(fit("░░░░", 2), "░░");
  EXPECT_EQ(fit("\x1b[31mred\x1b[0m", 3), "\x1b[31mred\x1b[0m");
  EXPECT_EQ(fit("\x1b[31mred and more\x1b[0m", 3), "\x1b[31mred\x1b[0m");
}

}  // namespace
}  // namespace hindcast
