// A replay storm cannot happen: what people were promised, with the real book, workers, chain and
// governor on virtual time (storm_world_test_util.h).
#include <gtest/gtest.h>

#include <map>

#include "replay/storm_world_test_util.h"

namespace hindcast::test {
namespace {

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

StormOptions storm() {
  StormOptions options;
  options.limits.events = {.per_second = 1'000};
  options.limits.floor = {.per_second = 20};
  options.limits.stagger = 1s;
  return options;
}

// Fifty sources come back within a second after six hours: one sweep, in turns, at its pace.
TEST(ReplayStormTest, FiftySourcesThatComeBackAtOnceAreOneOrderlySweep) {
  StormWorld world(storm());
  world.reconnect();
  const MonoTime start = world.now();
  std::map<JobId, MonoTime> first;
  uint64_t ticks = 0, live_missed = 0;
  world.run(1h, [&] {
    ++ticks;
    live_missed += world.live_p99() > world.options().limits.live_p99 ? 1 : 0;
    EXPECT_LE(world.busy_workers(), world.options().limits.subwindows_at_once);

    for (const JobBook::View& view : world.book().views()) {
      if (view.job.counts.read > 0) first.try_emplace(view.job.id, world.now());
    }
    return world.caught_up();
  });
  ASSERT_TRUE(world.caught_up());
  EXPECT_LE(world.events_read(), world.events_all() + world.events_all() / 10);
  EXPECT_EQ(world.events_added(), world.events_all());
  EXPECT_LE(live_missed * 20, ticks);
  // Its turn: once all have started, a round takes one piece of each.
  const double round = 50 * 360 / 1'000.0;
  ASSERT_EQ(first.size(), 50u);
  for (const auto& [job, at] : first) EXPECT_LE(seconds(at - start), 50 + 2 * round) << job;
  // What it takes at the speed that was allowed, or until the last one may start.
  const double theoretical = static_cast<double>(world.events_all()) / 1'000;
  EXPECT_LE(seconds(world.now() - start), 1.2 * theoretical);
  EXPECT_GT(world.charged(Reason::kRate) + world.charged(Reason::kConcurrency),
            world.charged(Reason::kCompute));
}

// Each reason has its share of a job's time, and nothing is left over.
TEST(ReplayStormTest, TheReasonsOfEveryJobAddUpToItsTime) {
  StormWorld world(storm());
  world.reconnect();
  world.run(1h, [&] { return world.caught_up(); });
  for (const JobBook::View& view : world.book().views()) {
    Duration sum{};
    for (const Duration time : view.account.times(world.now())) sum += time;
    EXPECT_EQ(sum, view.account.elapsed(world.now()));
    EXPECT_GT(sum, 0s);
  }
}

struct Link {
  bool rate, chain;
};
class SlowStoreTest : public ::testing::TestWithParam<Link> {};

// A store that slows down by ten and then stops: the reader stops within one subwindow of each
// worker, memory is flat, nothing is lost, and afterwards it goes on. With the rate limit alone,
// with back-pressure alone, and with both.
TEST_P(SlowStoreTest, AStoreThatStopsStopsTheReaderAndLosesNothing) {
  StormOptions options = storm();
  if (!GetParam().rate) options.limits.events = {.per_second = 1'000'000'000};
  options.chain = GetParam().chain;
  StormWorld world(options);
  world.reconnect();
  world.run(20s);
  ASSERT_FALSE(world.caught_up());
  uint64_t memory = 0;
  world.options().commit_takes *= 10;
  world.run(10s, [&] {
    memory = std::max(memory, world.memory());
    return false;
  });
  world.store_stopped = true;
  const uint64_t read = world.events_read();
  const Duration store = world.charged(Reason::kStore);
  world.run(30s, [&] {
    memory = std::max(memory, world.memory());
    return false;
  });
  EXPECT_LE(world.events_read() - read,
            world.options().workers * (world.options().subwindow_events + 100));
  EXPECT_LE(memory, world.options().workers * JobRunner::kPieceRoom.value);
  EXPECT_GT(world.charged(Reason::kStore) - store, 29s);
  EXPECT_EQ(world.allowance().binding, Reason::kStore);
  world.store_stopped = false;
  world.options().commit_takes = 1ms;
  world.run(1s);
  EXPECT_TRUE(world.allowance().ramping || !GetParam().rate);
  world.run(1h, [&] { return world.caught_up(); });
  EXPECT_TRUE(world.caught_up());
  EXPECT_EQ(world.events_added(), world.events_all());
}

INSTANTIATE_TEST_SUITE_P(Each, SlowStoreTest,
                         ::testing::Values(Link{true, true}, Link{false, true}, Link{true, false}),
                         [](const ::testing::TestParamInfo<Link>& each) {
                           return std::string(each.param.rate ? "Rate" : "NoRate") +
                                  (each.param.chain ? "Chain" : "NoChain");
                         });

// Laws L6 and L7: live that takes everything leaves replay its floor, in every ten seconds.
TEST(ReplayStormTest, BesideASaturatedLiveLaneReplayStillAdvances) {
  StormOptions options = storm();
  options.sources = 4;
  options.live_p99_idle = 10;
  StormWorld world(options);
  world.reconnect();
  world.run(10s);
  for (int i = 0; i < 12; ++i) {
    const uint64_t before = world.events_added();
    world.run(10s);
    EXPECT_GT(world.events_added(), before) << i;
    EXPECT_LE(world.events_added() - before, 20 * 10 + 2 * options.subwindow_events + 20);
  }
  EXPECT_EQ(world.allowance().binding, Reason::kFloor);
}

// Law L7: a limit smaller than one batch goes into debt instead of stalling.
TEST(ReplayStormTest, ABatchOfTenTimesTheBurstPassesAndIsPaidFor) {
  StormOptions options = storm();
  options.sources = 1;
  options.limits.events = {.per_second = 80};  // a burst of 20
  options.limits.floor = {.per_second = 1};
  StormWorld world(options);
  world.reconnect();
  const MonoTime start = world.now();
  world.run(1h, [&] { return world.caught_up(); });
  ASSERT_TRUE(world.caught_up());
  EXPECT_EQ(world.events_added(), world.events_all());
  EXPECT_GE(seconds(world.now() - start), static_cast<double>(world.events_all()) / 80 - 3);
}

// One source with ever so much to do holds up the others no longer than a turn.
TEST(ReplayStormTest, ASlowLiveLaneBrakesReplayAndNotTheOtherWayRound) {
  StormOptions options = storm();
  options.limits.events = {.per_second = 1'000'000'000};
  options.live_p99_harm = 2;  // both workers at work: four times the target
  StormWorld world(options);
  world.reconnect();
  uint64_t ticks = 0, missed = 0;
  world.run(5min, [&] {
    ++ticks;
    missed += world.live_p99() > 2 * options.limits.live_p99 ? 1 : 0;
    return world.caught_up();
  });
  EXPECT_LE(missed * 20, ticks);
  EXPECT_GT(world.events_added(), 0u);
}

}  // namespace
}  // namespace hindcast::test
