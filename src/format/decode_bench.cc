// Bytes to event columns, per event: the fast path, the general path and CSV, and as the bound a
// mere search for newlines over the same bytes.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstring>
#include <string>

#include "base/rng.h"
#include "format/decoder.h"

namespace hindcast {
namespace {

constexpr size_t kEvents = 100'000;
constexpr size_t kBatch = 256 * 1024;  // bytes given to one decode

FieldRef ref(std::string name, std::optional<PartType> type = std::nullopt) {
  return {FieldRef::Kind::kField, std::move(name), type};
}

struct Setup {
  StreamSchema schema;
  SourceConfig source;
};

Setup trades(FormatKind kind, PartType id) {
  Setup s;
  s.schema.key = {PartType::kText};
  s.schema.id = {id};
  s.schema.values = {{"price", ValueType::kDecimal, 18, 8, false},
                     {"qty", ValueType::kDecimal, 18, 8, false}};
  s.source.format.kind = kind;
  s.source.event.key = {ref("sym")};
  s.source.event.id = {ref("id", id)};
  s.source.event.time.field = ref("ts");
  s.source.event.time.unit = TimeUnit::kMilliseconds;
  s.source.event.values = {ref("price"), ref("qty")};
  return s;
}

/// The trades of docs: 85 bytes an event as NDJSON.
std::string body(FormatKind kind, uint64_t keys, bool alternating) {
  Rng rng(1);
  std::string out = kind == FormatKind::kCsv    ? "id,sym,ts,price,qty\n"
                    : kind == FormatKind::kJson ? "["
                                                : "";
  for (uint64_t i = 0; i < kEvents; ++i) {
    const uint64_t key = rng.below(keys), cents = rng.below(5'000'000), lots = rng.below(100'000);
    const int64_t ms = 1'700'000'000'000 + static_cast<int64_t>(i);
    const std::string symbol = fmt::format("{:05}USDT", key);
    if (kind == FormatKind::kCsv) {
      out += fmt::format("{},{},{},{}.{:02},{}.{:04}\n", 1'000'000'000 + i, symbol, ms, cents / 100,
                         cents % 100, lots / 10'000, lots % 10'000);
      continue;
    }
    // A reordered field in every other event: both shapes are learnt.
    const char* form =
        alternating && i % 2 == 1
            ? R"({{"sym":"{1}","id":"{0}","ts":{2},"price":{3}.{4:02},"qty":{5}.{6:04}}})"
            : R"({{"id":"{0}","sym":"{1}","ts":{2},"price":{3}.{4:02},"qty":{5}.{6:04}}})";
    out += fmt::format(fmt::runtime(form), 1'000'000'000 + i, symbol, ms, cents / 100, cents % 100,
                       lots / 10'000, lots % 10'000);
    if (kind == FormatKind::kNdjson)
      out += '\n';
    else
      out += i + 1 == kEvents ? ']' : ',';
  }
  return out;
}

void run(benchmark::State& state, const Setup& setup, const std::string& bytes) {
  const auto decoder = make_decoder(setup.schema, setup.source);
  EventBatch batch(setup.schema);
  std::vector<DeadLetter> dead;
  uint64_t events = 0;
  for (auto _ : state) {
    Decoder::Counts counts;
    decoder->begin({"bench", "bench", {}, {}});
    for (size_t at = 0; at < bytes.size();) {
      const size_t size = std::min(kBatch, bytes.size() - at);
      batch.reset(setup.schema);
      at += decoder->decode({bytes.data() + at, size}, at + size == bytes.size(), batch, dead,
                            counts);
    }
    events += counts.events;
    if (counts.events != kEvents) state.SkipWithError("not every event was decoded");
  }
  state.SetItemsProcessed(static_cast<int64_t>(events));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * bytes.size()));
  state.counters["ns_per_event"] =
      benchmark::Counter(static_cast<double>(events) * 1e-9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void BM_NdjsonIntId(benchmark::State& state) {
  run(state, trades(FormatKind::kNdjson, PartType::kInt),
      body(FormatKind::kNdjson, static_cast<uint64_t>(state.range(0)), false));
}
void BM_NdjsonTextId(benchmark::State& state) {
  run(state, trades(FormatKind::kNdjson, PartType::kText),
      body(FormatKind::kNdjson, static_cast<uint64_t>(state.range(0)), false));
}
void BM_NdjsonTwoShapes(benchmark::State& state) {
  run(state, trades(FormatKind::kNdjson, PartType::kInt),
      body(FormatKind::kNdjson, static_cast<uint64_t>(state.range(0)), true));
}
/// An escape in an unmapped place keeps the fast path away.
void BM_NdjsonGeneralPath(benchmark::State& state) {
  std::string bytes = body(FormatKind::kNdjson, static_cast<uint64_t>(state.range(0)), false);
  for (size_t at = bytes.find("\"sym\""); at != std::string::npos;
       at = bytes.find("\"sym\"", at + 20)) {
    const size_t colon = at + 5;
    bytes.replace(colon + 2, 1, "\\u0030");  // the first letter of the symbol
  }
  run(state, trades(FormatKind::kNdjson, PartType::kInt), bytes);
}
void BM_JsonArray(benchmark::State& state) {
  run(state, trades(FormatKind::kJson, PartType::kInt),
      body(FormatKind::kJson, static_cast<uint64_t>(state.range(0)), false));
}
void BM_Csv(benchmark::State& state) {
  run(state, trades(FormatKind::kCsv, PartType::kInt),
      body(FormatKind::kCsv, static_cast<uint64_t>(state.range(0)), false));
}
void BM_NewlinesOnly(benchmark::State& state) {
  const std::string bytes = body(FormatKind::kNdjson, 100, false);
  uint64_t events = 0;
  for (auto _ : state) {
    for (const char *at = bytes.data(), *end = at + bytes.size(); at != end; ++events) {
      at = static_cast<const char*>(std::memchr(at, '\n', static_cast<size_t>(end - at))) + 1;
    }
  }
  state.SetItemsProcessed(static_cast<int64_t>(events));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * bytes.size()));
}

BENCHMARK(BM_NdjsonIntId)->Arg(100)->Arg(100'000)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_NdjsonTextId)->Arg(100)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_NdjsonTwoShapes)->Arg(100)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_NdjsonGeneralPath)->Arg(100)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_JsonArray)->Arg(100)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Csv)->Arg(100)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_NewlinesOnly)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace hindcast

BENCHMARK_MAIN();
