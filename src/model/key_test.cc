#include "model/key.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hindcast {
namespace {

const std::vector<PartType> kText = {PartType::kText};
const std::vector<PartType> kInt = {PartType::kInt};
const std::vector<PartType> kTextIntText = {PartType::kText, PartType::kInt, PartType::kText};

TEST(KeyTest, ByteOrderIsComponentOrder) {
  const std::vector<std::vector<KeyPart>> ordered = {
      {"", -5, "z"},
      {"", 5, "a"},
      {std::string("\0", 1), 0, ""},
      {std::string("\0\xff", 2), 0, ""},
      {"\1", 0, ""},
      {"a", INT64_MIN, ""},
      {"a", -1, "x"},
      {"a", 0, ""},
      {"a", INT64_MAX, ""},
      {std::string("a\0", 2), 0, ""},
      {"ab", 0, ""},
      {"b", 0, ""},
  };
  std::vector<Bytes> keys;
  for (const auto& parts : ordered) {
    keys.push_back(encode_key(kTextIntText, parts));
    EXPECT_EQ(decode_key(kTextIntText, keys.back()).value(), parts);
  }
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end());
}

TEST(KeyTest, BytesThatAreNoKeyAreCorruption) {
  EXPECT_EQ(decode_key(kInt, "1234567").error().code, ErrorCode::kCorruption);
  EXPECT_EQ(decode_key(kInt, "123456789").error().code, ErrorCode::kCorruption);
  EXPECT_EQ(decode_key(kTextIntText, "no terminator").error().code, ErrorCode::kCorruption);
  EXPECT_EQ(decode_key(kTextIntText, std::string("a\0b12345678", 11)).error().code,
            ErrorCode::kCorruption);
}

TEST(KeyTest, KeysAreWrittenWithSlashesAndReadBack) {
  const Bytes key = encode_key(kTextIntText, std::vector<KeyPart>{"EWR", 17, "UA"});
  EXPECT_EQ(key_to_string(kTextIntText, key), "EWR/17/UA");
  EXPECT_EQ(key_from_string(kTextIntText, "EWR/17/UA").value(), key);
  EXPECT_EQ(key_from_string(kTextIntText, R"([ "EWR", 17 ,"UA"])").value(), key);
}

TEST(KeyTest, OneTextComponentMayHoldSlashes) {
  EXPECT_EQ(key_from_string(kText, "BTC/USD").value(), "BTC/USD");
  EXPECT_EQ(key_to_string(kText, "BTC/USD"), "BTC/USD");
}

// Whatever a key holds, its printed form names it.
TEST(KeyTest, AmbiguousKeysArePrintedAsJson) {
  const std::vector<KeyPart> parts = {"a/b", -1, "quote \" tab \t \\ \xc3\xa9"};
  const Bytes key = encode_key(kTextIntText, parts);
  EXPECT_EQ(key_to_string(kTextIntText, key),
            "[\"a/b\",-1,\"quote \\\" tab \\u0009 \\\\ \xc3\xa9\"]");
  EXPECT_EQ(key_from_string(kTextIntText, key_to_string(kTextIntText, key)).value(), key);
  EXPECT_EQ(key_to_string(kText, "[x"), R"(["[x"])");
  EXPECT_EQ(key_from_string(kText, R"(["[x"])").value(), "[x");
}

TEST(KeyTest, JsonEscapesAreUnderstood) {
  EXPECT_EQ(key_from_string(kText, R"(["\u00e9\n\ud83d\ude00"])").value(),
            "\xc3\xa9\n\xf0\x9f\x98\x80");
}

TEST(KeyTest, WrongShapesNameTheExpectedOne) {
  for (const char* text : {"EWR", "EWR/x/UA", "EWR/17/UA/9", "[\"EWR\",17]", "[17,17,17]",
                           "[\"EWR\",17,\"UA\"", "[\"EWR\",17,\"\\ud800\"]", "EWR//UA"}) {
    const Result<Bytes> key = key_from_string(kTextIntText, text);
    ASSERT_FALSE(key) << text;
    EXPECT_EQ(key.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(key.error().message.find("<text>/<integer>/<text>"), std::string::npos);
  }
  EXPECT_FALSE(key_from_string(kInt, "9223372036854775808"));
  EXPECT_FALSE(key_from_string(kInt, ""));
}

// Stored pages depend on these: a change of value here loses data.
TEST(KeyTest, SlotsAndPartitionsAreFixed) {
  EXPECT_EQ(slot_of("BTCUSDT", 16), 0);
  EXPECT_EQ(slot_of("BTCUSDT", 4096), 63);
  EXPECT_EQ(partition_of("BTCUSDT", 8), 6u);
  EXPECT_EQ(slot_of("anything", 1), 0);
}

TEST(KeyTest, SlotsSpreadKeysEvenlyWithinEveryPartition) {
  std::vector<std::vector<int>> count(4, std::vector<int>(16));
  for (int i = 0; i < 64'000; ++i) {
    const Bytes key = "key" + std::to_string(i);
    ++count[partition_of(key, 4)][slot_of(key, 16)];
  }
  for (const auto& slots : count) {
    for (const int n : slots) EXPECT_NEAR(n, 1'000, 150);
  }
}

}  // namespace
}  // namespace hindcast
