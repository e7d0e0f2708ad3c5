// File to event columns, plain and compressed, beside the decoder alone over the same bytes in
// memory: reading should cost next to nothing beside parsing. (The file is in the page cache.)
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdlib>
#include <filesystem>

#include "base/posix_files.h"
#include "base/rng.h"
#include "base/virtual_runtime.h"
#include "source/file_source.h"

namespace hindcast {
namespace {

constexpr size_t kEvents = 1'000'000;

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
    const auto ref = [](std::string name, std::optional<PartType> type = std::nullopt) {
      return FieldRef{FieldRef::Kind::kField, std::move(name), type};
    };
    source.name = "trades";
    source.kind = SourceKind::kFile;
    source.event.key = {ref("sym")};
    source.event.id = {ref("id", PartType::kInt)};
    source.event.time.field = ref("ts");
    source.event.time.unit = TimeUnit::kMilliseconds;
    source.event.values = {ref("price"), ref("qty")};
    Rng rng(7);
    for (size_t i = 0; i < kEvents; ++i) {
      text += fmt::format(
          "{{\"id\":{},\"sym\":\"S{:04}\",\"ts\":{},\"price\":{}.{:02},\"qty\":{}.{:04}}}\n",
          1'000'000'000 + i, rng.below(1000), 1'709'287'200'000 + i / 10, 30'000 + rng.below(5000),
          rng.below(100), rng.below(10), rng.below(10'000));
    }
    std::string pattern =
        (std::filesystem::temp_directory_path() / "hindcast-bench-XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
    PosixFileSystem files;
    const auto write = [&](const std::string& name, BytesView bytes) {
      (void)files.open(folder + name, OpenMode::kCreate).value()->write(0, bytes);
    };
    write("/a.ndjson", text);
    Bytes packed(ZSTD_compressBound(text.size()), '\0');
    packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
    write("/a.ndjson.zst", packed);
    gzFile gz = gzopen((folder + "/a.ndjson.gz").c_str(), "wb6");
    gzwrite(gz, text.data(), static_cast<unsigned>(text.size()));
    gzclose(gz);
  }
  ~Setup() { std::filesystem::remove_all(folder); }
};

const Setup& setup() {
  static const Setup kSetup;
  return kSetup;
}

void BM_File(benchmark::State& state, const char* name) {
  SourceConfig config = setup().source;
  config.path = setup().folder + name;
  PosixFileSystem files;
  const VirtualRuntime runtime(1);
  for (auto _ : state) {
    const auto source = make_file_source(setup().schema, config,
                                         make_decoder(setup().schema, config), files, runtime, {})
                            .value();
    size_t events = 0;
    for (bool ended = false; !ended;) {
      source->poll(1_MiB, [&](Result<SourceBatch> batch) {
        events += batch->events.size();
        ended = batch->ended;
      });
    }
    if (events != kEvents) state.SkipWithError("events are missing");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kEvents));
}
BENCHMARK_CAPTURE(BM_File, plain, "/a.ndjson")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_File, zstd, "/a.ndjson.zst")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_File, gzip, "/a.ndjson.gz")->Unit(benchmark::kMillisecond);

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
