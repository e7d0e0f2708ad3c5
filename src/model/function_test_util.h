// A schema with a field of each type, and batches of literal readings, for tests of folding.
#pragma once
#include <bit>
#include <optional>
#include <string>
#include <vector>

#include "model/event_batch.h"
#include "model/function.h"

namespace hindcast::test {

/// Every value may be null. `id` is text, then integer, so that both ways of comparing ids are
/// used.
struct Reading {
  int64_t time = 0;
  std::string id_text = "a";
  int64_t id_number = 0;
  std::optional<int64_t> price = 0;     // decimal(18,8)
  std::optional<int64_t> quantity = 0;  // decimal(18,3)
  std::optional<double> level = 0;
  std::optional<std::string> host = "";
  int64_t order = 0;
};

inline StreamSchema reading_schema() {
  StreamSchema schema;
  schema.name = "readings";
  schema.key = {PartType::kText};
  schema.id = {PartType::kText, PartType::kInt};
  schema.values = {
      {.name = "price", .type = ValueType::kDecimal, .precision = 18, .scale = 8, .optional = true},
      {.name = "quantity",
       .type = ValueType::kDecimal,
       .precision = 18,
       .scale = 3,
       .optional = true},
      {.name = "level", .type = ValueType::kDouble, .optional = true},
      {.name = "host", .type = ValueType::kText, .optional = true}};
  return schema;
}

inline EventBatch batch_of_readings(const StreamSchema& schema,
                                    const std::vector<Reading>& readings,
                                    const std::string& key = "k") {
  EventBatch batch(schema);
  for (const Reading& r : readings) {
    batch.key.push_back(batch.keys.intern(key));
    batch.time.push_back(r.time);
    batch.order.push_back(r.order);
    batch.id[0].push_back(batch.texts.intern(r.id_text));
    batch.id[1].push_back(r.id_number);
    batch.values[0].push_back(r.price.value_or(0));
    batch.values[1].push_back(r.quantity.value_or(0));
    batch.values[2].push_back(std::bit_cast<int64_t>(r.level.value_or(0)));
    batch.values[3].push_back(r.host ? batch.texts.intern(*r.host) : 0);
    batch.nulls.push_back((r.price ? 0U : 1U) | (r.quantity ? 0U : 2U) | (r.level ? 0U : 4U) |
                          (r.host ? 0U : 8U));
  }
  return batch;
}

/// A rule of functions as a configuration spells them, named after themselves.
inline Rule rule_of(const StreamSchema& schema, const std::vector<std::string>& functions) {
  Rule rule{.aggregate = "test"};
  for (const std::string& text : functions) {
    rule.functions.push_back(parse_function(schema, text, text).value());
  }
  return rule;
}

inline Bytes encoded(const State& state) {
  Bytes out;
  state.encode(out);
  return out;
}

/// The value of one function over some readings.
inline Value value_of(const std::string& function, const std::vector<Reading>& readings,
                      Duration bucket = 1min) {
  const StreamSchema schema = reading_schema();
  const Rule rule = rule_of(schema, {function});
  State state(schema, rule);
  const EventBatch batch = batch_of_readings(schema, readings);
  state.fold(batch, 0, batch.size());
  return state.values(bucket).at(0);
}
inline std::string text_of(const std::string& function, const std::vector<Reading>& readings,
                           Duration bucket = 1min) {
  return value_of(function, readings, bucket).to_string();
}

}  // namespace hindcast::test
