#include "progress/watermark.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

constexpr SourceId kA{1}, kB{2}, kGone{9};
constexpr EventTime at(Duration since_epoch) { return EventTime(since_epoch); }

Watermark of_two() { return Watermark({{kA, 5s}, {kB, 0s}}); }

TEST(WatermarkTest, NothingIsPromisedBeforeTheFirstEvent) {
  EXPECT_EQ(of_two().value(), kMinEventTime);
  Watermark w = of_two();
  w.connected(kA);
  EXPECT_EQ(w.value(), kMinEventTime);
}

TEST(WatermarkTest, FollowsTheHighestEventMinusTheDelay) {
  Watermark w({{kA, 5s}});
  w.events(kA, at(100s));
  EXPECT_EQ(w.value(), at(95s));
  w.events(kA, at(90s));  // out of order: nothing is taken back
  EXPECT_EQ(w.value(), at(95s));
}

// A/B lines carry one truth: final is what both have passed.
TEST(WatermarkTest, TheSlowerOfTwoLinesDecides) {
  Watermark w = of_two();
  w.events(kA, at(100s));
  w.events(kB, at(50s));
  EXPECT_EQ(w.value(), at(95s)) << "was promised while A was alone";
  w.events(kB, at(97s));
  w.events(kA, at(200s));
  EXPECT_EQ(w.value(), at(97s));
}

TEST(WatermarkTest, AConnectedSourceThatHasSentNothingHoldsItBack) {
  Watermark w = of_two();
  w.connected(kB);
  w.events(kA, at(100s));
  EXPECT_EQ(w.value(), kMinEventTime);
}

TEST(WatermarkTest, AnIdleEndedOrDisconnectedSourceDoesNotHoldItBack) {
  const auto held = [] {
    Watermark w = of_two();
    w.connected(kB);
    w.events(kA, at(100s));
    return w;
  };
  Watermark idle = held();
  idle.advance(kB, {at(60s), Advance::Why::kIdle});
  EXPECT_EQ(idle.value(), at(95s));
  Watermark ended = held();
  ended.advance(kB, {at(60s), Advance::Why::kEnd});
  EXPECT_EQ(ended.value(), at(95s));
  Watermark gone = held();
  gone.disconnected(kB);
  EXPECT_EQ(gone.value(), at(95s));
}

TEST(WatermarkTest, AnIdleSourceCountsAgainWithItsNextEvent) {
  Watermark w = of_two();
  w.events(kA, at(100s));
  w.events(kB, at(99s));
  w.advance(kB, {at(99s), Advance::Why::kIdle});
  w.events(kA, at(110s));
  EXPECT_EQ(w.value(), at(105s));
  w.events(kB, at(106s));
  w.events(kA, at(200s));
  EXPECT_EQ(w.value(), at(106s));
}

// A stream that stops for the night: its minute closes by idleness, its hour with the next
// heartbeat.
TEST(WatermarkTest, WithNoActiveSourceTheFurthestPromiseCounts) {
  Watermark w({{kA, 5s}});
  w.events(kA, at(100s));
  w.advance(kA, {at(120s), Advance::Why::kIdle});
  EXPECT_EQ(w.value(), at(120s));
  w.advance(kA, {at(3600s), Advance::Why::kHeartbeat});
  EXPECT_EQ(w.value(), at(3600s));
  EXPECT_TRUE(w.state(kA).idle) << "a heartbeat is no event";
}

TEST(WatermarkTest, AReconnectDoesNotTakeBackAPromise) {
  Watermark w({{kA, 5s}});
  w.advance(kA, {at(120s), Advance::Why::kEnd});
  w.connected(kA);
  EXPECT_FALSE(w.state(kA).ended);
  EXPECT_EQ(w.value(), at(120s));
}

// The watermark of two lines depends on when each of them joined, so it is restored, not derived.
TEST(WatermarkTest, ARestoredOneGoesOnExactly) {
  Watermark w = of_two();
  w.events(kA, at(100s));
  w.connected(kB);
  Watermark restored = of_two();
  restored.restore(w.states(), w.value());
  EXPECT_EQ(restored.value(), at(95s));
  for (Watermark* each : {&w, &restored}) {
    each->events(kB, at(96s));
    each->events(kA, at(102s));
  }
  EXPECT_EQ(restored.value(), at(96s));
  EXPECT_EQ(restored.value(), w.value());
  EXPECT_EQ(restored.states(), w.states());
}

// It was connected when the process died, and nobody will ever say that it disconnected.
TEST(WatermarkTest, ASourceThatIsNoLongerConfiguredHoldsNothingBack) {
  SourceState gone;
  gone.source = kGone;
  gone.connected = true;
  gone.max_event = at(10s);
  Watermark w({{kA, 5s}});
  w.restore({gone}, at(10s));
  w.events(kA, at(100s));
  EXPECT_EQ(w.value(), at(95s));
}

TEST(WatermarkTest, ADelayLongerThanHistoryDoesNotWrapAround) {
  Watermark w({{kA, 24h}});
  w.events(kA, event_time_ns(INT64_MIN + 1));
  EXPECT_EQ(w.value(), kMinEventTime);
}

}  // namespace
}  // namespace hindcast
