#include "server/params.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

TEST(ParamsTest, QueryIsDecodedPairByPair) {
  EXPECT_EQ(parse_query("key=EWR%2FUA&a+b=c+d&&flag&empty="),
            (QueryPairs{{"key", "EWR/UA"}, {"a b", "c d"}, {"flag", ""}, {"empty", ""}}));
}

TEST(ParamsTest, AbsentAndEmptyAreTheSame) {
  constexpr std::array<std::string_view, 2> kKnown = {"from", "limit"};
  const auto params = Params::create({{"from", ""}}, kKnown).value();
  EXPECT_EQ(params.text("from"), std::nullopt);
  EXPECT_EQ(params.time("from").value(), std::nullopt);
  EXPECT_EQ(params.number("limit", 7, 10).value(), 7u);
}

TEST(ParamsTest, NumbersAreWholeAndBounded) {
  constexpr std::array<std::string_view, 1> kKnown = {"limit"};
  EXPECT_EQ(Params::create({{"limit", "10"}}, kKnown).value().number("limit", 0, 10).value(), 10u);
  for (const char* bad : {"11", "1.5", "x", " 1", "99999999999999999999"}) {
    EXPECT_FALSE(Params::create({{"limit", bad}}, kKnown).value().number("limit", 0, 10)) << bad;
  }
}

}  // namespace
}  // namespace hindcast
