#include "source/silence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hindcast {
namespace {

constexpr MonoTime kStart{1h};
constexpr EventTime at(int64_t seconds) { return EventTime(std::chrono::seconds(seconds)); }

class SilenceWatchTest : public testing::Test {
 protected:
  void expect(std::optional<Duration> after, std::optional<ExpectedRate> rate) {
    watch_ = SilenceWatch(after, rate);
    watch_.connected(now_);
  }
  /// After so long, a look that brought messages, and events of these times in seconds.
  std::optional<Silence> heard(Duration passed, size_t messages,
                               const std::vector<int64_t>& seconds = {}) {
    now_ += passed;
    std::vector<int64_t> times;
    times.reserve(seconds.size());
    for (const int64_t s : seconds) times.push_back(unix_ns(at(s)));
    return watch_.heard(now_, messages, times);
  }
  /// Looks every 100 ms at nothing: after how long it is called a silence.
  std::optional<Duration> silent_after(Duration patience) {
    for (Duration waited = 100ms; waited <= patience; waited += 100ms) {
      last_ = heard(100ms, 0);
      if (last_) return waited;
    }
    return std::nullopt;
  }

  MonoTime now_ = kStart;
  SilenceWatch watch_{{}, {}};
  std::optional<Silence> last_;
};

TEST_F(SilenceWatchTest, NothingExpectedIsNeverSilent) {
  expect({}, {});
  EXPECT_EQ(silent_after(1h), std::nullopt);
}

TEST_F(SilenceWatchTest, NoMessageForTheTimeIsASilence) {
  expect(30s, {});
  EXPECT_EQ(silent_after(29s), std::nullopt);
  EXPECT_FALSE(heard(100ms, 1)) << "of whatever kind";
  EXPECT_EQ(silent_after(1min), 30s);
  EXPECT_EQ(last_->why, "silent: no message for 30s");
  EXPECT_EQ(last_->whole_until, std::nullopt);
  EXPECT_FALSE(watch_.thin()) << "whatever comes next ends it";
  watch_.connected(now_);
  EXPECT_EQ(silent_after(1min), 30s) << "a connection begins anew";
}

// A source that is blocked for an hour has not listened, and what it missed waits in its socket.
TEST_F(SilenceWatchTest, TimeInWhichNobodyLookedIsNoSilence) {
  expect(3s, ExpectedRate{.events = 1, .over = 3s});
  EXPECT_FALSE(heard(1h, 0));
  EXPECT_FALSE(heard(1h, 0));
  EXPECT_TRUE(heard(1h, 0)) << "a second of each is taken for listening";
}

TEST_F(SilenceWatchTest, EventsThatComeSlowlyButOftenEnoughAreNoSilence) {
  expect({}, ExpectedRate{.events = 10, .over = 10s});
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(heard(500ms, 0)) << i;
    EXPECT_FALSE(heard(500ms, 1, {i})) << i;
  }
}

// Messages that hold no events are what a broken upstream goes on sending.
TEST_F(SilenceWatchTest, MessagesWithoutEventsKeepNoRate) {
  expect(3s, ExpectedRate{.events = 2, .over = 5s});
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(heard(500ms, 7));
  last_ = heard(500ms, 7);
  ASSERT_TRUE(last_);
  EXPECT_EQ(last_->why, "silent: 0 events in 5s, of at least 2");
  EXPECT_EQ(last_->whole_until, std::nullopt) << "it never knew one";
}

TEST_F(SilenceWatchTest, AFullStopIsFoundOutWithinTheTimeOfTheRate) {
  expect({}, ExpectedRate{.events = 10, .over = 10s});
  for (int i = 0; i < 600; ++i) EXPECT_FALSE(heard(50ms, 2, {i, i}));
  EXPECT_LE(silent_after(1min).value(), 10s);
  EXPECT_LE(last_->whole_until, at(599));
  EXPECT_GE(last_->whole_until, at(599 - 25)) << "events are counted by slots of 625 ms";
}

// Events of the short window may lack neighbours already: the loss begins before it.
TEST_F(SilenceWatchTest, ATrickleIsASilenceSinceBeforeItBegan) {
  expect({}, ExpectedRate{.events = 10, .over = 10s});
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(heard(100ms, 1, {1000 + i}));
  for (int i = 1; i < 5; ++i) {
    EXPECT_FALSE(heard(1s, 0));
    EXPECT_FALSE(heard(1s, 1, {5000 + i}));
  }
  EXPECT_FALSE(heard(1s, 0));
  last_ = heard(1s, 1, {5005});
  ASSERT_TRUE(last_);
  EXPECT_EQ(last_->why, "silent: 5 events in 10s, of at least 10");
  EXPECT_EQ(last_->whole_until, at(1099));
}

TEST_F(SilenceWatchTest, OnAConnectionThatWasNeverWellTheLossBeginsWithItsFirstEvents) {
  expect({}, ExpectedRate{.events = 10, .over = 5s});
  EXPECT_FALSE(heard(1s, 1, {102, 100, 101}));
  EXPECT_FALSE(heard(1s, 1, {103}));
  EXPECT_EQ(silent_after(1min), 3s);
  EXPECT_EQ(last_->whole_until, at(100));
}

// Each connection would otherwise end the outage with its first event and begin another one.
TEST_F(SilenceWatchTest, AfterASilenceATrickleIsThinUntilAsMuchComesAsIsExpected) {
  expect({}, ExpectedRate{.events = 10, .over = 5s});
  EXPECT_FALSE(watch_.thin());
  EXPECT_TRUE(silent_after(1min));
  for (int connection = 0; connection < 3; ++connection) {
    watch_.connected(now_);
    for (int i = 0; i < 4; ++i) EXPECT_FALSE(heard(1s, 1, {i}));
    EXPECT_TRUE(watch_.thin());
    EXPECT_TRUE(heard(1s, 1, {4}));
  }
  watch_.connected(now_);
  EXPECT_FALSE(heard(1s, 9, {1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_TRUE(watch_.thin()) << "of another connection nothing counts";
  EXPECT_FALSE(heard(1s, 1, {10}));
  EXPECT_FALSE(watch_.thin());
}

TEST_F(SilenceWatchTest, WhereARateIsExpectedAnySilenceWantsItProved) {
  expect(1s, ExpectedRate{.events = 2, .over = 10s});
  EXPECT_EQ(silent_after(1min), 1s);
  EXPECT_EQ(last_->why, "silent: no message for 1s");
  watch_.connected(now_);
  EXPECT_FALSE(heard(100ms, 1, {1}));
  EXPECT_TRUE(watch_.thin());
  EXPECT_FALSE(heard(100ms, 1, {2}));
  EXPECT_FALSE(watch_.thin());
}

}  // namespace
}  // namespace hindcast
