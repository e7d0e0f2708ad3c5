// The governor in a small world on virtual time (governor_model_test_util.h): what people were
// promised of live and of recovery.
#include <gtest/gtest.h>

#include <numeric>

#include "replay/governor_model_test_util.h"
#include "replay/stagger.h"

namespace hindcast {
namespace {

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }
double share(const World& world, Reason reason) {
  return seconds(world.ledger.totals(world.now)[static_cast<size_t>(reason)]) /
         seconds(world.elapsed());
}

/// Replay speed at which the model's live p99 is at its target: p99 = ln(100) × service / (1 -
/// load).
double speed_at_target(const WorldOptions& o) {
  const double load = 1 - std::log(100.0) * seconds(o.live_service) / seconds(o.limits.live_p99);
  return (load - o.live_load) / o.harm;
}

/// Looks at every tick: how live fared, and how often the speed turned around.
struct Observer {
  Duration target;
  uint64_t ticks = 0, above_target = 0;
  Duration worst{};
  uint64_t turns = 0;  // by more than 5 %
  double extreme = 0;  // of the present direction
  bool rising = true;

  void operator()(const World& world) {
    ++ticks;
    const Duration p99 = world.live_p99;
    worst = std::max(worst, p99);
    above_target += p99 > target ? 1 : 0;
    const auto rate = static_cast<double>(world.allowance.per_second.events);
    const bool turned = rising ? rate < extreme * 0.95 : rate > extreme * 1.05;
    if (turned) rising = !rising;
    turns += turned ? 1 : 0;
    if (turned || (rising ? rate > extreme : rate < extreme)) extreme = rate;
  }
};

WorldOptions calm() {
  WorldOptions options;
  options.limits.events = {.per_second = 100'000};
  options.limits.floor = {.per_second = 5'000};
  options.limits.live_p99 = 5ms;
  return options;
}

TEST(GovernorModelTest, AtItsDeliberateRateALiveLaneNoticesNothingAndTheRateIsTheReason) {
  World world(calm(), {{.backlog = 30e6}});
  Observer observer{5ms};
  ASSERT_TRUE(world.run_until_caught_up(10min, [&](World& w) { observer(w); }));
  EXPECT_LE(seconds(world.elapsed()), 1.2 * 300);
  EXPECT_GE(seconds(world.elapsed()), 300 * 0.99);
  EXPECT_EQ(observer.above_target, 0u);
  EXPECT_EQ(observer.turns, 0u);
  EXPECT_GT(share(world, Reason::kRate), 0.8);
}

TEST(GovernorModelTest, WhereLiveIsTheLimitItsTargetIsHeldAndCatchingUpTakesAtMostAFifthMore) {
  WorldOptions options = calm();
  options.limits.events = {.per_second = 1'000'000};
  const double possible = speed_at_target(options);
  World world(options, {{.backlog = 600 * possible}});
  Observer observer{5ms};
  ASSERT_TRUE(world.run_until_caught_up(1h, [&](World& w) { observer(w); }));
  EXPECT_LE(seconds(world.elapsed()), 1.2 * 600);
  EXPECT_LE(observer.above_target * 20, observer.ticks);
  EXPECT_LE(observer.worst, 10ms);
  EXPECT_LE(observer.turns, 20u);
  EXPECT_GT(share(world, Reason::kLiveLatency), 0.5);
}

// Laws L6 and L7: live that is overloaded by itself leaves replay the floor, in every ten seconds.
TEST(GovernorModelTest, BesideALiveLaneThatIsSaturatedTheFloorIsDoneInEveryTenSeconds) {
  WorldOptions options = calm();
  World world(options, {{.backlog = 30e6}});
  world.run(20s);
  world.options.live_load = 1.5;
  world.run(20s);
  for (int i = 0; i < 30; ++i) {
    const double before = world.committed;
    world.run(10s);
    EXPECT_GE(world.committed - before + 16'384, 5'000 * 10);
    EXPECT_LE(world.committed - before - 16'384, 5'000 * 10 * 1.01);
  }
  EXPECT_EQ(world.allowance.binding, Reason::kFloor);
  EXPECT_EQ(world.allowance.pressure.reason, Reason::kLiveLatency);
  world.options.live_load = 0.5;
  world.run(1min);
  EXPECT_EQ(world.allowance.per_second.events, 100'000u);
}

TEST(GovernorModelTest, AStoreThatStopsForHalfAMinuteIsNamedAndARampFollows) {
  World world(calm(), {{.backlog = 30e6}});
  world.run(1min);
  world.store_stopped = true;
  const Duration store_before = world.ledger.totals(world.now)[static_cast<size_t>(Reason::kStore)];
  world.run(1s);
  const double before = world.committed;
  world.run(29s, [](World& w) {
    EXPECT_EQ(w.allowance.binding, Reason::kStore);
    EXPECT_EQ(w.allowance.per_second.events, 0u);
  });
  EXPECT_EQ(world.committed, before);
  const Duration store_after = world.ledger.totals(world.now)[static_cast<size_t>(Reason::kStore)];
  EXPECT_GE(store_after - store_before, 29s);

  world.store_stopped = false;
  world.run(1s);
  EXPECT_TRUE(world.allowance.ramping);
  EXPECT_LE(world.allowance.per_second.events, 15'000u);
  EXPECT_LE(world.committed - before, 15'000 + 3 * 16'384);  // what was in hand when it stopped
  world.run(9s);
  EXPECT_EQ(world.allowance.per_second.events, 100'000u);
  const double recovered = world.committed;
  world.run(10s);
  EXPECT_NEAR(world.committed - recovered, 1e6, 1e5);
}

TEST(GovernorModelTest, AStoreTenTimesSlowerIsGivenWhatItBearsAndIsTheReason) {
  WorldOptions options = calm();
  options.workers = 4;
  options.limits.subwindows_at_once = 4;
  World world(options, {{.backlog = 60e6}});
  world.run(1min);
  world.options.store_speed = 40'000;
  world.run(30s);
  Observer observer{5ms};
  const double before = world.committed;
  world.run(5min, [&](World& w) { observer(w); });
  EXPECT_GE(world.committed - before, 40'000 * 300 / 1.2);
  EXPECT_LE(observer.turns, 10u);
  EXPECT_GE(world.ledger.recent(world.now)[static_cast<size_t>(Reason::kStore)], 8s);
  world.options.store_speed = 400'000;
  world.run(90s);
  EXPECT_EQ(world.allowance.per_second.events, 100'000u);
}

// Four sources lose and regain their connection all the time, and the store is too small for what
// that brings. What is missing is known from the model: what arrives, less what the store takes,
// and the backlog within the target time.
TEST(GovernorModelTest, AnUndersizedStoreIsAStormAndWhatIsMissingIsKnownWithinFifteenPercent) {
  WorldOptions options = calm();
  options.store_speed = 60'000;
  options.limits.events = {.per_second = 1'000'000};
  options.limits.catch_up_within = 30min;
  World world(options, std::vector<WorldSource>(4, {.backlog = 3e6, .arriving = 25'000}));
  Duration worst{}, tripped{};
  double truth = 0;
  world.run(20s);
  const Duration calm_p99 = world.live_p99;
  world.run(5min, [&](World& w) {
    if (w.allowance.storm && tripped == Duration(0)) {
      tripped = w.elapsed();
      truth = 4 * 25'000 - 60'000 + w.backlog() / 1'800;
      EXPECT_NEAR(static_cast<double>(w.allowance.storm->missing_events), truth, truth * 0.15);
      EXPECT_NEAR(w.allowance.storm->missing_speed, truth / 10'000, truth / 10'000 * 0.15);
    }
    if (tripped == Duration(0)) worst = std::max(worst, w.live_p99);
  });
  EXPECT_GT(tripped, 0s);
  EXPECT_LT(tripped, 4min);
  EXPECT_LT(worst, 2 * calm_p99);
  EXPECT_EQ(world.allowance.binding, Reason::kStore);

  // With a store that is large enough it is over, and the backlog goes.
  world.options.store_speed = 400'000;
  const double before = world.backlog();
  world.run(75s);
  EXPECT_FALSE(world.allowance.storm);
  EXPECT_LT(world.backlog(), before - 5e6);
}

// The replay storm that this program was written against: everybody is back at once.
TEST(GovernorModelTest, EightSourcesThatReturnAtOnceAreCaughtUpTogetherWithoutLiveNoticing) {
  WorldOptions options = calm();
  options.limits.events = {.per_second = 1'000'000};
  std::vector<SourceId> ids;
  for (uint32_t i = 0; i < 8; ++i) ids.emplace_back(i);
  const std::vector<Duration> starts = stagger(42, ids, 5s, 1min);
  std::vector<WorldSource> sources(8, {.backlog = 6e6});
  sources[0].backlog = 60e6;
  World world(options, sources);
  for (size_t i = 0; i < 8; ++i) world.sources[i].starts_at = world.started + starts[i];
  Observer observer{5ms};
  std::vector<Duration> done(8);
  ASSERT_TRUE(world.run_until_caught_up(20min, [&](World& w) {
    observer(w);
    for (size_t i = 0; i < 8; ++i)
      if (w.sources[i].backlog < 1 && done[i] == Duration(0)) done[i] = w.elapsed();
  }));
  EXPECT_LE(observer.above_target * 20, observer.ticks);
  EXPECT_LE(observer.worst, 10ms);
  EXPECT_LE(seconds(world.elapsed()), 1.2 * 102e6 / speed_at_target(options) + 10);
  // The small ones are not kept waiting by the large one, nor by each other.
  const Duration last_small = *std::max_element(done.begin() + 1, done.end());
  EXPECT_LE(seconds(last_small), 1.2 * 48e6 / speed_at_target(options) + 45);
}

TEST(GovernorModelTest, EveryMomentOfAStormyHistoryIsChargedOnce) {
  World world(calm(), {{.backlog = 3e6}, {.backlog = 1e6}});
  world.run(10s);
  world.store_stopped = true;
  world.run(5s);
  world.store_stopped = false;
  world.options.live_load = 0.9;
  world.run(10s);
  world.options.store_speed = 10'000;
  world.run(20s);
  const ReasonTimes totals = world.ledger.totals(world.now);
  EXPECT_EQ(std::accumulate(totals.begin(), totals.end(), Duration(0)), world.elapsed());
}

}  // namespace
}  // namespace hindcast
