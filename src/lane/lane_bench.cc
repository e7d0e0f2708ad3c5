// What an event costs in the live lane: decode alone, decode + apply, and apply + seal (parts,
// rows, digests, outcomes), at 100 and at 100,000 keys; and what contiguous numbers add to that.
// Trades: price and quantity, a candle per minute.
#include <benchmark/benchmark.h>

#include <cmath>

#include "base/rng.h"
#include "lane/live_lane.h"
#include "model/key.h"
#include "progress/control.h"

namespace hindcast {
namespace {

constexpr PartitionId kPartition{1};
constexpr SourceId kSource{1};
constexpr size_t kEventsPerRecord = 1'000;

StreamSchema trades() {
  StreamSchema schema;
  schema.name = "trades";
  schema.key = {PartType::kText};
  schema.id = {PartType::kInt};
  schema.values = {{.name = "price", .type = ValueType::kDecimal, .precision = 18, .scale = 2},
                   {.name = "qty", .type = ValueType::kDecimal, .precision = 18, .scale = 4}};
  schema.page_window = 1min;
  return schema;
}

LiveLaneOptions options() {
  LiveLaneOptions out;
  out.partition = kPartition;
  out.epoch = Epoch{1};
  out.schema = trades();
  Rule rule{.aggregate = "candles", .functions = {}};
  for (const char* text : {"first(price)", "max(price)", "min(price)", "last(price)", "sum(qty)",
                           "vwap(price, qty)"}) {
    rule.functions.push_back(parse_function(out.schema, text, text).value());
  }
  out.aggregates = {{AggregateId{1}, rule, {1min}, 1h}};
  out.delays = {{kSource, 5s}};
  out.memory_max = 4_GiB;
  out.reread_max = 4_GiB;
  return out;
}

/// `seconds` of trades at 50,000 a second, a thousand a record.
/// `by_key`: ids count up for each key, as a feed with a sequence has them; else for all.
std::vector<LogRecord> recorded(uint64_t keys, int seconds, bool by_key = false) {
  const StreamSchema schema = trades();
  std::vector<int64_t> next(keys);
  Rng rng(1);
  std::vector<LogRecord> out;
  EventBatch batch(schema);
  const size_t events = static_cast<size_t>(seconds) * 50'000;
  const int64_t begin = 1'700'000'000'000'000'000 / 60'000'000'000 * 60'000'000'000;
  for (size_t i = 0; i < events; ++i) {
    // Some keys trade more than others, as they do.
    const auto k = static_cast<uint64_t>(static_cast<double>(keys) * rng.unit() * rng.unit());
    batch.key.push_back(batch.keys.intern("SYMBOL" + std::to_string(k)));
    batch.time.push_back(begin + static_cast<int64_t>(i) * 20'000 -
                         static_cast<int64_t>(rng.below(5'000'000)));
    batch.id[0].push_back(by_key ? next[k]++ : static_cast<int64_t>(i));
    batch.values[0].push_back(static_cast<int64_t>(6'000'000 + rng.below(10'000)));
    batch.values[1].push_back(static_cast<int64_t>(1 + rng.below(100'000)));
    if (batch.size() == kEventsPerRecord || i + 1 == events) {
      const Position at{0, out.size() + 1};
      out.push_back(
          {at,
           {kPartition, RecordKind::kEvents, kSource, static_cast<uint32_t>(batch.size())},
           encode_events(schema, EventsRecord{}, batch, 0, batch.size())});
      batch.reset(schema);
    }
  }
  return out;
}

void per_event(benchmark::State& state, size_t events) {
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(events));
  state.counters["per event"] = benchmark::Counter(
      static_cast<double>(events) * 1e-9,
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void decode(benchmark::State& state) {
  const auto records = recorded(static_cast<uint64_t>(state.range(0)), 20);
  const StreamSchema schema = trades();
  EventBatch batch(schema);
  for (auto _ : state) {
    for (const LogRecord& record : records) {
      benchmark::DoNotOptimize(decode_events(schema, record.payload, batch).has_value());
    }
  }
  per_event(state, records.size() * kEventsPerRecord);
}
BENCHMARK(decode)->Arg(100)->Arg(100'000)->Unit(benchmark::kMillisecond);

LogChunk chunk_of(const std::vector<LogRecord>& records) {
  return {records, records.back().position};
}

/// Few enough events that no page is encoded in between: that belongs to the seal.
void decode_and_apply(benchmark::State& state) {
  const auto chunk = chunk_of(recorded(static_cast<uint64_t>(state.range(0)), 5));
  for (auto _ : state) {
    LiveLane lane(options(), std::nullopt);
    benchmark::DoNotOptimize(lane.apply(chunk).has_value());
    state.PauseTiming();
    state.counters["MB"] = static_cast<double>(lane.memory().value) * 1e-6;
    state.ResumeTiming();
  }
  per_event(state, chunk.records.size() * kEventsPerRecord);
}
BENCHMARK(decode_and_apply)->Arg(100)->Arg(100'000)->Unit(benchmark::kMillisecond);

/// Three windows, sealed as the watermark passes them: buffers are reused, as in a long run.
void apply_and_seal(benchmark::State& state, const LaneSequence& sequence) {
  const auto records = recorded(static_cast<uint64_t>(state.range(0)), 180, sequence.by_key);
  LiveLaneOptions with = options();
  with.sequence = sequence;
  GapId gaps = 0;
  with.next_gap = [&gaps] { return Result<GapId>(++gaps); };
  size_t bytes = 0, rows = 0, counts = 0;
  for (auto _ : state) {
    LiveLane lane(with, std::nullopt);
    for (size_t i = 0; i < records.size(); i += 8) {
      LogChunk chunk;
      for (size_t j = i; j < std::min(i + 8, records.size()); ++j)
        chunk.records.push_back(records[j]);
      chunk.next = chunk.records.back().position;
      benchmark::DoNotOptimize(lane.apply(chunk).has_value());
      while (lane.can_seal()) {
        for (const Commit& commit : lane.seal_slice(256_KiB, {}).commits) {
          rows += commit.rows.size();
          counts += commit.sequences.size();
          for (const PageAdd& add : commit.pages) bytes += add.part.size();
          lane.committed(commit.id, {}, {});
        }
      }
    }
  }
  state.counters["bytes/event"] =
      static_cast<double>(bytes) / (static_cast<double>(records.size() * kEventsPerRecord) *
                                    static_cast<double>(state.iterations()));
  state.counters["rows"] = static_cast<double>(rows) / static_cast<double>(state.iterations());
  state.counters["counts"] = static_cast<double>(counts) / static_cast<double>(state.iterations());
  state.counters["gaps"] = static_cast<double>(gaps);
  per_event(state, records.size() * kEventsPerRecord);
}
const LaneSequence kNone{.by_key = false};
const LaneSequence kByKey{.sources = {{kSource, LaneSequence::Place::kId}}};
const LaneSequence kOfStream{.sources = {{kSource, LaneSequence::Place::kId}}, .by_key = false};
BENCHMARK_CAPTURE(apply_and_seal, no_sequence, kNone)
    ->Arg(100)
    ->Arg(100'000)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(apply_and_seal, by_key, kByKey)
    ->Arg(100)
    ->Arg(100'000)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(apply_and_seal, of_stream, kOfStream)
    ->Arg(100)
    ->Arg(100'000)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace hindcast

BENCHMARK_MAIN();
