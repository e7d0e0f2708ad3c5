#include "server/feed_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "server/feed_test_util.h"

namespace hindcast {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class FeedPlanTest : public testing::Test {
 protected:
  uint64_t add(const std::string& json) {
    return plan_.add(parse_fault(json, data_, plan_.time()).value());
  }
  FeedData data_ = feed_of(12);  // at seconds 1 to 12
  FeedPlan plan_{data_};
};

TEST_F(FeedPlanTest, EventsGoOutWhenTheirTimeHasCome) {
  plan_.advance(second(0));
  EXPECT_THAT(plan_.log(), IsEmpty());
  plan_.advance(second(3));
  EXPECT_THAT(plan_.log(), ElementsAre(0, 1, 2));
  plan_.advance(second(2));  // never back
  EXPECT_EQ(plan_.time(), second(3));
  plan_.advance(second(4) - Duration(1));
  EXPECT_EQ(plan_.log().size(), 3u);
  EXPECT_FALSE(plan_.finished());
  plan_.advance(second(100));
  EXPECT_EQ(plan_.log().size(), 12u);
  EXPECT_TRUE(plan_.finished());
  EXPECT_EQ(plan_.time(), second(100));
}

TEST_F(FeedPlanTest, DroppedEventsAreNeverSent) {
  add(R"({"kind":"drop","from":"1970-01-01T00:00:02Z","to":"1970-01-01T00:00:05Z"})");
  plan_.advance(second(7));
  EXPECT_THAT(plan_.log(), ElementsAre(0, 4, 5, 6));
  EXPECT_EQ(plan_.passed(), 7u);
}

TEST_F(FeedPlanTest, ACountEndsAFault) {
  add(R"({"kind":"drop","channel":"Y","count":2})");
  plan_.advance(second(12));
  EXPECT_THAT(plan_.log(), ElementsAre(0, 2, 3, 5, 6, 7, 8, 9, 10, 11));  // 1 and 4 are gone
  EXPECT_EQ(plan_.faults().at(0).count, 0u);
}

TEST_F(FeedPlanTest, LateEventsGoOutBehindTheirTime) {
  const uint64_t id = add(R"({"kind":"late","by":2.5,"count":1})");
  plan_.advance(second(3));
  EXPECT_THAT(plan_.log(), ElementsAre(1, 2));
  EXPECT_TRUE(plan_.remove(id));  // what is held back comes all the same
  EXPECT_FALSE(plan_.remove(id));
  plan_.advance(second(4));
  EXPECT_THAT(plan_.log(), ElementsAre(1, 2, 0, 3));
}

TEST_F(FeedPlanTest, TheFeedIsNotFinishedBeforeWhatIsHeldBackIsOut) {
  add(R"({"kind":"late","by":100,"from":"1970-01-01T00:00:12Z"})");
  plan_.advance(second(50));
  EXPECT_FALSE(plan_.finished());
  EXPECT_EQ(plan_.end(), second(112));
  plan_.advance(plan_.end());
  EXPECT_TRUE(plan_.finished());
  EXPECT_EQ(plan_.log().back(), 11u);
}

TEST_F(FeedPlanTest, DuplicatesGoOutTwice) {
  add(R"({"kind":"duplicate","count":1})");
  plan_.advance(second(2));
  EXPECT_THAT(plan_.log(), ElementsAre(0, 0, 1));
  add(R"({"kind":"duplicate","after":3,"count":1})");
  plan_.advance(second(12));
  EXPECT_THAT(plan_.log(), ElementsAre(0, 0, 1, 2, 3, 4, 5, 2, 6, 7, 8, 9, 10, 11));
}

TEST_F(FeedPlanTest, ReorderedEventsAreAllThereAndNoneTooFarFromItsPlace) {
  add(R"({"kind":"reorder","window":4,"seed":3})");
  plan_.advance(second(100));
  std::vector<uint32_t> sorted = plan_.log();
  EXPECT_FALSE(std::is_sorted(sorted.begin(), sorted.end()));
  for (size_t i = 0; i < sorted.size(); ++i)
    EXPECT_LE(std::abs(static_cast<int>(plan_.log()[i]) - static_cast<int>(i)), 4);
  std::sort(sorted.begin(), sorted.end());
  EXPECT_THAT(sorted, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
}

TEST_F(FeedPlanTest, ADisconnectCutsWhereItsTimeComes) {
  add(R"({"kind":"disconnect","channel":"X","from":"1970-01-01T00:00:03Z","to":"1970-01-01T00:00:06Z"})");
  const std::vector<uint32_t> x{static_cast<uint32_t>(data_.find_channel("X"))},
      y{static_cast<uint32_t>(data_.find_channel("Y"))};
  plan_.advance(second(2));
  EXPECT_THAT(plan_.take_cuts(), IsEmpty());
  EXPECT_EQ(plan_.acting(FeedFault::Kind::kDisconnect, x), nullptr);
  plan_.advance(second(4));
  const auto cuts = plan_.take_cuts();
  ASSERT_EQ(cuts.size(), 1u);
  EXPECT_EQ(cuts[0].at, 2u);  // the event of that instant is missed
  EXPECT_THAT(plan_.take_cuts(), IsEmpty());
  EXPECT_NE(plan_.acting(FeedFault::Kind::kDisconnect, x), nullptr);
  EXPECT_EQ(plan_.acting(FeedFault::Kind::kDisconnect, y), nullptr);
  EXPECT_NE(plan_.acting(FeedFault::Kind::kDisconnect, {}), nullptr);  // all channels
  plan_.advance(second(6));
  EXPECT_EQ(plan_.acting(FeedFault::Kind::kDisconnect, x), nullptr);
}

TEST_F(FeedPlanTest, ADisconnectOfNowCutsAtOnceAlsoWhenItsTimeIsPassedInOneStep) {
  plan_.advance(second(2));
  add(R"({"kind":"disconnect","feed_seconds":5})");
  EXPECT_EQ(plan_.take_cuts().at(0).at, 2u);
  add(R"({"kind":"disconnect","from":"1970-01-01T00:00:04Z","to":"1970-01-01T00:00:06Z"})");
  plan_.advance(second(12));
  EXPECT_EQ(plan_.take_cuts().at(0).at, 3u);
  EXPECT_EQ(plan_.acting(FeedFault::Kind::kDisconnect, {}), nullptr);
}

TEST_F(FeedPlanTest, FaultsThatCountAreUsedUp) {
  add(R"({"kind":"http-429","count":2})");
  EXPECT_TRUE(plan_.use(FeedFault::Kind::kHttp429, {}));
  EXPECT_TRUE(plan_.use(FeedFault::Kind::kHttp429, {}));
  EXPECT_FALSE(plan_.use(FeedFault::Kind::kHttp429, {}));
  EXPECT_FALSE(plan_.use(FeedFault::Kind::kHttp500, {}));
}

// Whoever ticks in another rhythm gets the same feed.
TEST(FeedPlanPropertyTest, TheLogDoesNotDependOnTheSteps) {
  const FeedData data = feed_of(500);
  const auto with_faults = [&](FeedPlan& plan) {
    for (const char* fault :
         {R"({"kind":"drop","probability":0.1,"seed":1})",
          R"({"kind":"late","by":30,"probability":0.1,"seed":2,"count":20})",
          R"({"kind":"reorder","window":5,"channel":"X","seed":3})",
          R"({"kind":"duplicate","after":2,"probability":0.1,"seed":4})",
          R"({"kind":"disconnect","from":"1970-01-01T00:02:00Z","feed_seconds":60})"})
      plan.add(parse_fault(fault, data, plan.time()).value());
  };
  FeedPlan at_once(data);
  with_faults(at_once);
  at_once.advance(second(1000));
  ASSERT_GT(at_once.log().size(), 400u);
  const size_t cut = at_once.take_cuts().at(0).at;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Rng rng(seed);
    FeedPlan stepped(data);
    with_faults(stepped);
    while (stepped.time() < second(1000))
      stepped.advance(stepped.time() + Duration(rng.below(20'000'000'000)));
    EXPECT_EQ(stepped.log(), at_once.log());
    EXPECT_EQ(stepped.take_cuts().at(0).at, cut);
  }
}

}  // namespace
}  // namespace hindcast
