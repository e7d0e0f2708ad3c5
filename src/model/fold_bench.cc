// Speed of the fold half of the model: one page of candles. The argument is the number of events of
// each (key, bucket): 5 is the wide case (50,000 keys a bucket), 5,000 the dense one.
#include <benchmark/benchmark.h>

#include "base/rng.h"
#include "model/row.h"

namespace hindcast {
namespace {

constexpr size_t kEvents = 50'000;

struct Page {
  StreamSchema schema;
  Rule rule{.aggregate = "candles"};
  EventBatch events;
  std::vector<KeyRun> runs;

  explicit Page(size_t per_key, const std::vector<std::string>& functions) {
    schema.key = {PartType::kText};
    schema.id = {PartType::kInt};
    schema.values = {{.name = "price", .scale = 8},
                     {.name = "quantity", .scale = 8},
                     {.name = "host", .type = ValueType::kText}};
    for (const std::string& text : functions) {
      rule.functions.push_back(parse_function(schema, text, text).value());
    }
    events.reset(schema);
    Rng rng(1);
    for (size_t i = 0; i < kEvents; ++i) {
      if (i % per_key == 0) {
        const uint32_t key = events.keys.intern("KEY" + std::to_string(i / per_key));
        runs.push_back({.key = key, .begin = i, .end = std::min(i + per_key, kEvents)});
      }
      const auto index = static_cast<int64_t>(i % per_key);
      events.key.push_back(runs.back().key);
      events.time.push_back((1'700'000'040'000 + index * 1'000 / static_cast<int64_t>(per_key)) *
                            1'000'000);
      events.id[0].push_back(static_cast<int64_t>(1'000'000 + i));
      events.values[0].push_back(6'123'450'000'000 +
                                 static_cast<int64_t>(rng.below(1'000'000'000)));
      events.values[1].push_back(static_cast<int64_t>(rng.below(10'000'000'000)));
      events.values[2].push_back(events.texts.intern("host" + std::to_string(rng.below(10'000))));
    }
  }
  std::vector<Row> rows() const {
    std::vector<Row> out;
    fold_rows(schema, rule, AggregateId{1}, 1min, PartitionId{0}, 0, events, runs, out);
    return out;
  }
};

const std::vector<std::string> kCandle = {"first(price)", "max(price)",    "min(price)",
                                          "last(price)",  "sum(quantity)", "vwap(price, quantity)",
                                          "count()"};
const std::vector<std::string> kDistinct = {"count()", "distinct(host)"};

// As the lane does when it seals: states, digests and rows.
void fold(benchmark::State& state, const std::vector<std::string>& functions) {
  const Page page(static_cast<size_t>(state.range(0)), functions);
  for (auto _ : state) benchmark::DoNotOptimize(page.rows());
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kEvents));
}
BENCHMARK_CAPTURE(fold, candles, kCandle)->Arg(5)->Arg(5'000)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(fold, distinct, kDistinct)->Arg(5)->Arg(5'000)->Unit(benchmark::kMicrosecond);

// As the roller does: items are children.
void roll_up_five(benchmark::State& state, const std::vector<std::string>& functions) {
  const Page page(static_cast<size_t>(state.range(0)), functions);
  const std::vector<Row> rows = page.rows();
  State partial(page.schema, page.rule);
  for (auto _ : state) {
    for (size_t i = 0; i + 5 <= rows.size(); i += 5) {
      benchmark::DoNotOptimize(roll_up(
          partial, RowKey{}, {&rows[i], &rows[i + 1], &rows[i + 2], &rows[i + 3], &rows[i + 4]}));
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(rows.size()));
}
BENCHMARK_CAPTURE(roll_up_five, candles, kCandle)->Arg(5)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(roll_up_five, distinct, kDistinct)
    ->Arg(5)
    ->Arg(5'000)
    ->Unit(benchmark::kMicrosecond);

// As a query does: items are rows.
void read_values(benchmark::State& state) {
  const Page page(5, kCandle);
  const std::vector<Row> rows = page.rows();
  State partial(page.schema, page.rule);
  for (auto _ : state) {
    for (const Row& row : rows) {
      partial.reset();
      benchmark::DoNotOptimize(partial.combine(row.state).has_value());
      for (const Value& value : partial.values(1min)) benchmark::DoNotOptimize(value.to_string());
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(rows.size()));
}
BENCHMARK(read_values)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace hindcast
