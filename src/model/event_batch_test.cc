#include "model/event_batch.h"

#include <gtest/gtest.h>

#include "base/hex_test_util.h"
#include "base/rng.h"
#include "model/events_test_util.h"

namespace hindcast {
namespace {

using test::batch_of;
using test::Trade;
using test::trade_schema;
using test::trades_of;

const std::vector<Trade> kTrades = {
    {.key = "BTC",
     .time = 1'000'000'000,
     .id = 7,
     .price = 6'123'450,
     .quantity = 0.5,
     .side = "buy"},
    {.key = "ETH", .time = 1'000'000'000, .id = 8, .price = -5, .quantity = -0.0},
    {.key = "BTC",
     .time = 999'999'999,
     .id = INT64_MIN,
     .price = INT64_MAX,
     .side = "sell",
     .order = -3,
     .revision = 2,
     .decision = 9,
     .op = Op::kDelete,
     .origin = 77},
};

TEST(StringTableTest, EqualStringsGetOneNumberInOrderOfFirstAppearance) {
  StringTable table;
  EXPECT_EQ(table.intern("b"), 0u);
  EXPECT_EQ(table.intern("a"), 1u);
  EXPECT_EQ(table.intern(""), 2u);
  EXPECT_EQ(table.intern("b"), 0u);
  EXPECT_EQ(table[0], "b");
  EXPECT_EQ(table[2], "");
  EXPECT_EQ(table.size(), 3u);
}

// add() skips the index; a later intern() must still find what was added.
TEST(StringTableTest, InternFindsStringsThatWereAdded) {
  StringTable table;
  EXPECT_EQ(table.add("x"), 0u);
  EXPECT_EQ(table.intern("y"), 1u);
  EXPECT_EQ(table.add("z"), 2u);
  EXPECT_EQ(table.intern("z"), 2u);
  EXPECT_EQ(table.intern("x"), 0u);
}

TEST(StringTableTest, ManyStringsSurviveGrowthAndAClearedTableIsEmpty) {
  StringTable table;
  for (int round = 0; round < 2; ++round) {
    for (uint32_t i = 0; i < 10'000; ++i) EXPECT_EQ(table.intern(std::to_string(i)), i);
    for (uint32_t i = 0; i < 10'000; ++i) EXPECT_EQ(table.intern(std::to_string(i)), i);
    EXPECT_EQ(table[9'999], "9999");
    table.clear();
    EXPECT_EQ(table.size(), 0u);
  }
}

TEST(EventBatchTest, AppendRowCopiesEveryColumn) {
  const StreamSchema schema = trade_schema();
  const EventBatch from = batch_of(schema, kTrades);
  EventBatch to(schema);
  to.texts.intern("something else, so that text numbers differ");
  for (size_t i = 0; i < from.size(); ++i) {
    to.append_row(schema, from, i, to.keys.intern(from.keys[from.key[i]]));
  }
  EXPECT_EQ(trades_of(to), kTrades);
}

// A stream without corrections must not pay for the columns that carry them.
TEST(EventBatchTest, OptionalColumnsStayAbsentWhileTheyAreZero) {
  const StreamSchema schema = trade_schema();
  const EventBatch from = batch_of(schema, {{.key = "BTC", .side = "buy"}});
  EventBatch to(schema);
  to.append_row(schema, from, 0, to.keys.intern("BTC"));
  EXPECT_TRUE(to.order.empty() && to.revision.empty() && to.op.empty() && to.nulls.empty());
}

TEST(EventBatchTest, ColumnwiseAppendEqualsRowByRow) {
  const StreamSchema schema = trade_schema();
  const EventBatch from = batch_of(schema, kTrades);
  EventBatch to(schema);
  append_rows(schema, from, 1, 3, to);
  append_rows(schema, from, std::vector<uint32_t>{0, 0, 2}, to);
  EXPECT_EQ(trades_of(to),
            (std::vector<Trade>{kTrades[1], kTrades[2], kTrades[0], kTrades[0], kTrades[2]}));
}

TEST(EventBatchTest, ScatterDealsEachRowToItsTargetInOrder) {
  const StreamSchema schema = trade_schema();
  const EventBatch from = batch_of(schema, {kTrades[0], kTrades[1], kTrades[2], kTrades[0]});
  EventBatch a(schema), b(schema);
  EventBatch* const targets[] = {&a, nullptr, &b};
  scatter_rows(schema, from, std::vector<uint32_t>{2, 0, 2, kNoTarget}, targets);
  EXPECT_EQ(trades_of(a), (std::vector<Trade>{kTrades[1]}));
  EXPECT_EQ(trades_of(b), (std::vector<Trade>{kTrades[0], kTrades[2]}));
}

TEST(EventCodecTest, RowsRoundTripWithKeys) {
  const StreamSchema schema = trade_schema();
  Bytes bytes;
  encode_rows(schema, batch_of(schema, kTrades), 0, 3, true, bytes);
  EventBatch back(schema);
  ASSERT_TRUE(decode_rows(schema, bytes, true, back));
  EXPECT_EQ(trades_of(back), kTrades);
}

// docs/formats/events.md
TEST(EventCodecTest, TheWorkedExampleOfTheFormatPage) {
  Bytes bytes;
  encode_rows(test::example_schema(), test::example_batch(), 0, 3, true, bytes);
  EXPECT_EQ(bytes, test::from_hex("01 03"
                                  "02 03 03 42 54 43 45 54 48"
                                  "03 00 01 04"
                                  "02 03 04 62 75 79 73 65 6c 6c"
                                  "05 06 81 02 00 00 80 aa d3 cb df 31 01 05"
                                  "00 00 00 00 00"
                                  "03 00 02 20"
                                  "03 00 83 02 d1 01 00 05 01 05"
                                  "05 01 80 02 00 f2 df 4a 02 d1 cc 46"
                                  "03 00 01 02"));
}

TEST(EventCodecTest, DecodingAppendsToWhatIsThere) {
  const StreamSchema schema = trade_schema();
  const EventBatch batch = batch_of(schema, kTrades);
  Bytes first, second;
  encode_rows(schema, batch, 0, 1, true, first);
  encode_rows(schema, batch, 1, 3, true, second);
  EventBatch back(schema);
  ASSERT_TRUE(decode_rows(schema, first, true, back));
  ASSERT_TRUE(decode_rows(schema, second, true, back));
  EXPECT_EQ(trades_of(back), kTrades);
}

// Many rows, so that blocks, exceptions, differences by key and scaled cells are all taken.
std::vector<Trade> feed(size_t rows, uint64_t seed) {
  Rng rng(seed);
  std::vector<Trade> out;
  int64_t time = 1'709'287'200'000'000'000;
  std::vector<int64_t> next_id(20), price(20);
  for (size_t k = 0; k < 20; ++k) {
    next_id[k] = static_cast<int64_t>(rng.next() >> 20);
    price[k] = static_cast<int64_t>(rng.below(1'000'000'000)) * 100;
  }
  for (size_t i = 0; i < rows; ++i) {
    const size_t k = rng.below(20);
    time += static_cast<int64_t>(rng.below(5)) * 1'000'000;
    price[k] += (static_cast<int64_t>(rng.below(11)) - 5) * 100;
    out.push_back({.key = "KEY" + std::to_string(k),
                   .time = time,
                   .id = next_id[k]++,
                   .price = price[k],
                   .quantity = rng.unit(),
                   .side = rng.chance(0.1)
                               ? std::nullopt
                               : std::optional<std::string>(rng.chance(0.5) ? "buy" : "sell")});
  }
  return out;
}

TEST(EventCodecTest, LongFeedsRoundTrip) {
  const StreamSchema schema = trade_schema();
  for (const size_t rows : {63, 64, 65, 1'000, 5'000}) {
    const std::vector<Trade> trades = feed(rows, rows);
    Bytes bytes;
    encode_rows(schema, batch_of(schema, trades), 0, rows, true, bytes);
    EventBatch back(schema);
    ASSERT_TRUE(decode_rows(schema, bytes, true, back));
    EXPECT_EQ(trades_of(back), trades);
  }
}

// What looks scaled in the sample and is not, or wraps around, must cost bytes and never values.
TEST(EventCodecTest, CellsOfAnySizeRoundTrip) {
  const StreamSchema schema = trade_schema();
  Rng rng(3);
  std::vector<Trade> trades;
  for (int i = 0; i < 2'000; ++i) {
    const auto wild = static_cast<int64_t>(rng.next()) >> rng.below(64);
    trades.push_back({.key = "K",
                      .time = i % 97 == 5 ? wild : int64_t{i} * 1'000'000'000,
                      .id = wild,
                      .price = i % 211 == 3 ? wild : 10'000});
  }
  Bytes bytes;
  encode_rows(schema, batch_of(schema, trades), 0, trades.size(), true, bytes);
  EventBatch back(schema);
  ASSERT_TRUE(decode_rows(schema, bytes, true, back));
  EXPECT_EQ(trades_of(back), trades);
}

Bytes encoded_quantities(const std::vector<double>& quantities) {
  const StreamSchema schema = trade_schema();
  std::vector<Trade> trades;
  for (const double q : quantities) {
    trades.push_back({.key = "K", .id = static_cast<int64_t>(trades.size()), .quantity = q});
  }
  Bytes bytes;
  encode_rows(schema, batch_of(schema, trades), 0, trades.size(), true, bytes);
  EventBatch back(schema);
  EXPECT_TRUE(decode_rows(schema, bytes, true, back));
  const EventBatch sent = batch_of(schema, trades);
  EXPECT_EQ(back.values[1], sent.values[1]);  // bits, so that -0 and 0 differ
  return bytes;
}

// Measurements have a few decimals, whatever type they are declared as.
TEST(EventCodecTest, DoublesThatAreShortDecimalsTakeFewBytes) {
  std::vector<double> readings;
  for (int i = 0; i < 1'000; ++i) readings.push_back((2'150 + i % 37) / 100.0);
  EXPECT_LT(encoded_quantities(readings).size(), 3'000u);
}

TEST(EventCodecTest, AnyDoubleSurvives) {
  std::vector<double> wild = {0.0, -0.0, 1e300, -1e-300, 5e-324, 0.1 + 0.2, 1e16 + 2};
  EXPECT_FALSE(encoded_quantities(wild).empty());
  Rng rng(5);
  for (int i = 0; i < 500; ++i) wild.push_back(rng.unit());
  EXPECT_FALSE(encoded_quantities(wild).empty());
  // Decimals all through the sample, and one cell between that is none.
  std::vector<double> nearly(1'000, 0.25);
  nearly[0] = 0.5;
  nearly[501] = -0.0;
  EXPECT_FALSE(encoded_quantities(nearly).empty());
}

TEST(EventBatchTest, AFewRowsOfALargeTableAreMovedWithTheirTexts) {
  const StreamSchema schema = trade_schema();
  std::vector<Trade> trades;
  for (int i = 0; i < 200; ++i) {
    trades.push_back({.key = "K" + std::to_string(i), .id = i, .side = "S" + std::to_string(i)});
  }
  const EventBatch from = batch_of(schema, trades);
  EventBatch to(schema);
  append_rows(schema, from, 150, 152, to);
  EXPECT_EQ(trades_of(to), (std::vector<Trade>{trades[150], trades[151]}));
  EXPECT_EQ(to.keys.size(), 2u);
}

bool valid(const StreamSchema& schema, const EventBatch& batch) {
  bool ok = batch.key.size() == batch.size();
  for (const uint32_t k : batch.key) ok = ok && k < batch.keys.size();
  for (const auto& column : batch.id) ok = ok && column.size() == batch.size();
  for (const auto& column : batch.values) ok = ok && column.size() == batch.size();
  for (const size_t optional : {batch.order.size(), batch.revision.size(), batch.decision.size(),
                                batch.op.size(), batch.origin.size(), batch.nulls.size()}) {
    ok = ok && (optional == 0 || optional == batch.size());
  }
  for (size_t i = 0; ok && i < batch.size(); ++i) {
    for (size_t f = 0; f < schema.values.size(); ++f) {
      if (schema.values[f].type != ValueType::kText || (batch.nulls_at(i) >> f & 1)) continue;
      ok = ok && static_cast<uint64_t>(batch.values[f][i]) < batch.texts.size();
    }
  }
  return ok;
}

// Damaged bytes are an error or some valid batch, and never more rows than the bytes could hold.
TEST(EventCodecTest, DamagedBytesAreAnErrorOrAValidBatch) {
  const StreamSchema schema = trade_schema();
  Bytes bytes;
  encode_rows(schema, batch_of(schema, feed(300, 1)), 0, 300, true, bytes);
  Rng rng(42);
  size_t errors = 0;
  for (int round = 0; round < 20'000; ++round) {
    Bytes damaged = bytes;
    for (uint64_t flips = rng.below(4); flips > 0; --flips) {
      // Most structure is at the beginning.
      const size_t at =
          rng.below(rng.chance(0.5) ? std::min<size_t>(bytes.size(), 300) : bytes.size());
      damaged[at] = static_cast<char>(rng.next());
    }
    if (rng.chance(0.3)) damaged.resize(rng.below(damaged.size() + 1));
    EventBatch back(schema);
    const Status status = decode_rows(schema, damaged, true, back);
    EXPECT_TRUE(valid(schema, back));
    EXPECT_LE(back.size(), 8 * damaged.size());
    if (!status) {
      ++errors;
      EXPECT_EQ(status.error().code, ErrorCode::kCorruption);
      EXPECT_EQ(back.size(), 0u);
    }
  }
  EXPECT_GT(errors, 5'000u);
}

TEST(EventCodecTest, TruncatedBytesAreCorruption) {
  const StreamSchema schema = trade_schema();
  Bytes bytes;
  encode_rows(schema, batch_of(schema, feed(100, 1)), 0, 100, true, bytes);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EventBatch back = batch_of(schema, kTrades);
    EXPECT_FALSE(decode_rows(schema, BytesView(bytes).substr(0, size), true, back));
    EXPECT_EQ(trades_of(back), kTrades);
  }
}

}  // namespace
}  // namespace hindcast
