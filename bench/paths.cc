#include "bench/paths.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>

#include "base/posix_files.h"
#include "base/process.h"
#include "bench/drive.h"
#include "bench/workload.h"
#include "engine/engine.h"
#include "format/decoder.h"

namespace hindcast::bench {
namespace {

/// Runs `work` and says what it cost this process.
template <class Work>
Sample measure(double events, const Work& work) {
  const double cpu = cpu_seconds(), wall = now_seconds();
  work();
  return {.events = events, .cpu = cpu_seconds() - cpu, .wall = now_seconds() - wall};
}

double count_lines(std::string_view lines) {
  double count = 0;
  for (const char *at = lines.data(), *end = at + lines.size(); at < end; ++count) {
    at = static_cast<const char*>(std::memchr(at, '\n', static_cast<size_t>(end - at))) + 1;
  }
  return count;
}

}  // namespace

void push(Engine& engine, std::string_view body) {
  for (;;) {
    std::promise<Result<PushResult>> answer;
    engine.push("trades", body, std::nullopt,
                [&](Result<PushResult> result) { answer.set_value(std::move(result)); });
    const Result<PushResult> result = answer.get_future().get();
    if (result) return;
    if (result.error().code != ErrorCode::kOverloaded) must(result);
    std::this_thread::sleep_for(10ms);
  }
}

Sample scan(std::string_view lines) {
  const double events = count_lines(lines);
  volatile double sink = 0;
  return measure(events, [&] { sink = sink + count_lines(lines); });
}

Sample parse(std::string_view lines) {
  const Config config = make_config("/nowhere", "http", "", "5s");
  const StreamSchema& schema = config.streams.front().schema;
  const std::unique_ptr<Decoder> decoder = make_decoder(schema, config.sources.front());
  EventBatch batch(schema);
  std::vector<DeadLetter> dead;
  Decoder::Counts counts;
  return measure(count_lines(lines), [&] {
    decoder->begin({.name = "bench"});
    for (size_t at = 0; at < lines.size();) {  // as a source does: about 1 MiB at a time
      batch.reset(schema);
      const std::string_view piece = lines.substr(at, 1 << 20);
      at += decoder->decode(piece, at + piece.size() == lines.size(), batch, dead, counts);
    }
    if (!dead.empty()) std::fprintf(stderr, "parse: %zu dead letters\n", dead.size());
  });
}

Sample live(const std::string& folder, std::string_view lines) {
  std::filesystem::create_directories(folder);
  const std::string path = folder + "/trades.ndjson";
  std::ofstream(path, std::ios::binary)
      .write(lines.data(), static_cast<std::streamsize>(lines.size()));
  PosixFileSystem files;
  return measure(count_lines(lines), [&] {
    const std::unique_ptr<Engine> engine =
        must(Engine::open(make_config(folder, "file", path, "5s"), files));
    engine->start();
    engine->wait_drained();
    engine->stop();
  });
}

Sample restart(const std::string& folder, std::string_view lines) {
  PosixFileSystem files;
  const Config config = make_config(folder, "http", "", "1h");  // nothing is sealed
  {
    const std::unique_ptr<Engine> engine = must(Engine::open(config, files));
    engine->start();
    while (!engine->ready()) std::this_thread::yield();
    for (const std::string_view body : cut(lines, 4000)) push(*engine, body);
    engine->stop();
  }
  Sample sample = measure(count_lines(lines), [&] {
    const std::unique_ptr<Engine> engine = must(Engine::open(config, files));
    engine->start();
    while (!engine->ready()) std::this_thread::sleep_for(1ms);
    engine->stop();
  });
  return sample;
}

Soak soak(const std::string& folder, uint64_t events, uint32_t keys) {
  PosixFileSystem files;
  const std::unique_ptr<Engine> engine =
      must(Engine::open(make_config(folder, "http", "", "5s"), files));
  engine->start();
  while (!engine->ready()) std::this_thread::yield();
  const double begin = now_seconds();
  Soak out{.events = static_cast<double>(events)};
  Generator generator(
      {.events = events, .keys = keys, .minutes = static_cast<int64_t>(events / 1'000'000) + 1});
  std::string body;
  for (uint64_t n = 0; generator.next(5'000, body); ++n) {
    push(*engine, body);
    body.clear();
    if (n % 16 == 0) out.rss_max = std::max(out.rss_max, resident_memory().value);
  }
  engine->wait_drained();
  out.seconds = now_seconds() - begin;
  out.rss_max = std::max(out.rss_max, resident_memory().value);
  engine->stop();
  return out;
}

}  // namespace hindcast::bench
