#include "engine/number_pool.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

#include "store/forwarding_store_test_util.h"
#include "store/memory_store.h"

namespace hindcast {
namespace {

/// Refuses writes of meta on demand.
class ForgetfulStore final : public test::ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Status put_meta(const std::string& name, BytesView value) override {
    if (refuse) return unavailable("the disk is gone");
    return ForwardingStore::put_meta(name, value);
  }

  bool refuse = false;
};

TEST(NumberPoolTest, NumbersAscendFromOneOverBlocks) {
  MemoryStore store;
  NumberPool pool(store, "gap", 3);
  for (uint64_t expected = 1; expected <= 10; ++expected) EXPECT_EQ(pool.take().value(), expected);
}

// The process may die between giving a number and its first use in a commit: whoever comes after
// cannot know, so no number of the block is ever given again.
TEST(NumberPoolTest, ANumberIsNotGivenAgainAfterTheProcessDies) {
  MemoryStore store;
  uint64_t last = 0;
  for (int life = 0; life < 5; ++life) {
    NumberPool pool(store, "gap", 4);
    for (int n = 0; n < 5; ++n) {
      const uint64_t number = pool.take().value();
      EXPECT_GT(number, last);
      last = number;
    }
  }
}

TEST(NumberPoolTest, KindsDoNotShareNumbers) {
  MemoryStore store;
  NumberPool gaps(store, "gap"), jobs(store, "job");
  EXPECT_EQ(gaps.take().value(), 1u);
  EXPECT_EQ(jobs.take().value(), 1u);
}

TEST(NumberPoolTest, ANumberThatIsNotDurableIsNotGiven) {
  MemoryStore memory;
  ForgetfulStore store(memory);
  NumberPool pool(store, "job", 2);
  EXPECT_EQ(pool.take().value(), 1u);
  EXPECT_EQ(pool.take().value(), 2u);
  store.refuse = true;
  ASSERT_FALSE(pool.take());
  EXPECT_EQ(pool.take().error().code, ErrorCode::kUnavailable);
  store.refuse = false;
  EXPECT_EQ(pool.take().value(), 3u);
}

TEST(NumberPoolTest, AMalformedCounterIsAnError) {
  for (const char* stored : {"", "x", "0", "12 ", "-1", "99999999999999999999"}) {
    MemoryStore store;
    store.put_meta("next/gap", stored).value();
    NumberPool pool(store, "gap");
    const auto number = pool.take();
    ASSERT_FALSE(number) << stored;
    EXPECT_EQ(number.error().code, ErrorCode::kCorruption);
  }
}

TEST(NumberPoolTest, ThreadsNeverGetTheSame) {
  MemoryStore store;
  NumberPool pool(store, "gap", 7);
  std::vector<std::vector<uint64_t>> taken(4);
  {
    std::vector<std::jthread> threads;
    for (auto& mine : taken) {
      threads.emplace_back([&pool, &mine] {
        for (int n = 0; n < 1'000; ++n) mine.push_back(pool.take().value());
      });
    }
  }
  std::set<uint64_t> all;
  for (const auto& mine : taken) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 4'000u);
  EXPECT_EQ(*all.rbegin(), 4'000u);
}

}  // namespace
}  // namespace hindcast
