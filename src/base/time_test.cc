#include "base/time.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

TEST(TimeTest, AnInstantIsPrintedWithAsManyFractionDigitsAsItNeeds) {
  const auto at = [](int64_t ns) { return to_rfc3339(event_time_ns(1709287200'000000000 + ns)); };
  EXPECT_EQ(at(0), "2024-03-01T10:00:00Z");
  EXPECT_EQ(at(250'000'000), "2024-03-01T10:00:00.250Z");
  EXPECT_EQ(at(1'000), "2024-03-01T10:00:00.000001Z");
  EXPECT_EQ(at(7), "2024-03-01T10:00:00.000000007Z");
}

TEST(TimeTest, InstantsBeforeTheEpochKeepTheirFraction) {
  EXPECT_EQ(to_rfc3339(event_time_ns(-1)), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(to_rfc3339(kMinEventTime), "1677-09-21T00:12:43.145224192Z");
  EXPECT_EQ(to_rfc3339(kMaxEventTime), "2262-04-11T23:47:16.854775807Z");
}

TEST(TimeTest, WhatIsPrintedIsReadBackEvenAtTheEndsOfTime) {
  for (const int64_t ns : {INT64_MIN, INT64_MAX, int64_t{0}, int64_t{-1},
                           int64_t{951782400'000000000}, int64_t{1709164800'123456789}}) {
    EXPECT_EQ(parse_rfc3339(to_rfc3339(event_time_ns(ns))).value(), event_time_ns(ns)) << ns;
  }
}

TEST(TimeTest, OffsetsAndSpacesAreUnderstood) {
  const EventTime ten = event_time_ns(1709287200'000000000);
  EXPECT_EQ(parse_rfc3339("2024-03-01T12:00:00+02:00").value(), ten);
  EXPECT_EQ(parse_rfc3339("2024-03-01 04:30:00-05:30").value(), ten);
  EXPECT_EQ(parse_rfc3339("2024-03-01T10:00:00.5Z").value(), ten + 500ms);
}

TEST(TimeTest, WhatIsNoInstantIsRefused) {
  for (const char* text :
       {"", "2024", "2024-03-01", "2024-03-01T10:00:00", "2024-02-30T10:00:00Z",
        "2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z", "2024-03-01T24:00:00Z",
        "2024-03-01T10:00:60Z", "2024-03-01T10:00:00.Z", "2024-03-01T10:00:00.1234567890Z",
        "2024-03-01T10:00:00Z ", "2024-03-01T10:00:00+25:00", "1600-01-01T00:00:00Z",
        "2262-04-11T23:47:16.854775808Z", "2024-03-01X10:00:00Z", "+024-03-01T10:00:00Z"}) {
    const auto parsed = parse_rfc3339(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument) << text;
  }
}

TEST(TimeTest, RequestTimesTellSecondsFromMilliseconds) {
  const EventTime ten = event_time_ns(1709287200'000000000);
  EXPECT_EQ(parse_request_time("1709287200").value(), ten);
  EXPECT_EQ(parse_request_time("1709287200250").value(), ten + 250ms);
  EXPECT_EQ(parse_request_time("2024-03-01T10:00:00Z").value(), ten);
  EXPECT_EQ(parse_request_time("-1").value(), event_time_ns(-1'000'000'000));
  EXPECT_FALSE(parse_request_time("99999999999999999"));
  EXPECT_FALSE(parse_request_time("99999999999999999999999"));
  EXPECT_FALSE(parse_request_time("12x"));
  EXPECT_FALSE(parse_request_time(""));
}

TEST(TimeTest, DurationsReadAsAnOperatorWritesThem) {
  EXPECT_EQ(parse_duration("250ms").value(), 250ms);
  EXPECT_EQ(parse_duration("5s").value(), 5s);
  EXPECT_EQ(parse_duration("1m").value(), 1min);
  EXPECT_EQ(parse_duration("6h").value(), 6h);
  EXPECT_EQ(parse_duration("7d").value(), 168h);
  EXPECT_EQ(parse_duration("1w").value(), 168h);
  EXPECT_EQ(parse_duration("0").value(), 0s);
  EXPECT_EQ(to_string(Duration(90s)), "90s");
  EXPECT_EQ(to_string(Duration(1h)), "1h");
  EXPECT_EQ(to_string(Duration(168h)), "1w");
  EXPECT_EQ(to_string(Duration(1500ms)), "1500ms");
}

TEST(TimeTest, ADurationWithoutUnitNamesTheUnits) {
  for (const char* text : {"", "5", "-5s", "+5s", "5 s", "1.5h", "5min", "s", "1h30m"}) {
    const auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(parsed.error().message.find("ms, s, m, h, d or w"), std::string::npos);
  }
  EXPECT_FALSE(parse_duration("99999999999d"));
}

TEST(TimeTest, WindowsBeforeTheEpochAlignDownwards) {
  EXPECT_EQ(align_down(event_time_ns(-1), 1h), event_time_ns(-3600'000000000));
  EXPECT_EQ(window_of(event_time_ns(3600'000000000), 1h).start, event_time_ns(3600'000000000));
  EXPECT_EQ(window_of(kMaxEventTime, 1h).end, kMaxEventTime);
}

}  // namespace
}  // namespace hindcast
