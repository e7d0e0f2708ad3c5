// Files of a history to events, beside the decoder alone over the same bytes in memory: reading,
// judging and filtering should cost next to nothing beside parsing. (The files are in the page
// cache.)
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdlib>
#include <filesystem>

#include "base/posix_files.h"
#include "base/rng.h"
#include "base/virtual_runtime.h"
#include "format/decoder.h"
#include "history/open_history.h"

namespace hindcast {
namespace {

constexpr size_t kEvents = 1'000'000;
constexpr int64_t kDayMs = 86'400'000, kFirstMs = 1'709'251'200'000;  // 2024-03-01

struct Setup {
  StreamSchema schema;
  SourceConfig source;
  Bytes text;
  std::string folder;

  Setup() {
    schema.key = {PartType::kText};
    schema.id = {PartType::kInt};
    schema.values = {{"price", ValueType::kDecimal, 18, 8, false},
                     {"qty", ValueType::kDecimal, 18, 8, false}};
    const auto ref = [](std::string name) {
      return FieldRef{FieldRef::Kind::kField, std::move(name), std::nullopt};
    };
    source.name = "trades";
    source.event.key = {ref("sym")};
    source.event.id = {ref("id")};
    source.event.time.field = ref("ts");
    source.event.time.unit = TimeUnit::kMilliseconds;
    source.event.values = {ref("price"), ref("qty")};
    source.history.emplace();
    source.history->event = source.event;

    std::string pattern =
        (std::filesystem::temp_directory_path() / "hindcast-bench-XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
    // One file of the day, and the same events in 16 files of the day.
    std::vector<Bytes> parts(16);
    Rng rng(7);
    for (size_t i = 0; i < kEvents; ++i) {
      const Bytes line = fmt::format(
          "{{\"id\":{},\"sym\":\"S{:04}\",\"ts\":{},\"price\":{}.{:02},\"qty\":{}.{:04}}}\n",
          1'000'000'000 + i, rng.below(1000), kFirstMs + static_cast<int64_t>(i * kDayMs / kEvents),
          30'000 + rng.below(5000), rng.below(100), rng.below(10), rng.below(10'000));
      text += line;
      parts[i % parts.size()] += line;
    }
    write("/plain-20240301.ndjson", text);
    for (size_t i = 0; i < parts.size(); ++i)
      write(fmt::format("/many-20240301-{}.ndjson", i), parts[i]);
    Bytes packed(ZSTD_compressBound(text.size()), '\0');
    packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
    write("/zstd-20240301.ndjson.zst", packed);
    gzFile gz = gzopen((folder + "/gzip-20240301.ndjson.gz").c_str(), "wb6");
    gzwrite(gz, text.data(), static_cast<unsigned>(text.size()));
    gzclose(gz);
  }
  ~Setup() { std::filesystem::remove_all(folder); }

  void write(const std::string& name, BytesView bytes) const {
    PosixFileSystem files;
    (void)files.open(folder + name, OpenMode::kCreate).value()->write(0, bytes);
  }
};

const Setup& setup() {
  static const Setup kSetup;
  return kSetup;
}

void BM_History(benchmark::State& state, const char* name) {
  SourceConfig source = setup().source;
  source.history->path = setup().folder + name;
  PosixFileSystem files;
  const VirtualRuntime runtime(1);
  const auto history = make_history(setup().schema, source, files, runtime).value();
  const Window day{event_time_ns(kFirstMs * 1'000'000),
                   event_time_ns((kFirstMs + kDayMs) * 1'000'000)};
  for (auto _ : state) {
    const auto cursor = history->open({day, {}, {}}).value();
    size_t events = 0;
    for (bool end = false; !end;) {
      cursor->next(1_MiB, [&](Result<HistoryChunk> chunk) {
        events += chunk->events.size();
        end = chunk->end;
      });
    }
    if (events != kEvents) state.SkipWithError("events are missing");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kEvents));
}
BENCHMARK_CAPTURE(BM_History, plain, "/plain-{day}.ndjson")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_History, sixteen_files, "/many-{day}-{n}.ndjson")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_History, zstd, "/zstd-{day}.ndjson.zst")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_History, gzip, "/gzip-{day}.ndjson.gz")->Unit(benchmark::kMillisecond);

void BM_DecoderAlone(benchmark::State& state) {
  const auto decoder = make_decoder(setup().schema, setup().source);
  const BytesView text = setup().text;
  for (auto _ : state) {
    decoder->begin({"bench", "bench", {}, {}});
    size_t events = 0;
    EventBatch batch;
    std::vector<DeadLetter> dead;
    Decoder::Counts counts;
    for (size_t at = 0; at < text.size();) {
      batch.reset(setup().schema);
      const size_t end = std::min(at + (512 << 10), text.size());
      at += decoder->decode(text.substr(at, end - at), end == text.size(), batch, dead, counts);
      events += batch.size();
    }
    if (events != kEvents) state.SkipWithError("events are missing");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kEvents));
}
BENCHMARK(BM_DecoderAlone)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace hindcast

BENCHMARK_MAIN();
