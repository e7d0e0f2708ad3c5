#include "format/value_parser.h"

#include <gtest/gtest.h>

#include <cmath>

namespace hindcast {
namespace {

int64_t decimal(std::string_view text, uint8_t precision, uint8_t scale) {
  int64_t out = -999;
  const ParseStatus status = parse_decimal(text, precision, scale, out);
  return status == ParseStatus::kOk ? out : -1000 - static_cast<int64_t>(status);
}
constexpr int64_t failed(ParseStatus status) { return -1000 - static_cast<int64_t>(status); }

TEST(ValueParserTest, DecimalsAreExactHoweverTheyAreWritten) {
  EXPECT_EQ(decimal("12.5", 18, 8), 1250000000);
  EXPECT_EQ(decimal("-12.50000000000", 18, 8), -1250000000);
  EXPECT_EQ(decimal("1e-7", 18, 8), 10);
  EXPECT_EQ(decimal("3.10E2", 18, 2), 31000);
  EXPECT_EQ(decimal(".5", 18, 1), 5);
  EXPECT_EQ(decimal("5.", 18, 1), 50);
  EXPECT_EQ(decimal(" +7 ", 18, 0), 7);
  EXPECT_EQ(decimal("-0.0", 18, 0), 0);
  EXPECT_EQ(decimal("0e99999999999", 18, 0), 0);
  EXPECT_EQ(decimal("0.00000000000000000000000000", 18, 2), 0);
  EXPECT_EQ(decimal("100000000000000000000000e-23", 18, 2), 100);
  EXPECT_EQ(decimal("0.99999999", 8, 8), 99999999);
  EXPECT_EQ(decimal("999999999999999999", 18, 0), 999999999999999999);
}

TEST(ValueParserTest, NothingIsRoundedIntoADecimal) {
  EXPECT_EQ(decimal("0.001", 18, 2), failed(ParseStatus::kTooManyDigits));
  EXPECT_EQ(decimal("1e-99999", 18, 2), failed(ParseStatus::kTooManyDigits));
  EXPECT_EQ(decimal("1.00000000000000000000000000001", 18, 2), failed(ParseStatus::kTooManyDigits));
  EXPECT_EQ(decimal("1000000000000000000", 18, 0), failed(ParseStatus::kOverflow));
  EXPECT_EQ(decimal("100", 4, 2), failed(ParseStatus::kOverflow));
  EXPECT_EQ(decimal("1e300", 18, 0), failed(ParseStatus::kOverflow));
  EXPECT_EQ(decimal("12345678901234567890123", 18, 0), failed(ParseStatus::kOverflow));
}

TEST(ValueParserTest, WhatIsNoNumberHasAName) {
  for (const char* text :
       {"", " ", "-", ".", "1,5", "1.2.3", "0x10", "1e", "1e+", "--1", "1 2", "abc", "1_000"}) {
    EXPECT_EQ(decimal(text, 18, 2), failed(ParseStatus::kNotANumber)) << text;
  }
  for (const char* text : {"NaN", "nan", "Infinity", "-inf", "+INF"}) {
    EXPECT_EQ(decimal(text, 18, 2), failed(ParseStatus::kNotFinite)) << text;
    double real = 0;
    EXPECT_EQ(parse_double(text, real), ParseStatus::kNotFinite) << text;
  }
}

TEST(ValueParserTest, IntegersUseAll64Bits) {
  int64_t out = 0;
  EXPECT_EQ(parse_integer("9223372036854775807", out), ParseStatus::kOk);
  EXPECT_EQ(out, INT64_MAX);
  EXPECT_EQ(parse_integer("-9223372036854775808", out), ParseStatus::kOk);
  EXPECT_EQ(out, INT64_MIN);
  EXPECT_EQ(parse_integer("9223372036854775808", out), ParseStatus::kOverflow);
  EXPECT_EQ(parse_integer("12.0", out), ParseStatus::kOk);
  EXPECT_EQ(out, 12);
  EXPECT_EQ(parse_integer("12.5", out), ParseStatus::kTooManyDigits);
}

TEST(ValueParserTest, DoublesAreTheNearestFiniteOnes) {
  double out = 0;
  EXPECT_EQ(parse_double("0.1", out), ParseStatus::kOk);
  EXPECT_EQ(out, 0.1);
  EXPECT_EQ(parse_double("-0", out), ParseStatus::kOk);
  EXPECT_FALSE(std::signbit(out));
  EXPECT_EQ(parse_double("1e-400", out), ParseStatus::kOk);
  EXPECT_EQ(out, 0.0);
  EXPECT_EQ(parse_double("1e400", out), ParseStatus::kOverflow);
  EXPECT_EQ(parse_double("1.5x", out), ParseStatus::kNotANumber);
  EXPECT_EQ(parse_double("", out), ParseStatus::kNotANumber);
  EXPECT_EQ(parse_double("- 1", out), ParseStatus::kNotANumber);
}

TEST(ValueParserTest, JsonNumbersFollowTheGrammarOfJson) {
  for (const char* text : {"0", "-0", "10", "1.5", "1e5", "1E-5", "-1.25e+10"})
    EXPECT_TRUE(is_json_number(text)) << text;
  for (const char* text : {"", "-", "01", "+1", ".5", "5.", "1e", "1e+", "1 ", "0x1", "NaN"})
    EXPECT_FALSE(is_json_number(text)) << text;
}

}  // namespace
}  // namespace hindcast
