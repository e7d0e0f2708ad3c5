// Schemas and literal batches for the tests of this module.
#pragma once
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "model/event_batch.h"
#include "model/key.h"

namespace hindcast::test {

/// Trades: key text, id integer, price decimal(18,2), quantity double, side text that may be null.
inline StreamSchema trade_schema() {
  StreamSchema schema;
  schema.name = "trades";
  schema.key = {PartType::kText};
  schema.id = {PartType::kInt};
  schema.values = {{.name = "price", .type = ValueType::kDecimal, .precision = 18, .scale = 2},
                   {.name = "quantity", .type = ValueType::kDouble},
                   {.name = "side", .type = ValueType::kText, .optional = true}};
  return schema;
}

struct Trade {
  std::string key;
  int64_t time = 0;
  int64_t id = 0;
  int64_t price = 0;
  double quantity = 1;
  std::optional<std::string> side = std::nullopt;
  int64_t order = 0;
  int64_t revision = 0;
  int64_t decision = 0;
  Op op = Op::kUpsert;
  uint32_t origin = 0;
  auto operator<=>(const Trade&) const = default;
};

inline EventBatch batch_of(const StreamSchema& schema, const std::vector<Trade>& trades) {
  EventBatch batch(schema);
  for (const Trade& t : trades) {
    batch.key.push_back(batch.keys.intern(t.key));
    batch.time.push_back(t.time);
    batch.order.push_back(t.order);
    batch.revision.push_back(t.revision);
    batch.decision.push_back(t.decision);
    batch.op.push_back(static_cast<uint8_t>(t.op));
    batch.origin.push_back(t.origin);
    batch.nulls.push_back(t.side ? 0 : uint64_t{1} << 2);
    batch.id[0].push_back(t.id);
    batch.values[0].push_back(t.price);
    int64_t bits;
    std::memcpy(&bits, &t.quantity, 8);
    batch.values[1].push_back(bits);
    batch.values[2].push_back(t.side ? batch.texts.intern(*t.side) : 0);
  }
  return batch;
}

inline Trade trade_at(const EventBatch& batch, size_t i) {
  Trade t{.key = std::string(batch.keys[batch.key[i]]),
          .time = batch.time[i],
          .id = batch.id[0][i],
          .price = batch.values[0][i]};
  std::memcpy(&t.quantity, &batch.values[1][i], 8);
  if (!(batch.nulls_at(i) >> 2 & 1)) {
    t.side = std::string(batch.texts[static_cast<uint32_t>(batch.values[2][i])]);
  }
  t.order = batch.order_at(i);
  t.revision = batch.revision_at(i);
  t.decision = batch.decision_at(i);
  t.op = batch.op_at(i);
  t.origin = batch.origin_at(i);
  return t;
}

inline std::vector<Trade> trades_of(const EventBatch& batch) {
  std::vector<Trade> out;
  for (size_t i = 0; i < batch.size(); ++i) out.push_back(trade_at(batch, i));
  return out;
}

/// The stream and the events of the worked examples in docs/formats/events.md and part.md.
inline StreamSchema example_schema() {
  StreamSchema schema;
  schema.key = {PartType::kText};
  schema.id = {PartType::kInt};
  schema.values = {{.name = "price", .type = ValueType::kDecimal, .precision = 18, .scale = 2},
                   {.name = "side", .type = ValueType::kText, .optional = true}};
  return schema;
}
inline EventBatch example_batch() {
  EventBatch batch(example_schema());
  const uint32_t btc = batch.keys.intern("BTC"), eth = batch.keys.intern("ETH");
  const int64_t buy = batch.texts.intern("buy"), sell = batch.texts.intern("sell");
  batch.key = {btc, btc, eth};
  batch.time = {1'709'287'200'000'000'000, 1'709'287'200'005'000'000, 1'709'287'200'005'000'000};
  batch.nulls = {0, 0, 2};
  batch.id = {{41, 42, 7}};
  batch.values = {{6'123'450, 6'123'450, 340'000}, {buy, sell, 0}};
  return batch;
}

}  // namespace hindcast::test
