#include "model/part.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/hex_test_util.h"
#include "base/rng.h"
#include "model/events_test_util.h"
#include "model/join.h"

namespace hindcast {
namespace {

using test::batch_of;
using test::Trade;
using test::trade_schema;
using test::trades_of;

const StreamSchema kSchema = trade_schema();

std::vector<Trade> sorted_trades(int keys, int rows_per_key) {
  std::vector<Trade> out;
  for (int k = 0; k < keys; ++k) {
    for (int i = 0; i < rows_per_key; ++i) {
      out.push_back({.key = "K" + std::to_string(100'000 + k),
                     .time = i * 1'000'000,
                     .id = i,
                     .price = 100 * k + i,
                     .quantity = 0.25 * i,
                     .side = i % 2 ? "buy" : "sell"});
    }
  }
  return out;
}

Bytes part_of(const std::vector<Trade>& trades) {
  const EventBatch rows = batch_of(kSchema, trades);
  return encode_part(kSchema, rows, page_changes(kSchema, rows, {}).changes);
}

TEST(PartTest, RowsAndDirectoryRoundTrip) {
  const std::vector<Trade> trades = sorted_trades(300, 70);
  const EventBatch rows = batch_of(kSchema, trades);
  const PageChanges changes = page_changes(kSchema, rows, {});
  const Bytes bytes = encode_part(kSchema, rows, changes.changes);
  const PartView part = PartView::open(bytes).value();
  EXPECT_EQ(part.rows(), 21'000u);
  EXPECT_EQ(part.live_change(), 21'000);
  EXPECT_EQ(part.digest_change(), changes.digest_change);
  ASSERT_EQ(part.directory().size(), 300u);
  for (size_t k = 0; k < 300; ++k) {
    EXPECT_EQ(part.directory()[k].key, changes.changes[k].key);
    EXPECT_EQ(part.directory()[k].count, 70);
    EXPECT_EQ(part.directory()[k].digest, changes.changes[k].digest);
  }
  EventBatch back(kSchema);
  ASSERT_TRUE(part.read(kSchema, nullptr, back));
  EXPECT_EQ(trades_of(back), trades);
}

// docs/formats/part.md
TEST(PartTest, TheWorkedExampleOfTheFormatPage) {
  const StreamSchema schema = test::example_schema();
  const EventBatch page = test::example_batch();
  EXPECT_EQ(encode_part(schema, page, page_changes(schema, page, {}).changes),
            test::from_hex("48 43 50 54 01 42 00 00 00"
                           "03 02 01 06 62f6e60690667329 88c410947f5aa478"
                           "03 42 54 43 02 00 3722ca6e95a61f5d 4c8e5301ed947254"
                           "03 45 54 48 01 00 2bd41c98fabf53cc 3b36bd9292c53124"
                           "03 41"
                           "b9 5e 65 ae"
                           "01 03"
                           "02 03 04 62 75 79 73 65 6c 6c"
                           "05 06 81 02 00 00 80 aa d3 cb df 31 01 05"
                           "00 00 00 00 00"
                           "03 00 02 20"
                           "03 00 83 02 d1 01 00 05 01 05"
                           "05 01 80 02 00 f2 df 4a 02 d1 cc 46"
                           "03 00 01 02"
                           "b3 bf db c0"));
}

TEST(PartTest, OnlyWantedKeysAreRead) {
  const std::vector<Trade> trades = sorted_trades(100, 100);
  const Bytes bytes = part_of(trades);
  const PartView part = PartView::open(bytes).value();
  const auto wanted = [](BytesView key) {
    return key == "K100000" || key == "K100041" || key == "K100099";
  };
  EventBatch back(kSchema);
  ASSERT_TRUE(part.read(kSchema, wanted, back));
  std::vector<Trade> expected;
  for (const Trade& t : trades) {
    if (wanted(t.key)) expected.push_back(t);
  }
  EXPECT_EQ(trades_of(back), expected);
  EXPECT_EQ(back.keys.size(), 3u);
}

// A merge for one key must not depend on the health of the others' chunks, nor pay for them.
TEST(PartTest, ChunksOfOtherKeysAreNotTouched) {
  Bytes bytes = part_of(sorted_trades(100, 100));
  bytes.back() ^= 1;  // the last chunk's checksum
  const PartView part = PartView::open(bytes).value();
  EventBatch back(kSchema);
  EXPECT_TRUE(part.read(
      kSchema, [](BytesView key) { return key == "K100000"; }, back));
  EXPECT_EQ(back.size(), 100u);
  EventBatch all(kSchema);
  EXPECT_EQ(part.read(kSchema, nullptr, all).error().code, ErrorCode::kCorruption);
}

TEST(PartTest, AKeyMayBeNamedWithoutRows) {
  const EventBatch rows = batch_of(kSchema, {{.key = "B", .id = 1}});
  const std::vector<KeyChange> changes = {
      {.key = "A", .count = -1, .digest = {1, 2}}, {.key = "B"}, {.key = "C", .count = 2}};
  const Bytes bytes = encode_part(kSchema, rows, changes);
  const PartView part = PartView::open(bytes).value();
  EXPECT_EQ(part.live_change(), 1);
  EXPECT_EQ(part.digest_change(), (Digest{1, 2}));
  EventBatch back(kSchema);
  ASSERT_TRUE(part.read(kSchema, nullptr, back));
  EXPECT_EQ(trades_of(back), (std::vector<Trade>{{.key = "B", .id = 1}}));
}

TEST(PartTest, AnEmptyPartIsAPart) {
  const Bytes bytes = part_of({});
  EXPECT_EQ(PartView::open(bytes).value().rows(), 0u);
}

// One row may be larger than a chunk; it then has a chunk of its own.
TEST(PartTest, LargeRowsGetChunksOfTheirOwn) {
  std::vector<Trade> trades;
  for (int i = 0; i < 5; ++i) {
    trades.push_back(
        {.key = "K", .id = i, .side = std::string(100'000, static_cast<char>('a' + i))});
  }
  const Bytes bytes = part_of(trades);
  EventBatch back(kSchema);
  ASSERT_TRUE(PartView::open(bytes).value().read(kSchema, nullptr, back));
  EXPECT_EQ(trades_of(back), trades);
}

TEST(PartTest, EveryDamagedByteIsFound) {
  const std::vector<Trade> trades = sorted_trades(3, 5);
  const Bytes bytes = part_of(trades);
  for (size_t i = 0; i < bytes.size(); ++i) {
    Bytes damaged = bytes;
    damaged[i] ^= 0x10;
    const Result<PartView> part = PartView::open(damaged);
    EventBatch back(kSchema);
    EXPECT_FALSE(part && part->read(kSchema, nullptr, back)) << "byte " << i;
  }
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(PartView::open(BytesView(bytes).substr(0, size))) << "size " << size;
  }
}

// One bad byte on the disk costs the events of its chunk, not those of the part.
TEST(PartTest, WhatIsLeftOfADamagedPartIsReadAndWhatIsLostIsNamed) {
  const std::vector<Trade> trades = sorted_trades(100, 100);  // three chunks
  Bytes bytes = part_of(trades);
  bytes.back() ^= 1;  // the last chunk's checksum
  const PartView part = PartView::open(bytes).value();
  EventBatch left(kSchema);
  const PartView::Lost lost = part.salvage(kSchema, left);
  EXPECT_EQ(lost.rows, 10'000u - 2 * 4096);
  EXPECT_EQ(lost.keys.front(), "K100081") << "some of its rows are in the chunk before";
  EXPECT_EQ(lost.keys.back(), "K100099");
  EXPECT_EQ(lost.keys.size(), 19u);
  EXPECT_EQ(trades_of(left), (std::vector<Trade>(trades.begin(), trades.begin() + 2 * 4096)));
}

TEST(PartTest, NothingIsLostOfAPartInGoodOrder) {
  const std::vector<Trade> trades = sorted_trades(3, 5);
  const Bytes bytes = part_of(trades);
  EventBatch all(kSchema);
  const PartView::Lost lost = PartView::open(bytes).value().salvage(kSchema, all);
  EXPECT_TRUE(lost.keys.empty());
  EXPECT_EQ(lost.rows, 0u);
  EXPECT_EQ(trades_of(all), trades);
}

// Behind a right checksum may still stand nonsense: a forged head must not be believed either.
TEST(PartTest, NonsenseWithARightChecksumIsAnErrorOrAValidPart) {
  const Bytes bytes = part_of(sorted_trades(3, 5));
  const uint32_t head_size = ByteReader(BytesView(bytes).substr(5)).u32();
  Rng rng(7);
  for (int round = 0; round < 20'000; ++round) {
    Bytes forged = bytes.substr(0, 9 + head_size);
    for (uint64_t flips = 1 + rng.below(3); flips > 0; --flips) {
      forged[9 + rng.below(head_size)] = static_cast<char>(rng.next());
    }
    put_u32(forged, crc32c(forged));
    forged.append(bytes, 9 + head_size + 4);
    const Result<PartView> part = PartView::open(forged);
    EventBatch back(kSchema);
    if (part && part->read(kSchema, nullptr, back)) {
      EXPECT_EQ(back.size(), part->rows());
      EXPECT_EQ(back.key.size(), back.size());
    }
  }
}

}  // namespace
}  // namespace hindcast
