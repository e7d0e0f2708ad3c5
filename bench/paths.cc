#include "bench/paths.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>

#include "base/posix_files.h"
#include "bench/workload.h"
#include "engine/engine.h"
#include "format/decoder.h"

namespace hindcast::bench {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message.c_str());
    std::exit(1);
  }
  return *std::move(result);
}

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
    for (const std::string_view body : cut(lines, 4000)) {
      std::promise<void> answered;
      engine->push("trades", body, std::nullopt, [&](const Result<PushResult>& result) {
        if (!result) std::fprintf(stderr, "push: %s\n", result.error().message.c_str());
        answered.set_value();
      });
      answered.get_future().wait();
    }
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

}  // namespace hindcast::bench
