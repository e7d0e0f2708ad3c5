// Lines of a stream, one step at a time. Times are in seconds; pages of a minute.
#include "engine/outages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hindcast {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr SourceId kA{1}, kB{2};
constexpr EventTime at(int64_t seconds) { return EventTime(std::chrono::seconds(seconds)); }

class OutagesTest : public ::testing::Test {
 protected:
  static Outages lines(bool a_lossy, bool b_lossy) {
    return {1min, {{kA, {.lossy = a_lossy, .reach = 5s}}, {kB, {.lossy = b_lossy, .reach = 2s}}}};
  }
  std::vector<GapBound> delivered(SourceId source, const std::vector<int64_t>& seconds) {
    std::vector<int64_t> times;
    times.reserve(seconds.size());
    for (const int64_t s : seconds) times.push_back(unix_ns(at(s)));
    return outages_.delivered(source, times);
  }
  /// Disconnects it; the gap, if there is one, gets the next number.
  std::optional<EventTime> disconnected(SourceId source) {
    const std::optional<EventTime> since = outages_.disconnected(source);
    if (since) outages_.opened(++gaps_, source);
    return since;
  }

  Outages outages_ = lines(true, true);
  GapId gaps_ = 0;
};

TEST_F(OutagesTest, ALossyLineLosesWhatComesWhileItIsAway) {
  EXPECT_THAT(delivered(kA, {98, 100, 97}), IsEmpty());
  EXPECT_EQ(disconnected(kA), at(95));
  EXPECT_THAT(delivered(kA, {160, 158, 161}), ElementsAre(GapBound{1, at(163) + 1ns}));
  EXPECT_THAT(delivered(kA, {162}), IsEmpty()) << "it is bounded once";
  EXPECT_EQ(disconnected(kA), at(157));
}

// A quiet market may send no event for an hour after the line is back.
TEST_F(OutagesTest, AHeartbeatEndsAnOutage) {
  (void)delivered(kA, {100});
  EXPECT_EQ(disconnected(kA), at(95));
  EXPECT_THAT(outages_.heartbeat(kA, at(160)), ElementsAre(GapBound{1, at(165) + 1ns}));
  EXPECT_THAT(delivered(kA, {170}), IsEmpty()) << "it is bounded once";
}

TEST_F(OutagesTest, ALineThatSentHeartbeatsAloneLosesWhatComesWhileItIsAway) {
  (void)delivered(kA, {100});
  (void)disconnected(kA);
  (void)outages_.heartbeat(kA, at(160));
  EXPECT_EQ(disconnected(kA), at(95)) << "from the last event on, to be sure";
  EXPECT_THAT(outages_.heartbeat(kA, at(200)), ElementsAre(GapBound{2, at(205) + 1ns}));
}

// It may have been stuck for long: what it promises is not what the other line lost.
TEST_F(OutagesTest, AHeartbeatOfARetryingLineThatIsFarBehindEndsNothing) {
  outages_ = lines(true, false);
  (void)delivered(kA, {1000});
  (void)delivered(kB, {100});
  EXPECT_TRUE(disconnected(kA));
  EXPECT_THAT(outages_.heartbeat(kB, at(1100)), IsEmpty());
}

TEST_F(OutagesTest, ARetryingLineLosesNothing) {
  outages_ = lines(false, false);
  (void)delivered(kA, {100});
  EXPECT_EQ(disconnected(kA), std::nullopt);
  EXPECT_EQ(outages_.stopped(), std::nullopt);
}

TEST_F(OutagesTest, ALineThatNeverDeliveredLosesNothing) {
  EXPECT_THAT(outages_.heartbeat(kA, at(50)), IsEmpty());
  EXPECT_EQ(disconnected(kA), std::nullopt);
  EXPECT_EQ(outages_.stopped(), std::nullopt);
}

TEST_F(OutagesTest, AnOutageBeginsWhereTheLineWasStillWhole) {
  (void)delivered(kA, {100, 160});
  EXPECT_EQ(outages_.disconnected(kA, at(120)), at(115));
  (void)delivered(kA, {200});
  EXPECT_EQ(outages_.disconnected(kA, at(900)), at(195)) << "never behind its last event";
}

TEST_F(OutagesTest, AThinLineEndsNoOutage) {
  (void)delivered(kA, {100});
  (void)disconnected(kA);
  const int64_t time = unix_ns(at(160));
  EXPECT_THAT(outages_.delivered(kA, {&time, 1}, true), IsEmpty());
  EXPECT_THAT(outages_.heartbeat(kA, at(160), true), IsEmpty());
  EXPECT_EQ(disconnected(kA), std::nullopt) << "it is one outage";
  EXPECT_THAT(delivered(kA, {200}), ElementsAre(GapBound{1, at(205) + 1ns}));
}

// It was silent before it ever brought an event, or while another line stood in: no gap is open.
TEST_F(OutagesTest, WithoutAGapAThinLineCountsSoThatItsNextSilenceIsOne) {
  const int64_t time = unix_ns(at(160));
  EXPECT_THAT(outages_.delivered(kA, {&time, 1}, true), IsEmpty());
  EXPECT_EQ(disconnected(kA), at(155));
}

