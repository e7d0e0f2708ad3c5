#include "model/row.h"

#include <gtest/gtest.h>

#include "base/hex_test_util.h"
#include "model/function_test_util.h"

namespace hindcast {
namespace {

using test::batch_of_readings;
using test::Reading;
using test::reading_schema;
using test::rule_of;

constexpr int64_t kSecond = 1'000'000'000;

std::vector<Row> folded(const Rule& rule, const std::vector<Reading>& readings,
                        Duration resolution) {
  const StreamSchema schema = reading_schema();
  const EventBatch page = batch_of_readings(schema, readings, "BTC");
  std::vector<Row> rows;
  fold_rows(schema, rule, AggregateId{4}, resolution, PartitionId{2}, 7, page,
            {{.key = 0, .begin = 0, .end = page.size()}}, rows);
  return rows;
}

TEST(RowTest, ARunIsSplitAtTheEdgesOfBuckets) {
  const Rule rule = rule_of(reading_schema(), {"count()"});
  const auto rows = folded(
      rule, {{.time = -1}, {.time = 0}, {.time = 10 * kSecond - 1}, {.time = 30 * kSecond}}, 10s);
  ASSERT_EQ(rows.size(), 3u) << "a bucket without events has no row";
  EXPECT_EQ(rows[0].at, (RowKey{AggregateId{4}, 10s, EventTime(-10s), PartitionId{2}, 7, "BTC"}));
  EXPECT_EQ(rows[0].events, 1u);
  EXPECT_EQ(rows[1].at.bucket, EventTime(0s));
  EXPECT_EQ(rows[1].events, 2u);
  EXPECT_EQ(rows[2].at.bucket, EventTime(30s));
}

TEST(RowTest, TheLastInstantOfTimeHasABucket) {
  const Rule rule = rule_of(reading_schema(), {"count()"});
  const auto rows = folded(rule, {{.time = INT64_MAX - 1}, {.time = INT64_MAX}}, 1h);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].events, 2u);
}

// Rows are hashed ahead in blocks, over the edges of keys and not into the holes between them.
TEST(RowTest, ADigestIsThatOfTheEventsOfItsKeyAlone) {
  const StreamSchema schema = reading_schema();
  const Rule rule = rule_of(schema, {"count()"});
  EventBatch page(schema);
  std::vector<KeyRun> runs;
  for (const auto& [key, rows] : {std::pair{"a", 3}, {"b", 150}, {"c", 5}, {"d", 2}}) {
    const size_t begin = page.size();
    std::vector<Reading> readings;
    for (int i = 0; i < rows; ++i) readings.push_back({.time = i, .id_number = i});
    const EventBatch some = batch_of_readings(schema, readings, key);
    const uint32_t index = page.keys.intern(key);
    for (size_t i = 0; i < some.size(); ++i) page.append_row(schema, some, i, index);
    runs.push_back({.key = index, .begin = begin, .end = page.size()});
  }
  runs.erase(runs.begin() + 2);  // "c" is not asked for

  std::vector<Row> out;
  fold_rows(schema, rule, AggregateId{}, 1min, PartitionId{}, 0, page, runs, out);
  ASSERT_EQ(out.size(), runs.size());
  for (size_t r = 0; r < runs.size(); ++r) {
    Digest expected;
    for (size_t i = runs[r].begin; i < runs[r].end; ++i) {
      expected += event_hash(schema, page, i, hash64(page.keys[runs[r].key]));
    }
    EXPECT_EQ(out[r].digest, expected) << out[r].at.key;
    EXPECT_EQ(out[r].events, runs[r].end - runs[r].begin);
  }
}

// Day = sum of hours = sum of minutes: the certificate that verify compares.
TEST(RowTest, DigestsAddUpOverBuckets) {
  const Rule rule = rule_of(reading_schema(), {"count()"});
  const std::vector<Reading> readings = {
      {.time = 1}, {.time = 20 * kSecond}, {.time = 50 * kSecond}};
  const auto fine = folded(rule, readings, 10s);
  const auto coarse = folded(rule, readings, 1min);
  ASSERT_EQ(fine.size(), 3u);
  ASSERT_EQ(coarse.size(), 1u);
  EXPECT_EQ(fine[0].digest + fine[1].digest + fine[2].digest, coarse[0].digest);
}

