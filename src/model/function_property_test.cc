// Folding against naive models on integers without limits.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <boost/multiprecision/cpp_int.hpp>
#include <map>
#include <set>

#include "base/rng.h"
#include "model/function_test_util.h"
#include "model/row.h"

namespace hindcast {
namespace {

using boost::multiprecision::cpp_int;
using test::batch_of_readings;
using test::encoded;
using test::Reading;
using test::reading_schema;
using test::rule_of;

// Huge cells often, so that products and squares leave 128 bits; small ones, so that there are
// ties.
int64_t any_cell() {
  constexpr int64_t kHuge = 999'999'999'999'999'999;
  switch (*rc::gen::inRange(0, 4)) {
    case 0:
      return *rc::gen::element(kHuge, -kHuge, kHuge - 1);
    case 1:
      return *rc::gen::arbitrary<int64_t>() % kHuge;
    default:
      return *rc::gen::inRange<int64_t>(-3, 4);
  }
}

template <class T, class Make>
std::optional<T> maybe(Make make) {
  if (*rc::gen::inRange(0, 5) == 0) return std::nullopt;
  return make();
}

// Distinct in (time, id), as the join leaves them, in page order. Sometimes hundreds of one huge
// reading.
std::vector<Reading> any_readings() {
  std::map<std::tuple<int64_t, std::string, int64_t>, Reading> unique;
  for (int n = *rc::gen::inRange(0, 30); n > 0; --n) {
    Reading r;
    r.time = *rc::gen::inRange<int64_t>(-4, 12);
    r.id_text = *rc::gen::element<std::string>("", "a", std::string("a\0", 2), "b");
    r.id_number = *rc::gen::inRange<int64_t>(-2, 3);
    r.order = *rc::gen::inRange<int64_t>(0, 2);
    r.price = maybe<int64_t>(any_cell);
    r.quantity = maybe<int64_t>(any_cell);
    r.level = maybe<double>([] { return *rc::gen::element(0.0, -0.0, 1.5, -2.25, 1e300, 3.0); });
    r.host = maybe<std::string>([] { return *rc::gen::element<std::string>("", "x", "y", "yy"); });
    unique[{r.time, r.id_text, r.id_number}] = r;
  }
  if (*rc::gen::inRange(0, 4) == 0) {
    for (int n = *rc::gen::inRange(1, 400); n > 0; --n) {
      Reading r{.time = 20, .id_number = n, .price = any_cell(), .quantity = any_cell()};
      unique[{r.time, r.id_text, r.id_number}] = r;
    }
  }
  std::vector<Reading> out;
  for (const auto& [place, reading] : unique) out.push_back(reading);
  return out;
}

// All but sums of doubles: these are defined by page order, and a rollup of them by its children.
const std::vector<std::string> kExact = {"count()",
                                         "count(price)",
                                         "sum(price)",
                                         "min(price)",
                                         "max(price)",
                                         "first(price)",
                                         "last(price)",
                                         "mean(price)",
                                         "rate(price)",
                                         "stddev(price)",
                                         "vwap(price, quantity)",
                                         "variance(price)",
                                         "rate()",
                                         "min(level)",
                                         "max(level)",
                                         "first(level)",
                                         "last(level)",
                                         "distinct(level)",
                                         "distinct(price)",
                                         "distinct(host)",
                                         "min(host)",
                                         "max(host)",
                                         "first(host)",
                                         "last(host)"};
const std::vector<std::string> kReal = {"sum(level)",         "mean(level)",
                                        "variance(level)",    "rate(level)",
                                        "vwap(price, level)", "vwap(level, quantity)"};

Bytes fold_of(const Rule& rule, const std::vector<Reading>& readings) {
  const StreamSchema schema = reading_schema();
  State state(schema, rule);
  const EventBatch batch = batch_of_readings(schema, readings);
  state.fold(batch, 0, batch.size());
  return encoded(state);
}

RC_GTEST_PROP(FunctionPropertyTest, AnyPermutationOfEventsGivesEqualBytes, ()) {
  std::vector<Reading> readings = any_readings();
  const Rule rule = rule_of(reading_schema(), kExact);
  const Bytes in_order = fold_of(rule, readings);
  Rng rng(*rc::gen::arbitrary<uint64_t>());
  for (size_t i = readings.size(); i > 1; --i) std::swap(readings[i - 1], readings[rng.below(i)]);
  RC_ASSERT(fold_of(rule, readings) == in_order);
}

RC_GTEST_PROP(FunctionPropertyTest, TheFoldOfChildrenIsTheFoldOfTheirEvents, ()) {
  const std::vector<Reading> readings = any_readings();
  const StreamSchema schema = reading_schema();
  const Rule rule = rule_of(schema, kExact);
  State parent(schema, rule);
  for (size_t begin = 0; begin < readings.size();) {
    const size_t end = *rc::gen::inRange(begin + 1, readings.size() + 1);
    const std::vector<Reading> part(readings.begin() + static_cast<ptrdiff_t>(begin),
                                    readings.begin() + static_cast<ptrdiff_t>(end));
    RC_ASSERT(parent.combine(fold_of(rule, part)).has_value());
    begin = end;
  }
  RC_ASSERT(encoded(parent) == fold_of(rule, readings));
}

RC_GTEST_PROP(FunctionPropertyTest, HowOftenFoldIsCalledLeavesNoTrace, ()) {
  const std::vector<Reading> readings = any_readings();
  const StreamSchema schema = reading_schema();
  std::vector<std::string> all = kExact;
  all.insert(all.end(), kReal.begin(), kReal.end());
  const Rule rule = rule_of(schema, all);
  const EventBatch batch = batch_of_readings(schema, readings);
  State state(schema, rule);
  const size_t cut = *rc::gen::inRange<size_t>(0, readings.size() + 1);
  state.fold(batch, 0, cut);
  state.fold(batch, cut, batch.size());
  RC_ASSERT(encoded(state) == fold_of(rule, readings));

  State copy(schema, rule);
  RC_ASSERT(copy.combine(encoded(state)).has_value());
  RC_ASSERT(encoded(copy) == encoded(state));
  RC_ASSERT(copy.values(1min) == state.values(1min));
}

// What one would write in Python.
struct Naive {
  cpp_int count = 0, sum = 0, squares = 0;       // of price
  cpp_int pairs = 0, weights = 0, products = 0;  // of price and quantity
  explicit Naive(const std::vector<Reading>& readings) {
    for (const Reading& r : readings) {
      if (!r.price) continue;
      ++count;
      sum += *r.price;
      squares += cpp_int(*r.price) * *r.price;
      if (!r.quantity) continue;
      ++pairs;
      weights += *r.quantity;
      products += cpp_int(*r.price) * *r.quantity;
    }
  }
};
bool fits(const cpp_int& v) {
  const cpp_int limit = cpp_int(1) << 127;
  return -limit <= v && v < limit;
}
cpp_int half_even(cpp_int n, cpp_int d) {
  if (d < 0) n = -n, d = -d;
  cpp_int q = n / d, r = n % d;
  if (r < 0) r += d, --q;  // q is the floor
  const cpp_int twice = 2 * r;
  return twice > d || (twice == d && q % 2 != 0) ? q + 1 : q;
}
std::string as_text(const cpp_int& v) { return v.str(); }
std::string as_text(int128 v) {
  Value value;
  value.kind = Value::Kind::kInt;
  value.number = v;
  return value.to_string();
}

RC_GTEST_PROP(FunctionPropertyTest, ExactValuesEqualPlainArithmetic, ()) {
  const std::vector<Reading> readings = any_readings();
  const StreamSchema schema = reading_schema();
  const Rule rule =
      rule_of(schema, {"sum(price)", "mean(price)", "vwap(price, quantity)", "variance(price)"});
  State state(schema, rule);
  const EventBatch batch = batch_of_readings(schema, readings);
  state.fold(batch, 0, batch.size());
  const std::vector<Value> values = state.values(1min);
  const Naive naive(readings);

  const auto check = [](const Value& value, const cpp_int& expected) {
    if (!fits(expected)) {
      RC_ASSERT(value.null_reason == "overflow");
    } else {
      RC_ASSERT(value.kind == Value::Kind::kDecimal);
      RC_ASSERT(as_text(value.number) == as_text(expected));
    }
  };
  if (naive.count == 0) {
    RC_ASSERT(values[0].null_reason == "empty");
    RC_ASSERT(values[1].null_reason == "empty");
    RC_ASSERT(values[3].null_reason == "empty");
  } else {
    check(values[0], naive.sum);
    check(values[1], half_even(naive.sum * 10'000, naive.count));  // 8 digits to 12
    if (!fits(naive.squares)) {
      RC_ASSERT(values[3].null_reason == "overflow");
    } else {
      const cpp_int numerator = naive.count * naive.squares - naive.sum * naive.sum;
      const double expected =
          numerator.convert_to<double>() / (naive.count * naive.count).convert_to<double>() / 1e16;
      RC_ASSERT(std::abs(values[3].real - expected) <= 1e-15 * expected);
    }
  }
  if (naive.pairs == 0) {
    RC_ASSERT(values[2].null_reason == "empty");
  } else if (!fits(naive.products)) {
    RC_ASSERT(values[2].null_reason == "overflow");
  } else if (naive.weights == 0) {
    RC_ASSERT(values[2].null_reason == "zero-weight");
  } else {
    check(values[2], half_even(naive.products * 10'000, naive.weights));
  }
}

// A rollup of doubles is the fold of its children; it must still be near what one fold would give.
RC_GTEST_PROP(FunctionPropertyTest, ARollupOfDoublesIsNearTheFoldOfTheirEvents, ()) {
  const StreamSchema schema = reading_schema();
  const Rule rule = rule_of(schema, {"mean(level)", "variance(level)"});
  const auto levels =
      *rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(rc::gen::inRange(-1000, 1000)));
  std::vector<Reading> readings;
  for (const int level : levels) {
    readings.push_back({.time = static_cast<int64_t>(readings.size()), .level = 1e6 + level / 7.0});
  }
  State parent(schema, rule);
  for (const Reading& r : readings) RC_ASSERT(parent.combine(fold_of(rule, {r})).has_value());
  double mean = 0, variance = 0;
  for (const Reading& r : readings) mean += *r.level / static_cast<double>(readings.size());
  for (const Reading& r : readings) {
    variance += (*r.level - mean) * (*r.level - mean) / static_cast<double>(readings.size());
  }
  const std::vector<Value> values = parent.values(1min);
  RC_ASSERT(std::abs(values[0].real - mean) <= 1e-9 * mean);
  RC_ASSERT(std::abs(values[1].real - variance) <= 1e-6 * variance + 1e-9);
}

// Whatever the disk gives back: an error, or a state that has values and encodes again.
RC_GTEST_PROP(FunctionPropertyTest, HostileBytesAreAnAnswerNotACrash, ()) {
  const StreamSchema schema = reading_schema();
  std::vector<std::string> all = kExact;
  all.insert(all.end(), kReal.begin(), kReal.end());
  const Rule rule = rule_of(schema, all);
  Bytes bytes = fold_of(rule, any_readings());
  for (int i = *rc::gen::inRange(1, 4); i > 0; --i) {
    bytes[*rc::gen::inRange<size_t>(0, bytes.size())] = *rc::gen::arbitrary<char>();
  }
  State state(schema, rule);
  if (!state.combine(bytes)) return;
  if (!state.combine(bytes)) return;
  (void)state.values(1min);
  State again(schema, rule);
  RC_ASSERT(again.combine(encoded(state)).has_value());
}

cpp_int big(const Int256& v) {
  Bytes bytes;
  put_signed256(bytes, v);
  cpp_int z = 0;
  unsigned shift = 0;
  for (const char c : bytes) {
    z |= cpp_int(static_cast<uint8_t>(c) & 0x7f) << shift;
    shift += 7;
  }
  return z % 2 == 0 ? cpp_int(z / 2) : cpp_int(-(z + 1) / 2);
}
cpp_int big(int128 v) { return cpp_int(as_text(v)); }
int128 any_int128() {
  const auto high = *rc::gen::arbitrary<int64_t>();
  const auto low = *rc::gen::arbitrary<uint64_t>();
  const int shift = *rc::gen::inRange(0, 128);
  return static_cast<int128>(static_cast<uint128>(high) << 64 | low) >> shift;
}

RC_GTEST_PROP(Int256PropertyTest, AgreesWithIntegersWithoutLimits, ()) {
  const int128 a = any_int128(), b = any_int128(), c = any_int128(), d = any_int128();
  const Int256 x = Int256::product(a, b), y = Int256::product(c, d);
  const cpp_int p = big(a) * big(b), q = big(c) * big(d);
  RC_ASSERT(big(x) == p);
  RC_ASSERT(big(x + y) == p + q);
  RC_ASSERT(big(x - y) == p - q);
  RC_ASSERT(x.negative() == (p < 0));
  RC_ASSERT(x.to_int128().has_value() == fits(p));
  RC_ASSERT((x + y).to_double() == cpp_int(p + q).convert_to<double>());

  Bytes bytes;
  put_signed256(bytes, x);
  ByteReader in(bytes);
  RC_ASSERT(signed_varint256(in) == x);
  RC_ASSERT(in.at_end());

  if (y.zero()) return;
  const cpp_int quotient = half_even(p, q);
  const auto divided = divide_half_even(x, y);
  RC_ASSERT(divided.has_value() == fits(quotient));
  if (divided) RC_ASSERT(big(*divided) == quotient);
}

RC_GTEST_PROP(RowPropertyTest, RowsEqualAFoldOfEachBucketByItself, ()) {
  const std::vector<Reading> readings = any_readings();
  const StreamSchema schema = reading_schema();
  const Rule rule = rule_of(schema, kExact);
  const Duration resolution(*rc::gen::inRange<int64_t>(1, 9));
  std::map<EventTime, std::vector<Reading>> buckets;
  for (const Reading& r : readings)
    buckets[align_down(event_time_ns(r.time), resolution)].push_back(r);

  const EventBatch page = batch_of_readings(schema, readings);
  std::vector<KeyRun> runs;
  if (!page.empty()) runs.push_back({.key = 0, .begin = 0, .end = page.size()});
  std::vector<Row> rows;
  fold_rows(schema, rule, AggregateId{1}, resolution, PartitionId{1}, 3, page, runs, rows);
  RC_ASSERT(rows.size() == buckets.size());
  size_t i = 0;
  for (const auto& [start, members] : buckets) {
    const Row& row = rows[i++];
    RC_ASSERT(row.at.bucket == start);
    RC_ASSERT(row.events == members.size());
    RC_ASSERT(row.state == fold_of(rule, members));
  }
}

RC_GTEST_PROP(RowPropertyTest, ValuesRoundTripAndHostileBytesAreAnAnswer, ()) {
  Row row;
  row.version = Version{*rc::gen::arbitrary<uint64_t>()};
  row.events = *rc::gen::arbitrary<uint64_t>();
  row.digest = {*rc::gen::arbitrary<uint64_t>(), *rc::gen::arbitrary<uint64_t>()};
  row.cause = {static_cast<Cause::Kind>(*rc::gen::inRange(0, 5)), *rc::gen::arbitrary<uint64_t>()};
  row.published_at = ProcessingTime(Duration(*rc::gen::arbitrary<int64_t>()));
  row.state = *rc::gen::arbitrary<std::string>();
  Bytes bytes;
  encode_row_value(row, bytes);
  Row decoded;
  RC_ASSERT(decode_row_value(bytes, decoded).has_value());
  RC_ASSERT(decoded == row);
  bytes[*rc::gen::inRange<size_t>(0, bytes.size())] = *rc::gen::arbitrary<char>();
  bytes.resize(*rc::gen::inRange<size_t>(0, bytes.size() + 1));
  (void)decode_row_value(bytes, decoded).has_value();
}

}  // namespace
}  // namespace hindcast
