#include "replay/starve_watch.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

class StarveWatchTest : public testing::Test {
 protected:
  /// `n` looks, half a second apart, between each of which it runs for `ran`.
  bool look(int n, bool ready, Duration ran) {
    for (int i = 0; i < n; ++i) {
      now_ += 500ms;
      ran_ += ran;
      watch_.tick(ready, ran_, now_);
    }
    return watch_.starved();
  }
  StarveWatch watch_;
  MonoTime now_{1h};
  Duration ran_{};
};

TEST_F(StarveWatchTest, WhoeverWantsACpuForTwoSecondsAndGetsNoneStarves) {
  EXPECT_FALSE(look(4, true, 1ms));
  EXPECT_TRUE(look(1, true, 1ms));
}
TEST_F(StarveWatchTest, ATwentiethOfTheTimeIsEnough) { EXPECT_FALSE(look(100, true, 25ms)); }

// It waits for a disk, for allowance, or for something to do.
TEST_F(StarveWatchTest, WhoeverSleepsDoesNotStarve) {
  EXPECT_FALSE(look(100, false, 0ms));
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(look(3, true, 0ms));
    EXPECT_FALSE(look(1, false, 0ms));
  }
}
// While it is served by another it sleeps itself, which says nothing.
TEST_F(StarveWatchTest, ItIsServedForTenSecondsAndJudgedAnew) {
  EXPECT_TRUE(look(5, true, 0ms));
  EXPECT_TRUE(look(19, false, 0ms));
  EXPECT_FALSE(look(1, false, 0ms));
  EXPECT_FALSE(look(3, true, 0ms));
  EXPECT_TRUE(look(1, true, 0ms));
}

}  // namespace
}  // namespace hindcast