// Both were silent; the first to find out is back when the other one notices.
TEST_F(OutagesTest, ALineThatCameBackBehindTheEdgeDoesNotStandIn) {
  (void)delivered(kA, {100});
  (void)delivered(kB, {100});
  EXPECT_EQ(disconnected(kA), std::nullopt) << "B seems to be there";
  (void)delivered(kA, {130});
  EXPECT_EQ(disconnected(kB), at(98)) << "nobody brought what came between 100 and 130";
  EXPECT_THAT(delivered(kA, {131}), ElementsAre(GapBound{1, at(136) + 1ns}));
}

// Reconnecting fails a hundred times: that is one outage.
TEST_F(OutagesTest, OneOutageIsOneGap) {
  (void)delivered(kA, {100});
  EXPECT_TRUE(disconnected(kA));
  EXPECT_EQ(disconnected(kA), std::nullopt);
  EXPECT_EQ(disconnected(kA), std::nullopt);
}

TEST_F(OutagesTest, ARedundantLineStandsIn) {
  (void)delivered(kA, {100});
  (void)delivered(kB, {99});
  EXPECT_EQ(disconnected(kA), std::nullopt);
  EXPECT_EQ(disconnected(kB), at(97)) << "and when it goes as well, it is its own edge that counts";
  EXPECT_THAT(delivered(kA, {150}), ElementsAre(GapBound{1, at(155) + 1ns}));
}

TEST_F(OutagesTest, ARetryingLineStandsInToo) {
  outages_ = lines(true, false);
  (void)delivered(kA, {100});
  (void)delivered(kB, {100});
  EXPECT_EQ(disconnected(kA), std::nullopt);
}

TEST_F(OutagesTest, ALineThatIsGoneDoesNotStandIn) {
  (void)delivered(kA, {100});
  (void)delivered(kB, {100});
  EXPECT_EQ(disconnected(kB), std::nullopt);
  EXPECT_TRUE(disconnected(kA));
}

// Stuck, or something else than what it is taken for: a hand that pushes corrections of yesterday.
TEST_F(OutagesTest, ALineThatIsFarBehindNeitherStandsInNorEndsAGap) {
  outages_ = lines(true, false);
  (void)delivered(kA, {1000});
  (void)delivered(kB, {939});
  EXPECT_EQ(disconnected(kA), at(995));
  EXPECT_THAT(delivered(kB, {100, 200}), IsEmpty());
  EXPECT_THAT(delivered(kB, {1100}), ElementsAre(GapBound{1, at(1105) + 1ns}));
}

TEST_F(OutagesTest, AnotherLinesFirstEventsEndTheGap) {
  (void)delivered(kA, {100});
  EXPECT_TRUE(disconnected(kA));
  EXPECT_THAT(delivered(kB, {130}), ElementsAre(GapBound{1, at(135) + 1ns}));
  EXPECT_THAT(delivered(kA, {140}), IsEmpty());
}

TEST_F(OutagesTest, WhatEndedLosesNothing) {
  (void)delivered(kA, {100});
  outages_.ended(kA);
  EXPECT_EQ(disconnected(kA), std::nullopt);
  EXPECT_EQ(outages_.stopped(), std::nullopt);
}

// ── a new life ──────────────────────────────────────────────────────────────────────────────────

// Lines of one stream carry the same truth, so the one that got furthest says since when.
TEST_F(OutagesTest, AStopIsAGapFromTheHighestEventOfAnyLine) {
  outages_.restore(kA, at(80), false);
  outages_.restore(kA, at(100), false);
  outages_.restore(kB, at(90), false);
  EXPECT_EQ(outages_.stopped(), std::pair(kA, at(95)));
  outages_.opened(1, kA);
  EXPECT_EQ(outages_.stopped(), std::nullopt);
  EXPECT_EQ(disconnected(kA), std::nullopt) << "it did not deliver in this life";
  EXPECT_THAT(delivered(kB, {190}), ElementsAre(GapBound{1, at(195) + 1ns}));
}

TEST_F(OutagesTest, AGapThatIsStillOpenCoversTheStop) {
  outages_.restore(kA, at(100), false);
  Gap gap;
  gap.id = 7;
  gap.range = {at(95), kMaxEventTime};
  outages_.restore(gap);
  EXPECT_EQ(outages_.stopped(), std::nullopt);
  EXPECT_THAT(delivered(kA, {90}), ElementsAre(GapBound{7, at(105) + 1ns}))
      << "not before what was seen";
}

TEST_F(OutagesTest, AnEndedLineLeavesNoGapWhereItStopped) {
  outages_.restore(kA, at(100), true);
  EXPECT_EQ(outages_.stopped(), std::nullopt);
}

TEST_F(OutagesTest, ARetryingLineThatGotFurtherDoesNotMoveTheEdge) {
  outages_ = lines(true, false);
  outages_.restore(kA, at(100), false);
  outages_.restore(kB, at(900), false);
  EXPECT_EQ(outages_.stopped(), std::pair(kA, at(95)));
}

}  // namespace
}  // namespace hindcast
