// Reading function texts, and the hash of a definition.
#include <gtest/gtest.h>

#include "model/function_test_util.h"

namespace hindcast {
namespace {

using test::reading_schema;
using test::rule_of;

FunctionSpec parsed(std::string_view text) {
  return parse_function(reading_schema(), "out", text).value();
}
std::string refusal(std::string_view text) {
  const auto result = parse_function(reading_schema(), "out", text);
  return result ? "accepted" : result.error().message;
}

TEST(ParseFunctionTest, ReadsEveryFunction) {
  EXPECT_EQ(parsed("count()"), (FunctionSpec{"out", FunctionKind::kCount, -1, -1}));
  EXPECT_EQ(parsed("count(host)"), (FunctionSpec{"out", FunctionKind::kCount, 3, -1}));
  EXPECT_EQ(parsed(" vwap ( price,quantity ) "), (FunctionSpec{"out", FunctionKind::kVwap, 0, 1}));
  EXPECT_EQ(parsed("rate()"), (FunctionSpec{"out", FunctionKind::kRate, -1, -1}));
  for (const FunctionKind kind :
       {FunctionKind::kSum, FunctionKind::kMin, FunctionKind::kMax, FunctionKind::kFirst,
        FunctionKind::kLast, FunctionKind::kMean, FunctionKind::kVariance, FunctionKind::kStddev,
        FunctionKind::kDistinct}) {
    EXPECT_EQ(parsed(std::string(to_string(kind)) + "(level)"), (FunctionSpec{"out", kind, 2, -1}));
  }
}

TEST(ParseFunctionTest, AnErrorNamesWhatWasMeant) {
  EXPECT_EQ(refusal("frist(price)"), "unknown function 'frist' (did you mean 'first'?)");
  EXPECT_EQ(refusal("avg(price)"), "unknown function 'avg' (did you mean 'mean'?)");
  EXPECT_EQ(refusal("sum(pirce)"), "unknown value 'pirce' (did you mean 'price'?)");
  EXPECT_EQ(refusal("quantile(price)"),
            "unknown function 'quantile'; known are count, sum, min, max, first, last, mean, vwap, "
            "variance, "
            "stddev, distinct, rate");
}

TEST(ParseFunctionTest, AnErrorSaysWhatIsExpected) {
  EXPECT_EQ(refusal("sum(host)"), "sum needs numbers, but 'host' is text");
  EXPECT_EQ(refusal("vwap(price)"),
            "expected vwap(price, quantity), got 1 values in 'vwap(price)'");
  EXPECT_EQ(refusal("vwap(price,)"), "unknown value ''");
  EXPECT_EQ(refusal("vwap(price, host)"), "vwap needs numbers, but 'host' is text");
  EXPECT_EQ(refusal("sum()"), "expected sum(value), got 0 values in 'sum()'");
  EXPECT_EQ(refusal("price"),
            "expected a function of values, as in first(price) or count(), not 'price'");
  EXPECT_EQ(refusal("sum(price"),
            "expected a function of values, as in first(price) or count(), not 'sum(price'");
  EXPECT_EQ(refusal("sum(min(price))"),
            "expected a function of values, as in first(price) or count(), not 'sum(min(price))'");
  EXPECT_NE(refusal(""), "accepted");
}

// Rows of years are found by it: it may never change for the same definition.
TEST(RuleHashTest, IsFixedForEver) {
  const StreamSchema schema = reading_schema();
  EXPECT_EQ(
      to_hex(rule_of(schema, {"first(price)", "vwap(price, quantity)", "count()"}).hash(schema)),
      "af94e79c6e35a7d0b250dca7a3b95a6b");
}

TEST(RuleHashTest, SeesWhatChangesValuesOrStates) {
  const StreamSchema schema = reading_schema();
  const Rule rule = rule_of(schema, {"first(price)", "count()"});
  const Hash128 hash = rule.hash(schema);

  EXPECT_NE(rule_of(schema, {"last(price)", "count()"}).hash(schema), hash);
  EXPECT_NE(rule_of(schema, {"first(quantity)", "count()"}).hash(schema), hash);
  EXPECT_NE(rule_of(schema, {"count()", "first(price)"}).hash(schema), hash);
  Rule renamed = rule;
  renamed.functions[0].name = "open";
  EXPECT_NE(renamed.hash(schema), hash);
  StreamSchema finer = schema;
  finer.values[0].scale = 9;
  EXPECT_NE(rule.hash(finer), hash);
  StreamSchema other_ids = schema;
  other_ids.id[0] = PartType::kInt;
  EXPECT_NE(rule.hash(other_ids), hash);
}

TEST(RuleHashTest, DoesNotSeeTheAggregatesNameOrTheOrderOfFields) {
  const StreamSchema schema = reading_schema();
  const Rule rule = rule_of(schema, {"first(price)", "count()"});
  StreamSchema turned = schema;
  std::swap(turned.values[0], turned.values[3]);
  Rule same = rule_of(turned, {"first(price)", "count()"});
  same.aggregate = "renamed";
  EXPECT_EQ(same.hash(turned), rule.hash(schema));
}

}  // namespace
}  // namespace hindcast
