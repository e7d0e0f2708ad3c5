// Each signal by itself, and the strongest of several.
#include "replay/pressure.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

struct Case {
  Reason reason;
  void (*at_target)(Signals&, const Limits&);
};
const Case kCases[] = {
    {Reason::kLiveLatency,
     [](Signals& s, const Limits& l) {
       s.live_apply = {l.live_p99, 100};
     }},
    {Reason::kLiveLatency,
     [](Signals& s, const Limits& l) { s.live_queue_age = l.live_queue_age; }},
    {Reason::kStore,
     [](Signals& s, const Limits& l) {
       s.commit = {l.commit_p99, 20};
     }},
    {Reason::kStore, [](Signals& s, const Limits& l) { s.store.l0_files = l.l0_files; }},
    {Reason::kStore,
     [](Signals& s, const Limits& l) { s.store.compaction_share = l.compaction_share; }},
    {Reason::kMemory,
     [](Signals& s, const Limits& l) { s.memory.value = l.memory_max.value / 5 * 4; }},
    {Reason::kCompute, [](Signals& s, const Limits& l) { s.cpu_pressure = l.cpu_pressure; }},
};

TEST(PressureTest, EverySignalAtItsTargetIsOneAndIsTheReason) {
  const Limits limits;
  for (const Case& each : kCases) {
    Signals signals;
    each.at_target(signals, limits);
    const Pressure pressure = strongest(signals, limits);
    EXPECT_NEAR(pressure.value, 1, 1e-6);
    EXPECT_EQ(pressure.reason, each.reason);
  }
}

TEST(PressureTest, NothingMeasuredIsNoPressure) {
  EXPECT_EQ(strongest(Signals(), Limits()).value, 0);
}

TEST(PressureTest, TheStrongestDecides) {
  Signals signals;
  signals.live_apply = {30ms, 1'000};
  signals.cpu_pressure = 0.3;
  signals.store.l0_files = 48;
  EXPECT_EQ(strongest(signals, Limits()).reason, Reason::kStore);
  EXPECT_DOUBLE_EQ(strongest(signals, Limits()).value, 2);
  signals.live_apply.p99 = 60ms;
  EXPECT_EQ(strongest(signals, Limits()).reason, Reason::kLiveLatency);
  EXPECT_DOUBLE_EQ(strongest(signals, Limits()).value, 3);
}

// A quiet night has ten events in five seconds, and one of them may be slow for any reason.
TEST(PressureTest, AFewSamplesHaveNoSay) {
  Signals signals;
  signals.live_apply = {10s, 99};
  signals.commit = {60s, 19};
  EXPECT_EQ(strongest(signals, Limits()).value, 0);
}

TEST(PressureTest, AStoreThatDelaysWritesHasSaidSoItself) {
  Signals signals;
  signals.store.slowed = true;
  EXPECT_GT(strongest(signals, Limits()).value, 1);
  EXPECT_EQ(strongest(signals, Limits()).reason, Reason::kStore);
  EXPECT_EQ(hard_bound(signals, Limits(), std::nullopt), std::nullopt);
}

TEST(PressureTest, HardBoundsAreAStoppedStoreAFullDiskAndMemory) {
  Signals signals;
  signals.store.stopped = true;
  EXPECT_EQ(hard_bound(signals, Limits(), std::nullopt), Reason::kStore);
  signals = {};
  signals.disk_full = true;
  EXPECT_EQ(hard_bound(signals, Limits(), std::nullopt), Reason::kStore);
  signals = {};
  signals.memory = Limits().memory_max;
  EXPECT_EQ(hard_bound(signals, Limits(), std::nullopt), Reason::kMemory);
}

// The replay log is emptied by replay: a brake would only make it deeper.
TEST(PressureTest, AFullReplayLogNeitherStopsNorSlowsWhatEmptiesIt) {
  Signals signals;
  EXPECT_FALSE(deep_replay_log(signals, Limits()));
  signals.replay_log = ByteCount{Limits().replay_log_max.value * 2};
  EXPECT_TRUE(deep_replay_log(signals, Limits()));
  EXPECT_EQ(hard_bound(signals, Limits(), std::nullopt), std::nullopt);
  EXPECT_EQ(strongest(signals, Limits()).value, 0);
}

TEST(PressureTest, MemoryThatHoldsReplayLetsGoAtNineTenths) {
  Signals signals;
  signals.memory = ByteCount{Limits().memory_max.value / 100 * 95};
  EXPECT_EQ(hard_bound(signals, Limits(), std::nullopt), std::nullopt);
  EXPECT_EQ(hard_bound(signals, Limits(), Reason::kMemory), Reason::kMemory);
  signals.memory = ByteCount{Limits().memory_max.value / 100 * 89};
  EXPECT_EQ(hard_bound(signals, Limits(), Reason::kMemory), std::nullopt);
}

}  // namespace
}  // namespace hindcast
