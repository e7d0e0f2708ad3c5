#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "base/posix_files.h"
#include "bench/drive.h"
#include "bench/paths.h"
#include "bench/workload.h"
#include "engine/engine.h"

namespace hindcast::bench {
namespace {

constexpr double kRate = 200'000;  // events per second
constexpr size_t kBatch = 1'000;
constexpr double kLateShare = 0.01;
constexpr double kSpeed = 12;  // event time runs so much faster: pages are sealed within the run

struct Cost {
  double cpu = 0, wall = 0, bytes = 0;
  uint64_t late = 0;
};

Cost run(const std::string& folder, double seconds, uint32_t keys, double share) {
  PosixFileSystem files;
  const std::unique_ptr<Engine> engine =
      must(Engine::open(make_config(folder, "http", "", "5s"), files));
  engine->start();
  while (!engine->ready()) std::this_thread::yield();
  Generator generator({.events = static_cast<uint64_t>(seconds * kRate),
                       .keys = keys,
                       .minutes = std::max<int64_t>(1, static_cast<int64_t>(seconds * kSpeed / 60)),
                       .late = share});
  std::vector<std::string> bodies;  // made before anything is measured
  for (std::string body; generator.next(kBatch, body); body.clear()) bodies.push_back(body);
  const double cpu = cpu_seconds(), begin = now_seconds();
  for (size_t n = 0; n < bodies.size(); ++n) {
    const double due = begin + static_cast<double>(n * kBatch) / kRate;
    const double early = due - now_seconds();
    if (early > 0) std::this_thread::sleep_for(std::chrono::duration<double>(early));
    push(*engine, bodies[n]);
  }
  engine->wait_drained();
  Cost cost{.cpu = cpu_seconds() - cpu, .wall = now_seconds() - begin};
  const SystemStatus status = engine->status();
  cost.bytes = static_cast<double>(status.store.bytes_written.value);
  for (const SourceStatus& source : status.sources) cost.late += source.late;
  engine->stop();
  std::filesystem::remove_all(folder);
  return cost;
}

}  // namespace

void late(const std::string& folder, double seconds, uint32_t keys, int runs) {
  std::vector<double> cores, bytes, each;
  for (int i = 0; i < runs; ++i) {
    const Cost without = run(folder, seconds, keys, 0),
               with = run(folder, seconds, keys, kLateShare);
    const double late_events = static_cast<double>(std::max<uint64_t>(with.late, 1));
    // What 1 % of the rate costs, also where fewer came late within the run (the first pages are
    // not sealed yet), and however long a loaded machine took for it.
    each.push_back((with.cpu - without.cpu) / late_events);
    cores.push_back(each.back() * kRate * kLateShare);
    bytes.push_back((with.bytes - without.bytes) / late_events);
    std::printf(
        "late: %u keys, %llu of %.0f events late, CPU %.2f s without, %.2f s with, in %.1f s\n",
        keys, static_cast<unsigned long long>(with.late), seconds * kRate, without.cpu, with.cpu,
        with.wall);
    std::fflush(stdout);
  }
  std::ranges::sort(cores);
  std::ranges::sort(bytes);
  std::ranges::sort(each);
  std::printf(
      "late: %u keys, 1 %% late at 200,000 ev/s: %.1f %% of a core, %.0f us and %.0f bytes "
      "written per late event (medians of %d)\n",
      keys, 100 * cores[cores.size() / 2], 1e6 * each[each.size() / 2], bytes[bytes.size() / 2],
      runs);
}

}  // namespace hindcast::bench
