#include "replay/pressure.h"

#include <algorithm>

namespace hindcast {
namespace {

constexpr uint64_t kCommitSamplesMin = 20;
constexpr double kBoundTarget = 0.8;  // of a bound in bytes
constexpr double kSlowed = 1.25;      // the store has said so itself
constexpr double kLargest = 1'000;

double ratio(Duration value, Duration target) {
  return static_cast<double>(value.count()) / static_cast<double>(target.count());
}
double ratio(ByteCount value, ByteCount bound) {
  return static_cast<double>(value.value) / (kBoundTarget * static_cast<double>(bound.value));
}
double ratio(const LatencySignal& latency, Duration target, uint64_t samples_min) {
  return latency.samples < samples_min ? 0 : ratio(latency.p99, target);
}

}  // namespace

Pressure strongest(const Signals& s, const Limits& l) {
  const Pressure all[] = {
      {Reason::kLiveLatency, ratio(s.live_apply, l.live_p99, kLiveSamplesMin)},
      {Reason::kLiveLatency, ratio(s.live_queue_age, l.live_queue_age)},
      {Reason::kStore, ratio(s.commit, l.commit_p99, kCommitSamplesMin)},
      {Reason::kStore, s.store.slowed ? kSlowed : 0},
      {Reason::kStore, static_cast<double>(s.store.l0_files) / l.l0_files},
      {Reason::kStore, s.store.compaction_share / l.compaction_share},
      {Reason::kMemory, ratio(s.memory, l.memory_max)},
      {Reason::kCompute, s.cpu_pressure / l.cpu_pressure},
  };
  Pressure strongest =
      *std::max_element(std::begin(all), std::end(all),
                        [](const Pressure& a, const Pressure& b) { return a.value < b.value; });
  strongest.value = std::clamp(strongest.value, 0.0, kLargest);
  return strongest;
}

bool deep_replay_log(const Signals& s, const Limits& l) {
  return ratio(s.replay_log, l.replay_log_max) >= 1;
}

std::optional<Reason> hard_bound(const Signals& s, const Limits& l, std::optional<Reason> holding) {
  if (s.store.stopped || s.disk_full) return Reason::kStore;
  const ByteCount let_go{l.memory_max.value / 10 * 9};
  if (s.memory >= (holding == Reason::kMemory ? let_go : l.memory_max)) return Reason::kMemory;
  return std::nullopt;
}

}  // namespace hindcast
