#include <gtest/gtest.h>
#include <pthread.h>

#include <future>

#include "base/thread_runtime.h"
#include "base/virtual_runtime.h"

namespace hindcast {
namespace {

constexpr ShardId kFirst{0}, kSecond{1};

TEST(ThreadRuntimeTest, TasksOfOneShardRunInTheOrderOfPosting) {
  std::vector<int> order;
  {
    ThreadRuntime runtime({"shard-00"}, 1);
    for (int i = 0; i < 100; ++i) runtime.post(kFirst, [&order, i] { order.push_back(i); });
    runtime.stop();  // runs what was posted
  }
  ASSERT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(ThreadRuntimeTest, EachShardIsAThreadWithItsName) {
  ThreadRuntime runtime({"shard-00", "committer"}, 1);
  const auto name_of = [&](ShardId shard) {
    std::promise<std::string> name;
    runtime.post(shard, [&] {
      char buffer[16] = {};
      pthread_getname_np(pthread_self(), buffer, sizeof buffer);
      name.set_value(buffer);
    });
    return name.get_future().get();
  };
  EXPECT_EQ(name_of(kFirst), "shard-00");
  EXPECT_EQ(name_of(kSecond), "committer");
}

TEST(ThreadRuntimeTest, TimersRunInOrderOfTimeAndNotBeforeIt) {
  ThreadRuntime runtime({"shard-00"}, 1);
  std::promise<MonoTime> ran;
  std::vector<int> order;
  const MonoTime start = runtime.mono_now();
  runtime.at(kFirst, start + 3ms, [&] {
    order.push_back(2);
    ran.set_value(runtime.mono_now());
  });
  runtime.at(kFirst, start + 1ms, [&] { order.push_back(1); });
  EXPECT_GE(ran.get_future().get(), start + 3ms);
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(ThreadRuntimeTest, AStoppedRuntimeForgetsTimersAndDropsWhatComesLater) {
  int ran = 0;
  ThreadRuntime runtime({"shard-00"}, 1);
  runtime.at(kFirst, runtime.mono_now() + 24h, [&] { ++ran; });
  runtime.stop();
  runtime.post(kFirst, [&] { ++ran; });
  runtime.stop();
  EXPECT_EQ(ran, 0);
}

TEST(VirtualRuntimeTest, TimeJumpsFromTaskToTask) {
  VirtualRuntime runtime(1, ProcessingTime(Duration(1000)));
  std::vector<std::pair<int, MonoTime>> seen;
  runtime.at(kFirst, MonoTime{} + 2h, [&] { seen.emplace_back(2, runtime.mono_now()); });
  runtime.at(kSecond, MonoTime{} + 1h, [&] {
    seen.emplace_back(1, runtime.mono_now());
    runtime.at(kFirst, MonoTime{}, [&] { seen.emplace_back(3, runtime.mono_now()); });
  });
  while (runtime.step()) {
  }
  // A task asked for in the past runs now: time never steps back.
  EXPECT_EQ(seen, (std::vector<std::pair<int, MonoTime>>{
                      {1, MonoTime{} + 1h}, {3, MonoTime{} + 1h}, {2, MonoTime{} + 2h}}));
  EXPECT_EQ(unix_ns(runtime.wall_now()), 1000 + Duration(2h).count());
}

TEST(VirtualRuntimeTest, RunUntilLeavesLaterTasks) {
  VirtualRuntime runtime(1);
  int ran = 0;
  for (const Duration d : {Duration(1s), Duration(2s), Duration(3s)}) {
    runtime.at(kFirst, MonoTime{} + d, [&] { ++ran; });
  }
  runtime.run_until(MonoTime{} + 2s);
  EXPECT_EQ(ran, 2);
  EXPECT_EQ(runtime.mono_now(), MonoTime{} + 2s);
  runtime.run_until(MonoTime{} + 2500ms);
  EXPECT_EQ(runtime.mono_now(), MonoTime{} + 2500ms);
  runtime.drop_all();
  EXPECT_FALSE(runtime.step());
  EXPECT_EQ(ran, 2);
}

TEST(VirtualRuntimeTest, EqualSeedsGiveEqualNumbers) {
  VirtualRuntime a(7), b(7);
  EXPECT_EQ(a.rng().next(), b.rng().next());
}

}  // namespace
}  // namespace hindcast
