#include "format/time_parser.h"

#include <gtest/gtest.h>

#include "base/time.h"

namespace hindcast {
namespace {

TimeParser parser(TimeUnit unit, std::string pattern = "", std::string zone = "UTC",
                  bool day = false) {
  TimeMapping mapping;
  mapping.unit = unit;
  mapping.pattern = std::move(pattern);
  mapping.zone = std::move(zone);
  if (day) mapping.day = FieldRef{};
  return TimeParser::create(mapping).value();
}

std::string parsed(TimeParser p, std::string_view text, std::string_view day = "") {
  int64_t out = 0;
  switch (p.parse({text, CellKind::kText}, day, out)) {
    case TimeStatus::kOk:
      return to_rfc3339(event_time_ns(out));
    case TimeStatus::kMalformed:
      return "malformed";
    case TimeStatus::kBadDay:
      return "bad day";
    case TimeStatus::kOutOfRange:
      return "out of range";
  }
  return "";
}

TEST(TimeParserTest, UnitsMayHaveFractions) {
  EXPECT_EQ(parsed(parser(TimeUnit::kSeconds), "1570752011"), "2019-10-11T00:00:11Z");
  EXPECT_EQ(parsed(parser(TimeUnit::kSeconds), "1570752011.620"), "2019-10-11T00:00:11.620Z");
  EXPECT_EQ(parsed(parser(TimeUnit::kSeconds), "1.570752011e9"), "2019-10-11T00:00:11Z");
  EXPECT_EQ(parsed(parser(TimeUnit::kMilliseconds), "1570752011620"), "2019-10-11T00:00:11.620Z");
  EXPECT_EQ(parsed(parser(TimeUnit::kMilliseconds), "1570752011620.000001"),
            "2019-10-11T00:00:11.620000001Z");
  EXPECT_EQ(parsed(parser(TimeUnit::kMicroseconds), "1570752011620001"),
            "2019-10-11T00:00:11.620001Z");
  EXPECT_EQ(parsed(parser(TimeUnit::kNanoseconds), "1570752011620000001"),
            "2019-10-11T00:00:11.620000001Z");
  EXPECT_EQ(parsed(parser(TimeUnit::kSeconds), "-0.5"), "1969-12-31T23:59:59.500Z");
}

// Digits below a nanosecond are cut off towards the past, so equal instants stay equal.
TEST(TimeParserTest, DigitsBelowANanosecondAreCutOff) {
  EXPECT_EQ(parsed(parser(TimeUnit::kSeconds), "1.0000000019"), "1970-01-01T00:00:01.000000001Z");
  EXPECT_EQ(parsed(parser(TimeUnit::kSeconds), "-1.0000000001"), "1969-12-31T23:59:58.999999999Z");
}

TEST(TimeParserTest, WhatNanosecondsCannotHoldIsOutOfRange) {
  EXPECT_EQ(parsed(parser(TimeUnit::kMilliseconds), "1570752011620000000"), "out of range");
  EXPECT_EQ(parsed(parser(TimeUnit::kNanoseconds), "9223372036854775807"), "out of range");
  EXPECT_EQ(parsed(parser(TimeUnit::kSeconds), "1e300"), "out of range");
  EXPECT_EQ(parsed(parser(TimeUnit::kSeconds), "NaN"), "malformed");
  EXPECT_EQ(parsed(parser(TimeUnit::kPattern, "%Y-%m-%d"), "9999-01-01"), "out of range");
}

TEST(TimeParserTest, Rfc3339HasOffsetsAndFractions) {
  const auto p = parser(TimeUnit::kRfc3339);
  EXPECT_EQ(parsed(p, "2015-09-12T00:46:58.771Z"), "2015-09-12T00:46:58.771Z");
  EXPECT_EQ(parsed(p, "2015-09-12 00:46:58Z"), "2015-09-12T00:46:58Z");
  EXPECT_EQ(parsed(p, "2015-09-12T00:46:58+02:00"), "2015-09-11T22:46:58Z");
  EXPECT_EQ(parsed(p, "2016-02-29T00:00:00Z"), "2016-02-29T00:00:00Z");
  for (const char* text : {"2015-02-29T00:00:00Z", "2015-09-12T24:46:58Z", "2015-09-12T00:46:58.Z",
                           "2015-09-12T00:46:58", "2015-13-12T00:46:58Z", "2015-09-12", "", "x",
                           "2015-09-12T00:46:58.7x1Z"}) {
    EXPECT_EQ(parsed(p, text), "malformed") << text;
  }
}

TEST(TimeParserTest, PatternsReadWhatLogsPrint) {
  EXPECT_EQ(parsed(parser(TimeUnit::kPattern, "%Y-%m-%d %H:%M:%S"), "2014-04-01 00:05:00"),
            "2014-04-01T00:05:00Z");
  EXPECT_EQ(parsed(parser(TimeUnit::kPattern, "%d/%b/%Y:%T %z"), "01/Aug/1995:00:00:01 -0400"),
            "1995-08-01T04:00:01Z");
  EXPECT_EQ(parsed(parser(TimeUnit::kPattern, "%FT%T.%f%z"), "2014-11-10T13:53:41.690+0100"),
            "2014-11-10T12:53:41.690Z");
  EXPECT_EQ(
      parsed(parser(TimeUnit::kPattern, "%a %B %e %I:%M %p %Y"), "Mon November  3 12:05 am 2014"),
      "2014-11-03T00:05:00Z");
  EXPECT_EQ(parsed(parser(TimeUnit::kPattern, "%y%j"), "14060"), "2014-03-01T00:00:00Z");
  EXPECT_EQ(parsed(parser(TimeUnit::kPattern, "%s.%f"), "1570752011.5"),
            "2019-10-11T00:00:11.500Z");
  EXPECT_EQ(
      parsed(parser(TimeUnit::kPattern, "%Y-%m-%d %R", "America/New_York"), "2013-10-07 09:30"),
      "2013-10-07T13:30:00Z");
  EXPECT_EQ(parsed(parser(TimeUnit::kPattern, "%Y-%m-%d"), "2014-02-30"), "malformed");
  EXPECT_EQ(parsed(parser(TimeUnit::kPattern, "%Y-%m-%d"), "2014-02-03x"), "malformed");
}

TEST(TimeParserTest, AnUnknownDirectiveOrAPatternWithoutYearIsRefused) {
  TimeMapping mapping;
  mapping.unit = TimeUnit::kPattern;
  mapping.pattern = "%Y %Q";
  EXPECT_NE(TimeParser::create(mapping).error().message.find("'%Q' is not known"),
            std::string::npos);
  mapping.pattern = "%H:%M";
  EXPECT_NE(TimeParser::create(mapping).error().message.find("has no year"), std::string::npos);
}

// lean: the file's day and the milliseconds since midnight on New York's clocks.
TEST(TimeParserTest, ADayAndATimeOfDayAreWhatTheWallClockShows) {
  const auto p = parser(TimeUnit::kMilliseconds, "", "America/New_York", true);
  EXPECT_EQ(parsed(p, "34200000", "20131007"), "2013-10-07T13:30:00Z");
  EXPECT_EQ(parsed(p, "57600000", "2013-11-03"), "2013-11-03T21:00:00Z");
  EXPECT_EQ(parsed(p, "0.5", "2013/01/02"), "2013-01-02T05:00:00.000500Z");
  EXPECT_EQ(parsed(p, "0", "2013-1-2"), "bad day");
  EXPECT_EQ(parsed(p, "-1", "20131007"), "malformed");
  EXPECT_EQ(parsed(parser(TimeUnit::kPattern, "%H:%M:%S", "UTC", true), "23:59:60", "20131007"),
            "2013-10-08T00:00:00Z");
}

}  // namespace
}  // namespace hindcast
