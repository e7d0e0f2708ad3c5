#include "model/function.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/hex_test_util.h"
#include "model/function_test_util.h"

namespace hindcast {
namespace {

using test::batch_of_readings;
using test::encoded;
using test::Reading;
using test::reading_schema;
using test::rule_of;
using test::text_of;
using test::value_of;

constexpr int64_t kOne = 100'000'000;  // of a decimal with eight digits

const std::vector<Reading> kThree = {
    {.time = 1, .price = 2 * kOne, .quantity = 1'000, .level = 0.5, .host = "b"},
    {.time = 2, .price = 5 * kOne, .quantity = 3'000, .level = -1.5, .host = "a"},
    {.time = 3, .price = 3 * kOne, .quantity = 500, .level = 2.25, .host = "b"}};

TEST(FunctionTest, EveryFunctionOfDecimals) {
  EXPECT_EQ(text_of("count()", kThree), "3");
  EXPECT_EQ(text_of("sum(price)", kThree), "10");
  EXPECT_EQ(text_of("min(price)", kThree), "2");
  EXPECT_EQ(text_of("max(price)", kThree), "5");
  EXPECT_EQ(text_of("first(price)", kThree), "2");
  EXPECT_EQ(text_of("last(price)", kThree), "3");
  EXPECT_EQ(text_of("mean(price)", kThree), "3.333333333333");
  EXPECT_EQ(text_of("vwap(price, quantity)", kThree), "4.111111111111");  // 18.5 / 4.5
  EXPECT_DOUBLE_EQ(value_of("variance(price)", kThree).real, 14.0 / 9);
  EXPECT_DOUBLE_EQ(value_of("stddev(price)", kThree).real, 1.247219128924647);
  EXPECT_EQ(text_of("distinct(price)", kThree), "3");
  EXPECT_EQ(text_of("rate()", kThree, 2s), "1.5");
  EXPECT_EQ(text_of("rate(quantity)", kThree, 10s), "0.45");
}

TEST(FunctionTest, EveryFunctionOfDoubles) {
  EXPECT_EQ(text_of("sum(level)", kThree), "1.25");
  EXPECT_EQ(text_of("min(level)", kThree), "-1.5");
  EXPECT_EQ(text_of("max(level)", kThree), "2.25");
  EXPECT_EQ(text_of("first(level)", kThree), "0.5");
  EXPECT_EQ(text_of("last(level)", kThree), "2.25");
  EXPECT_EQ(text_of("mean(level)", kThree), "0.4166666666666667");
  EXPECT_DOUBLE_EQ(value_of("variance(level)", kThree).real, 2.347222222222222);
  EXPECT_DOUBLE_EQ(value_of("vwap(level, quantity)", kThree).real, (0.5 - 4.5 + 1.125) / 4.5);
  EXPECT_DOUBLE_EQ(value_of("vwap(price, level)", kThree).real, (1.0 - 7.5 + 6.75) / 1.25);
  EXPECT_EQ(text_of("distinct(level)", kThree), "3");
  EXPECT_EQ(text_of("rate(level)", kThree, 500ms), "2.5");
}

TEST(FunctionTest, TextsHaveAnOrderAndAPlace) {
  EXPECT_EQ(text_of("min(host)", kThree), "a");
  EXPECT_EQ(text_of("max(host)", kThree), "b");
  EXPECT_EQ(text_of("first(host)", kThree), "b");
  EXPECT_EQ(text_of("last(host)", kThree), "b");
  EXPECT_EQ(text_of("distinct(host)", kThree), "2");
  EXPECT_EQ(text_of("count(host)", kThree), "3");
}

TEST(FunctionTest, NullsAreIgnoredByAllButCount) {
  const std::vector<Reading> some = {{.time = 1,
                                      .price = std::nullopt,
                                      .quantity = 9'000,
                                      .level = std::nullopt,
                                      .host = std::nullopt},
                                     {.time = 2, .price = 4 * kOne, .quantity = 2'000},
                                     {.time = 3, .price = 8 * kOne, .quantity = std::nullopt}};
  EXPECT_EQ(text_of("count()", some), "3");
  EXPECT_EQ(text_of("count(price)", some), "2");
  EXPECT_EQ(text_of("first(price)", some), "4");
  EXPECT_EQ(text_of("mean(price)", some), "6");
  EXPECT_EQ(text_of("vwap(price, quantity)", some), "4") << "a pair needs both";
  EXPECT_EQ(text_of("distinct(host)", some), "1");
}

TEST(FunctionTest, AValueOfNothingIsNullNotZero) {
  const std::vector<Reading> none = {{.price = std::nullopt,
                                      .quantity = std::nullopt,
                                      .level = std::nullopt,
                                      .host = std::nullopt}};
  for (const char* function :
       {"sum(price)", "min(level)", "max(host)", "first(price)", "last(host)", "mean(level)",
        "vwap(price, quantity)", "variance(price)", "stddev(level)", "rate(price)"}) {
    const Value v = value_of(function, none);
    EXPECT_EQ(v.kind, Value::Kind::kNull) << function;
    EXPECT_EQ(v.null_reason, "empty") << function;
  }
  EXPECT_EQ(text_of("count(price)", none), "0");
  EXPECT_EQ(text_of("distinct(host)", none), "0");
}

TEST(FunctionTest, AVwapWithoutWeightIsNull) {
  const Value decimal = value_of("vwap(price, quantity)", {{.price = kOne, .quantity = 0}});
  EXPECT_EQ(decimal.null_reason, "zero-weight");
  const Value real = value_of("vwap(price, level)", {{.price = kOne, .level = 0}});
  EXPECT_EQ(real.null_reason, "zero-weight");
}

// Half to even: 1/2 of the last digit goes to the even neighbour, so rounding has no drift.
TEST(FunctionTest, RatiosAreRoundedHalfToEvenOnce) {
  // Sums of 1 and 3 units of 10^-18 ... shown with a schema whose field has 13 digits: half of
  // 10^-12.
  StreamSchema schema = reading_schema();
  schema.values[0].scale = 13;
  const Rule rule = rule_of(schema, {"mean(price)"});
  const auto mean = [&](int64_t cell) {
    State state(schema, rule);
    state.fold(batch_of_readings(schema, {{.price = cell}}), 0, 1);
    return state.values(1min)[0].to_string();
  };
  EXPECT_EQ(mean(5), "0");
  EXPECT_EQ(mean(15), "0.000000000002");
  EXPECT_EQ(mean(25), "0.000000000002");
  EXPECT_EQ(mean(-15), "-0.000000000002");
  EXPECT_EQ(mean(26), "0.000000000003");
}

// Ties of one instant are the feed's own order, then the id: whatever came first to us.
TEST(FunctionTest, FirstAndLastAreByTimeThenOrderThenId) {
  const std::vector<Reading> tie = {
      {.time = 5, .id_text = "b", .price = 1, .order = 1},
      {.time = 5, .id_text = "a", .price = 2, .order = 2},
      {.time = 5, .id_text = "a", .id_number = -7, .price = 3, .order = 2},
      {.time = 6, .id_text = "a", .price = 4, .order = 0}};
  EXPECT_EQ(value_of("first(price)", tie).number, 1);
  EXPECT_EQ(value_of("last(price)", tie).number, 4);
  const std::vector<Reading> middle(tie.begin() + 1, tie.end() - 1);
  EXPECT_EQ(value_of("first(price)", middle).number, 3);
  EXPECT_EQ(value_of("last(price)", middle).number, 2);
}

// 10^18 * 10^18 fits in 128 bits a hundred and seventy times, and not more.
TEST(FunctionTest, AnOverflowIsNullWithAReasonAndDoesNotDependOnOrder) {
  constexpr int64_t kHuge = 999'999'999'999'999'999;
  std::vector<Reading> up(200, {.price = kHuge, .quantity = kHuge});
  EXPECT_EQ(value_of("vwap(price, quantity)", up).null_reason, "overflow");
  EXPECT_EQ(value_of("variance(price)", up).null_reason, "overflow");
  EXPECT_EQ(value_of("sum(price)", up).number, int128{200} * kHuge) << "a plain sum always fits";

  std::vector<Reading> back = up;  // and as much again with the other sign
  for (size_t i = 0; i < 200; ++i) back.push_back({.price = -kHuge, .quantity = kHuge});
  EXPECT_EQ(text_of("vwap(price, quantity)", back), "0");
}

TEST(FunctionTest, AnOverflowingSumOfDoublesIsNull) {
  const Value v = value_of("sum(level)", {{.level = 1e308}, {.time = 1, .level = 1e308}});
  EXPECT_EQ(v.kind, Value::Kind::kNull);
  EXPECT_EQ(v.null_reason, "overflow");
}

// The extremes of the type are where a sentinel would be mistaken for a value.
TEST(FunctionTest, MinAndMaxHoldTheExtremeCells) {
  for (const int64_t cell : {INT64_MIN, int64_t{-1}, int64_t{0}, INT64_MAX}) {
    EXPECT_EQ(value_of("min(price)", {{.price = cell}}).number, cell);
    EXPECT_EQ(value_of("max(price)", {{.price = cell}}).number, cell);
  }
  EXPECT_EQ(text_of("max(host)", {{.host = ""}}), "");
}

TEST(FunctionTest, ANegativeZeroIsBelowZeroButTheSameValue) {
  const std::vector<Reading> zeros = {{.time = 1, .level = 0.0}, {.time = 2, .level = -0.0}};
  EXPECT_EQ(text_of("min(level)", zeros), "-0");
  EXPECT_EQ(text_of("max(level)", zeros), "0");
  EXPECT_EQ(text_of("distinct(level)", zeros), "1");
}

// Sums of squares would cancel to nothing here: 10^9 squared leaves no digit for what differs.
TEST(FunctionTest, TheVarianceOfDoublesFarFromZeroIsStillRight) {
  const std::vector<Reading> far = {{.level = 1e9 + 4},
                                    {.time = 1, .level = 1e9 + 7},
                                    {.time = 2, .level = 1e9 + 13},
                                    {.time = 3, .level = 1e9 + 16}};
  EXPECT_DOUBLE_EQ(value_of("variance(level)", far).real, 22.5);
}

TEST(FunctionTest, AReusedStateIsAsGoodAsANewOne) {
  const StreamSchema schema = reading_schema();
  const Rule rule = rule_of(schema, {"count()", "last(host)", "max(host)", "distinct(host)",
                                     "vwap(price, quantity)", "variance(level)", "min(price)"});
  State used(schema, rule), fresh(schema, rule);
  const EventBatch before = batch_of_readings(schema, {{.time = 9, .price = -kOne, .host = "zzz"}});
  used.fold(before, 0, before.size());
  used.reset();
  const EventBatch batch = batch_of_readings(schema, kThree);
  used.fold(batch, 0, batch.size());
  fresh.fold(batch, 0, batch.size());
  EXPECT_EQ(encoded(used), encoded(fresh));
}

// A child that is cut, longer, or of another version is not ours; it must not become a number.
TEST(StateTest, ATruncatedOrLongerStateIsCorrupt) {
  const StreamSchema schema = reading_schema();
  const Rule rule = rule_of(schema, {"count()", "first(price)", "last(host)", "min(level)",
                                     "vwap(price, quantity)", "variance(level)", "distinct(host)"});
  State state(schema, rule);
  const EventBatch batch = batch_of_readings(schema, kThree);
  state.fold(batch, 0, batch.size());
  const Bytes whole = encoded(state);
  State parent(schema, rule);
  ASSERT_TRUE(parent.combine(whole));
  EXPECT_EQ(encoded(parent), whole);
  for (size_t size = 0; size < whole.size(); ++size) {
    parent.reset();
    const Status status = parent.combine(BytesView(whole).substr(0, size));
    ASSERT_FALSE(status) << size;
    EXPECT_EQ(status.error().code, ErrorCode::kCorruption);
  }
  parent.reset();
  EXPECT_FALSE(parent.combine(whole + '\0'));
  parent.reset();
  EXPECT_FALSE(parent.combine('\2' + whole.substr(1)));
}

// The worked example of docs/formats/row.md.
TEST(StateTest, BytesAreThoseOfTheFormatPage) {
  StreamSchema schema;
  schema.key = {PartType::kText};
  schema.id = {PartType::kInt};
  schema.values = {{.name = "price", .precision = 18, .scale = 2},
                   {.name = "qty", .precision = 18, .scale = 0}};
  const Rule rule =
      rule_of(schema, {"first(price)", "max(price)", "sum(qty)", "vwap(price, qty)", "count()"});
  EventBatch batch(schema);
  batch.keys.intern("BTC");
  batch.key = {0, 0};
  batch.time = {1'700'000'000'250'000'000, 1'700'000'001'000'000'000};
  batch.id = {{17, 18}};
  batch.values = {{6'123'450, 6'123'500}, {2, 3}};
  State state(schema, rule);
  state.fold(batch, 0, 2);
  const std::string_view documented =
      "01 02 f4a3abfef962 00 22 f4beeb05 "  // version; first
      "01 d8bfeb05 "                        // max
      "02 0a "                              // sum
      "02 0a f0bc991d "                     // vwap
      "02";                                 // count
  EXPECT_EQ(encoded(state), test::from_hex(documented));
}

TEST(ValueTest, DecimalsAreWrittenWithoutTrailingZeros) {
  const auto text = [](int128 number, uint8_t scale) {
    Value v;
    v.kind = Value::Kind::kDecimal;
    v.number = number;
    v.scale = scale;
    return v.to_string();
  };
  EXPECT_EQ(text(6'123'450, 2), "61234.5");
  EXPECT_EQ(text(6'123'400, 2), "61234");
  EXPECT_EQ(text(-5, 1), "-0.5");
  EXPECT_EQ(text(5, 3), "0.005");
  EXPECT_EQ(text(0, 8), "0");
  EXPECT_EQ(text(1'000, 0), "1000");
  EXPECT_EQ(text(-int128{1'000'000'000'000'000'000} * 1'000, 0), "-1000000000000000000000");
  EXPECT_EQ(text(int128{1'000'000'000'000'000'000} * 100 + 7, 20), "1.00000000000000000007");
  const int128 smallest = int128{1} << 127;
  EXPECT_EQ(text(smallest, 12), "-170141183460469231731687303.715884105728");
}

TEST(ValueTest, DoublesAreWrittenAsShortAsTheyComeBack) {
  const auto text = [](double real) {
    Value v;
    v.kind = Value::Kind::kDouble;
    v.real = real;
    return v.to_string();
  };
  EXPECT_EQ(text(0.1), "0.1");
  EXPECT_EQ(text(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(text(1e100), "1e+100");
  EXPECT_EQ(text(-std::numeric_limits<double>::max()), "-1.7976931348623157e+308");
}

}  // namespace
}  // namespace hindcast
