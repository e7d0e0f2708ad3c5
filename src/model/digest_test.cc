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

}  // namespace
}  // namespace hindcast