TEST(RowTest, AParentEqualsTheFoldOfItsEvents) {
  const StreamSchema schema = reading_schema();
  const Rule rule =
      rule_of(schema, {"first(price)", "max(price)", "vwap(price, quantity)", "distinct(host)"});
  const std::vector<Reading> readings = {
      {.time = 1, .price = 5, .quantity = 2, .host = "a"},
      {.time = 20 * kSecond, .price = 9, .quantity = 1, .host = "b"},
      {.time = 50 * kSecond, .price = 7, .quantity = 4, .host = "a"}};
  const auto fine = folded(rule, readings, 10s);
  const auto coarse = folded(rule, readings, 1min);
  const RowKey parent = coarse[0].at;
  EXPECT_EQ(roll_up(schema, rule, parent, {&fine[0], &fine[1], &fine[2]}).value(), coarse[0]);
  State reused(schema, rule);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(roll_up(reused, parent, {&fine[0], &fine[1], &fine[2]}).value(), coarse[0]);
  }
}

TEST(RowTest, AHiddenChildCountsForNothing) {
  const StreamSchema schema = reading_schema();
  const Rule rule = rule_of(schema, {"count()"});
  Row hidden;
  hidden.state = "whatever it was";
  const Row parent = roll_up(schema, rule, RowKey{}, {&hidden}).value();
  EXPECT_EQ(parent.events, 0u);
}

TEST(RowTest, ACorruptChildIsNamed) {
  const StreamSchema schema = reading_schema();
  const Rule rule = rule_of(schema, {"count()"});
  Row child;
  child.at.bucket = EventTime(60s);
  child.events = 1;
  child.state = "x";
  const auto parent = roll_up(schema, rule, RowKey{}, {&child});
  ASSERT_FALSE(parent);
  EXPECT_EQ(parent.error(), corruption("bucket 1970-01-01T00:01:00Z: state: unknown version"));
}

Row example() {
  Row row;
  row.version = Version{300};
  row.events = 2;
  row.digest = {0x1122334455667788, 0x99aabbccddeeff00};
  row.cause = {Cause::Kind::kReplay, 7};
  row.published_at = ProcessingTime(1'700'000'000s);
  row.state = "\x01\x02";
  return row;
}

// The worked example of docs/formats/row.md.
TEST(RowTest, BytesAreThoseOfTheFormatPage) {
  Bytes bytes;
  encode_row_value(example(), bytes);
  const std::string_view documented =
      "01 ac02 02 8877665544332211 00ffeeddccbbaa99 02 07 8080d0e2c6bfce972f 0102";
  EXPECT_EQ(bytes, test::from_hex(documented));
}

TEST(RowTest, AValueComesBackAsItWasWritten) {
  Bytes bytes;
  encode_row_value(example(), bytes);
  Row row;
  ASSERT_TRUE(decode_row_value(bytes, row));
  EXPECT_EQ(row, example());
}

TEST(RowTest, ATruncatedValueIsCorrupt) {
  Bytes bytes;
  encode_row_value(example(), bytes);
  const size_t head = bytes.size() - example().state.size();
  for (size_t size = 0; size < head; ++size) {
    Row row;
    EXPECT_FALSE(decode_row_value(BytesView(bytes).substr(0, size), row)) << size;
  }
  bytes[0] = 9;
  Row row;
  EXPECT_FALSE(decode_row_value(bytes, row));
}

TEST(CauseTest, IsSpelledForPeople) {
  EXPECT_EQ(to_string(Cause{}), "live");
  EXPECT_EQ(to_string(Cause{Cause::Kind::kLate}), "late");
  EXPECT_EQ(to_string(Cause{Cause::Kind::kReplay, 7}), "replay 7");
  EXPECT_EQ(to_string(Cause{Cause::Kind::kRepair, 9}), "repair 9");
  EXPECT_EQ(to_string(Cause{Cause::Kind::kRepair}), "repair");
  EXPECT_EQ(to_string(Cause{Cause::Kind::kUndo, 7}), "undo 7");
}

}  // namespace
}  // namespace hindcast
