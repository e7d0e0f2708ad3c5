#include "model/digest.h"

#include <gtest/gtest.h>

#include <set>

#include "model/events_test_util.h"

namespace hindcast {
namespace {

using test::batch_of;
using test::Trade;
using test::trade_schema;

Digest hash_of(const Trade& trade) {
  const StreamSchema schema = trade_schema();
  return event_hash(schema, batch_of(schema, {trade}), 0, hash64(trade.key));
}

const Trade kTrade = {
    .key = "BTC", .time = 1'000, .id = 7, .price = 100, .quantity = 0.5, .side = "buy"};

TEST(DigestTest, EveryPartOfAnEventCounts) {
  std::vector<Trade> trades(10, kTrade);
  trades[1].key = "ETH";
  trades[2].time += 1;
  trades[3].id += 1;
  trades[4].price += 1;
  trades[5].quantity += 1;
  trades[6].side = "sell";
  trades[7].side.reset();
  trades[8].order = 1;
  trades[9].revision = 1;
  std::set<Digest> digests;
  for (const Trade& t : trades) digests.insert(hash_of(t));
  EXPECT_EQ(digests.size(), trades.size());
}

// Who brought an event, or decided on it, is not part of what it says.
TEST(DigestTest, OriginAndDecisionDoNotCount) {
  Trade other = kTrade;
  other.origin = 3;
  other.decision = 4;
  EXPECT_EQ(hash_of(other), hash_of(kTrade));
}

TEST(DigestTest, TextsCountByContentNotByNumber) {
  const StreamSchema schema = trade_schema();
  EventBatch batch(schema);
  batch.texts.add("unused");
  append_rows(schema, batch_of(schema, {kTrade}), 0, 1, batch);
  EXPECT_EQ(event_hash(schema, batch, 0, hash64("BTC")), hash_of(kTrade));
}

// Sums over events must not cancel: swapping a field between two events keeps every sum of fields.
TEST(DigestTest, SwappedFieldsChangeTheSum) {
  Trade a = kTrade, b = kTrade;
  b.id = 8;
  b.time = 2'000;
  b.price = 200;
  Trade swapped_a = a, swapped_b = b;
  std::swap(swapped_a.price, swapped_b.price);
  EXPECT_NE(hash_of(a) + hash_of(b), hash_of(swapped_a) + hash_of(swapped_b));
}

TEST(DigestTest, AdditionCarriesAndSubtractionUndoesIt) {
  const Digest a{.hi = 1, .lo = UINT64_MAX}, b{.hi = UINT64_MAX, .lo = 2};
  EXPECT_EQ(a + b, (Digest{.hi = 1, .lo = 1}));
  EXPECT_EQ(a + b - b, a);
  EXPECT_EQ(b - a + a, b);
}

// Stored digests depend on it: a change of value here makes every final bucket look wrong.
TEST(DigestTest, HashOfAnEventIsFixed) {
  EXPECT_EQ(to_hex(hash_of(kTrade)), "a661b886ade5737705cf7966934172cd");
}

/// The definition, word by word: two NH hashes, then a mix.
Digest naive_hash(const EventBatch& batch, size_t row, uint64_t key_hash) {
  std::vector<uint64_t> words = {key_hash};
  for (const int64_t word : {batch.time[row], batch.order_at(row), batch.revision_at(row)})
    words.push_back(static_cast<uint64_t>(word));
  words.push_back(batch.nulls_at(row));
  for (const auto* columns : {&batch.id, &batch.values}) {
    for (const auto& column : *columns) words.push_back(static_cast<uint64_t>(column[row]));
  }
  const size_t count = words.size();
  if (count % 2 != 0) words.push_back(0);
  const auto key_of = [](uint64_t hash, uint64_t i) {
    uint64_t z = (i + (hash << 32) + 1) * 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  };
  uint64_t folded[2];
  for (uint64_t hash = 0; hash < 2; ++hash) {
    uint128 sum = 0;
    for (size_t i = 0; i < words.size(); i += 2)
      sum +=
          static_cast<uint128>(words[i] + key_of(hash, i)) * (words[i + 1] + key_of(hash, i + 1));
    folded[hash] = static_cast<uint64_t>(sum) ^ static_cast<uint64_t>(sum >> 64);
  }
  const uint64_t a = folded[0] + count, b = folded[1];
  Digest out;
  out.lo = mix(a ^ 0xa0761d6478bd642f, b ^ 0xe7037ed1a0b428db);
  out.hi = mix(b ^ out.lo ^ 0x8ebc6af09c88c6e3, a + 0x589965cc75374cc3);
  return out;
}

// However many columns there are, which of them are absent, and how many rows come at once.
TEST(DigestTest, BlocksHashAsTheDefinitionSays) {
  for (const size_t values : {0U, 1U, 2U, 5U, 8U, 9U, 64U}) {
    StreamSchema schema;
    schema.key = {PartType::kText};
    schema.id.assign(values % 2 + 1, PartType::kInt);
    schema.values.assign(values, ValueField{.name = "v"});
    for (const int present : {0, 1, 2, 3}) {
      EventBatch batch(schema);
      const uint32_t key = batch.keys.intern("BTC");
      for (int64_t row = 0; row < 40; ++row) {
        batch.key.push_back(key);
        batch.time.push_back(row * 7 - 3);
        if (present & 1) batch.order.push_back(row);
        if (present & 2) batch.nulls.push_back(0);
        for (auto& column : batch.id) column.push_back(row * row);
        for (auto& column : batch.values) column.push_back(-row * (INT64_MAX / 41));
      }
      const std::vector<uint64_t> key_hashes(40, hash64("BTC"));
      Digest block[40];
      EventHasher(schema, batch).block(0, 40, key_hashes.data(), block);
      for (size_t row = 0; row < 40; ++row) {
        EXPECT_EQ(to_hex(block[row]), to_hex(naive_hash(batch, row, key_hashes[row])));
        EXPECT_EQ(event_hash(schema, batch, row, key_hashes[row]), block[row]);
      }
    }
  }
}

}  // namespace
}  // namespace hindcast
