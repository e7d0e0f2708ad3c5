// Speed of the event half of the model, per event. A feed of trades: 1,000 events a record, ids and
// prices that walk by symbol, whole milliseconds, prices in ticks of 0.01 at scale 8.
// The argument is the number of keys of the whole feed; a page holds those of one slot of 16.
#include <benchmark/benchmark.h>

#include <cmath>

#include "base/rng.h"
#include "model/digest.h"
#include "model/join.h"
#include "model/part.h"

namespace hindcast {
namespace {

constexpr size_t kPageRows = 65'536;
constexpr size_t kRecordRows = 1'000;
constexpr uint16_t kSlots = 16;

StreamSchema trade_schema() {
  StreamSchema schema;
  schema.key = {PartType::kText};
  schema.id = {PartType::kInt};
  schema.values = {{.name = "price", .scale = 8}, {.name = "quantity", .scale = 8}};
  return schema;
}
const StreamSchema kSchema = trade_schema();

EventBatch feed(size_t rows, size_t keys) {
  Rng rng(1);
  struct Symbol {
    int64_t id, price;
  };
  std::vector<Symbol> symbols;
  for (size_t k = 0; k < keys; ++k) {
    symbols.push_back({static_cast<int64_t>(rng.below(1'000'000'000)),
                       static_cast<int64_t>(rng.below(7'000'000)) + 100});
  }
  EventBatch batch(kSchema);
  int64_t time = 1'709'287'200'000'000'000;
  for (size_t i = 0; i < rows; ++i) {
    // Cubed: some symbols are far busier than others.
    const auto k = static_cast<size_t>(std::pow(rng.unit(), 3) * static_cast<double>(keys));
    time += static_cast<int64_t>(rng.below(3)) * 1'000'000;
    symbols[k].price += static_cast<int64_t>(rng.below(5)) - 2;
    batch.key.push_back(batch.keys.intern("SYMBOL" + std::to_string(k)));
    batch.time.push_back(time);
    batch.id[0].push_back(symbols[k].id++);
    batch.values[0].push_back(symbols[k].price * 1'000'000);
    batch.values[1].push_back(static_cast<int64_t>(1 + rng.below(10'000)) * 10'000);
  }
  return batch;
}

// The rows that reach one slot of a page, in order of arrival.
EventBatch arrivals(size_t keys) { return feed(kPageRows, std::max<size_t>(1, keys / kSlots)); }

void count(benchmark::State& state, size_t rows) {
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(rows));
  state.counters["ns/ev"] = benchmark::Counter(
      static_cast<double>(rows) * 1e-9,
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void encode_record(benchmark::State& state) {
  const EventBatch batch = feed(kRecordRows, static_cast<size_t>(state.range(0)));
  Bytes out;
  for (auto _ : state) {
    out.clear();
    encode_rows(kSchema, batch, 0, batch.size(), true, out);
  }
  count(state, batch.size());
  state.counters["B/ev"] = static_cast<double>(out.size()) / static_cast<double>(batch.size());
}
BENCHMARK(encode_record)->Arg(100)->Arg(100'000);

void decode_record(benchmark::State& state) {
  const EventBatch batch = feed(kRecordRows, static_cast<size_t>(state.range(0)));
  Bytes bytes;
  encode_rows(kSchema, batch, 0, batch.size(), true, bytes);
  EventBatch back(kSchema);
  for (auto _ : state) {
    back.reset(kSchema);
    if (!decode_rows(kSchema, bytes, true, back)) state.SkipWithError("corruption");
  }
  count(state, batch.size());
}
BENCHMARK(decode_record)->Arg(100)->Arg(100'000);

// A decoded record goes to the open pages of 16 slots. Includes handing out fresh pages now and
// then.
void scatter_record(benchmark::State& state) {
  const EventBatch batch = feed(kRecordRows, static_cast<size_t>(state.range(0)));
  std::vector<EventBatch> pages(kSlots, EventBatch(kSchema));
  std::vector<EventBatch*> targets;
  for (EventBatch& page : pages) targets.push_back(&page);
  std::vector<uint32_t> target(batch.size());
  for (size_t i = 0; i < batch.size(); ++i) {
    target[i] = static_cast<uint32_t>(hash64(batch.keys[batch.key[i]]) % kSlots);
  }
  for (auto _ : state) {
    scatter_rows(kSchema, batch, target, targets);
    if (pages[0].size() > kPageRows) {
      for (EventBatch& page : pages) page.reset(kSchema);
    }
  }
  count(state, batch.size());
}
BENCHMARK(scatter_record)->Arg(100)->Arg(100'000);

void sort_page(benchmark::State& state) {
  const EventBatch rows = arrivals(static_cast<size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(sort_unique(kSchema, rows));
  count(state, rows.size());
}
BENCHMARK(sort_page)->Arg(100)->Arg(100'000)->Unit(benchmark::kMicrosecond);

// Two lines of one feed, one behind the other: every event twice.
void sort_page_of_doubles(benchmark::State& state) {
  EventBatch rows = arrivals(static_cast<size_t>(state.range(0)));
  append_rows(kSchema, EventBatch(rows), 0, rows.size(), rows);
  std::vector<Outcome> outcomes;
  for (auto _ : state) benchmark::DoNotOptimize(sort_unique(kSchema, rows, &outcomes));
  count(state, rows.size());
}
BENCHMARK(sort_page_of_doubles)->Arg(100)->Arg(100'000)->Unit(benchmark::kMicrosecond);

void digest_page(benchmark::State& state) {
  const EventBatch page = sort_unique(kSchema, arrivals(static_cast<size_t>(state.range(0))));
  for (auto _ : state) benchmark::DoNotOptimize(page_changes(kSchema, page, {}));
  count(state, page.size());
}
BENCHMARK(digest_page)->Arg(100)->Arg(100'000)->Unit(benchmark::kMicrosecond);

void encode_page(benchmark::State& state) {
  const EventBatch page = sort_unique(kSchema, arrivals(static_cast<size_t>(state.range(0))));
  const PageChanges changes = page_changes(kSchema, page, {});
  size_t size = 0;
  for (auto _ : state) size = encode_part(kSchema, page, changes.changes).size();
  count(state, page.size());
  state.counters["B/ev"] = static_cast<double>(size) / static_cast<double>(page.size());
}
BENCHMARK(encode_page)->Arg(100)->Arg(100'000)->Unit(benchmark::kMicrosecond);

void read_page(benchmark::State& state) {
  const EventBatch page = sort_unique(kSchema, arrivals(static_cast<size_t>(state.range(0))));
  const Bytes bytes = encode_part(kSchema, page, page_changes(kSchema, page, {}).changes);
  for (auto _ : state) {
    EventBatch back(kSchema);
    if (!PartView::open(bytes)->read(kSchema, nullptr, back)) state.SkipWithError("corruption");
  }
  count(state, page.size());
}
BENCHMARK(read_page)->Arg(100)->Arg(100'000)->Unit(benchmark::kMicrosecond);

// A replay of what is there already.
void add_again(benchmark::State& state) {
  const EventBatch page = sort_unique(kSchema, arrivals(static_cast<size_t>(state.range(0))));
  for (auto _ : state) benchmark::DoNotOptimize(add(kSchema, page, page, {}));
  count(state, page.size());
}
BENCHMARK(add_again)->Arg(100)->Arg(100'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace hindcast

BENCHMARK_MAIN();
