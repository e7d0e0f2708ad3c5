#include "net/json_reader.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

TEST(JsonReaderTest, NumbersKeepTheirText) {
  const auto value =
      parse_json(R"({"a": 61234.500000000000000001, "b":[1, -2e10], "c":{"d":null,"e":true}} )")
          .value();
  EXPECT_EQ(value["a"].text, "61234.500000000000000001");
  EXPECT_EQ(value["b"].items[1].text, "-2e10");
  EXPECT_TRUE(value["c"]["d"].is_null());
  EXPECT_TRUE(value["c"]["e"].boolean);
  EXPECT_TRUE(value["nowhere"]["at all"].is_null());
  EXPECT_EQ(value["b"].to_string(), "[1,-2e10]");
  EXPECT_EQ(value["c"].to_string(), R"({"d":null,"e":true})");
}

TEST(JsonReaderTest, ScalarsAreDocumentsToo) {
  EXPECT_EQ(parse_json("\"a\\u00e4\\n\"").value().text, "a\xC3\xA4\n");
  EXPECT_EQ(parse_json("17").value().unsigned_number(), 17u);
  EXPECT_EQ(parse_json("-1").value().unsigned_number(), std::nullopt);
  EXPECT_EQ(parse_json("[]").value().kind, JsonValue::Kind::kArray);
}

TEST(JsonReaderTest, WhatIsNoJsonIsRefused) {
  for (const char* text : {"", " ", "{", "[1,]", "{\"a\"}", "{\"a\":1}}", "[1] 2", "nul", "tru",
                           "01x", "\"a", "{\"a\":1,}", "1 2"}) {
    EXPECT_FALSE(parse_json(text)) << text;
  }
}

// A stack of brackets must not become a stack overflow.
TEST(JsonReaderTest, DeepNestingIsRefused) {
  EXPECT_TRUE(parse_json(std::string(40, '[') + std::string(40, ']')));
  EXPECT_FALSE(parse_json(std::string(100'000, '[') + std::string(100'000, ']')));
}

}  // namespace
}  // namespace hindcast
