// Links are bounded for all workers together, and say what they hold and how long somebody waited.
#include "replay/chain.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

constexpr MonoTime kStart{1h};

TEST(ChainTest, EachLinkIsBoundedByItself) {
  Chain chain({100_KiB, 200_KiB, 50_KiB});
  EXPECT_TRUE(chain.try_take(Link::kCommit, 1, 50_KiB, kStart));
  EXPECT_FALSE(chain.try_take(Link::kCommit, 2, 1_KiB, kStart));
  EXPECT_TRUE(chain.try_take(Link::kHistory, 2, 100_KiB, kStart));
  chain.give_back(Link::kCommit, 50_KiB);
  EXPECT_TRUE(chain.try_take(Link::kCommit, 2, 1_KiB, kStart + 3s));
}

TEST(ChainTest, StatesNameWhatIsHeldAndWaitedFor) {
  Chain chain({100_KiB, 200_KiB, 50_KiB});
  EXPECT_TRUE(chain.try_take(Link::kMerge, 1, 150_KiB, kStart));
  EXPECT_FALSE(chain.try_take(Link::kMerge, 2, 100_KiB, kStart + 1s));
  const std::vector<Chain::State> states = chain.states(kStart + 5s);
  ASSERT_EQ(states.size(), kLinks);
  EXPECT_EQ(to_string(states[1].link), "merge");
  EXPECT_EQ(states[1].used, 150_KiB);
  EXPECT_EQ(states[1].max, 200_KiB);
  EXPECT_EQ(states[1].blocked, 4s);
  EXPECT_EQ(states[1].blocked_since, kStart + 1s);
  EXPECT_FALSE(states[0].blocked_since);
}

// Its job was cancelled while it stood in line: those behind it must not wait for it.
TEST(ChainTest, AWorkerThatLeavesFreesTheLine) {
  Chain chain({100_KiB, 200_KiB, 50_KiB});
  EXPECT_TRUE(chain.try_take(Link::kMerge, 1, 200_KiB, kStart));
  EXPECT_FALSE(chain.try_take(Link::kMerge, 2, 100_KiB, kStart));
  EXPECT_FALSE(chain.try_take(Link::kMerge, 3, 100_KiB, kStart));
  chain.leave(2, kStart);
  chain.give_back(Link::kMerge, 200_KiB);
  EXPECT_TRUE(chain.try_take(Link::kMerge, 3, 100_KiB, kStart));
}

}  // namespace
}  // namespace hindcast
