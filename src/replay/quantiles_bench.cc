// What a recorded latency costs the live lane, and what reading a window costs the governor.
#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "base/rng.h"
#include "replay/quantiles.h"

namespace hindcast {
namespace {

void record(benchmark::State& state) {
  const auto window = std::make_unique<LatencyWindow>();
  Rng rng(1);
  std::vector<Duration> latencies(4'096);
  for (Duration& latency : latencies) latency = Duration(static_cast<int64_t>(rng.below(1 << 24)));
  MonoTime now{};
  size_t i = 0;
  for (auto _ : state) {
    now += 100ns;
    window->record(latencies[i++ % latencies.size()], now);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(record);

void read_window(benchmark::State& state) {
  const auto window = std::make_unique<LatencyWindow>();
  for (int i = 0; i < 50'000; ++i) window->record(Duration(i * 1'000), MonoTime(i * 100us));
  for (auto _ : state) {
    LatencyCounts counts;
    window->add_to(counts, MonoTime(5s));
    benchmark::DoNotOptimize(counts.quantile(0.99));
  }
}
BENCHMARK(read_window);

}  // namespace
}  // namespace hindcast

BENCHMARK_MAIN();
