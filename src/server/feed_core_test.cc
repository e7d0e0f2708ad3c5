#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/json_reader.h"
#include "server/feed_core_internal.h"
#include "server/feed_test_util.h"

namespace hindcast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A client whose socket takes messages only when the test says so.
class FakePeer final : public WebsocketPeer {
 public:
  void send(Bytes text, std::function<void()> taken) override {
    EXPECT_FALSE(taken_) << "one at a time";
    sent_.push_back(std::move(text));
    taken_ = std::move(taken);
  }
  void close(uint16_t, std::string_view) override { closed_ = true; }
  void cut() override { cut_ = true; }
  void hold(bool held) override { held_ = held; }

  bool take() {
    if (!taken_) return false;
    std::exchange(taken_, nullptr)();
    return true;
  }
  void take_all() {
    while (take()) {
    }
  }
  /// Seconds of all events so far; heartbeats are 1000 + second.
  std::vector<int> seconds() const {
    std::vector<int> out;
    for (const Bytes& text : sent_) {
      const JsonValue message = parse_json(text).value();
      if (message["e"].text == "heartbeat")
        out.push_back(1000 + static_cast<int>(*message["ms"].unsigned_number() / 1000));
      for (const JsonValue& event : message["data"].items)
        out.push_back(static_cast<int>(*event["ts"].unsigned_number() / 1000));
    }
    return out;
  }
  std::vector<Bytes> sent_;
  bool closed_ = false, cut_ = false, held_ = false;

 private:
  std::function<void()> taken_;
};

class FeedCoreTest : public testing::Test {
 protected:
  void make(FeedPace pace, int events = 12) {
    data_ = feed_of(events);
    options_.pace = pace;
    core_ = std::make_unique<FeedCore>(data_, options_, [this] { ++woken_; });
  }
  std::shared_ptr<FakePeer> connect(const std::string& target = "/stream") {
    const auto peer = std::make_shared<FakePeer>();
    core_->opened(peer, core_->channels_of(target).value(), now_);
    return peer;
  }
  void pass(Duration time) {
    now_ += time;
    core_->step(now_);
  }
  void advance_to(int64_t s) {
    ASSERT_TRUE(core_->set_clock("{\"advance_to\":\"" + to_rfc3339(second(s)) + "\"}", now_));
    core_->step(now_);
  }
  void fault(const std::string& json) {
    core_->plan().add(parse_fault(json, data_, core_->plan().time()).value());
    core_->step(now_);
  }
  JsonValue state() { return parse_json(core_->render_state()).value(); }

  FeedData data_;
  FeedOptions options_{.heartbeat = 1h};  // only where a test wants them
  std::unique_ptr<FeedCore> core_;
  MonoTime now_{Duration(100s)};
  int woken_ = 0;
};

TEST_F(FeedCoreTest, TimeBeginsWithTheFirstConnectionAndIsScaled) {
  make({FeedPace::Kind::kSpeed, 60});
  pass(1h);
  EXPECT_EQ(state()["passed"].text, "0");
  const auto peer = connect();
  pass(50ms);  // three seconds of feed time, the first event at its beginning
  EXPECT_THAT(peer->seconds(), ElementsAre(1, 2, 3));
  EXPECT_EQ(peer->sent_.size(), 1u);  // one message a tick
}

TEST_F(FeedCoreTest, OrAtOnce) {
  options_.start_now = true;
  make({FeedPace::Kind::kSpeed, 1});
  pass(0s);
  pass(2s);
  EXPECT_EQ(state()["passed"].text, "2");
}

TEST_F(FeedCoreTest, ARateCountsEvents) {
  make({FeedPace::Kind::kRate, 4});
  const auto peer = connect();
  pass(500ms);
  EXPECT_THAT(peer->seconds(), ElementsAre(1, 2));
  peer->take();
  pass(1s);
  EXPECT_THAT(peer->seconds(), ElementsAre(1, 2, 3, 4, 5, 6));
}

// The clock of the fastest pace is its slowest client.
TEST_F(FeedCoreTest, AsFastAsPossibleWaitsForEveryClient) {
  options_.heartbeat = 10h;
  make({FeedPace::Kind::kFastest, 0}, 5000);
  pass(1h);
  EXPECT_EQ(state()["passed"].text, "0");
  const auto quick = connect(), slow = connect();
  for (int i = 0; i < 10; ++i) {
    pass(1s);
    quick->take_all();
  }
  EXPECT_EQ(state()["passed"].text, "2000");
  for (int i = 0; i < 10; ++i) {
    pass(0s);
    quick->take_all();
    slow->take_all();
  }
  EXPECT_EQ(slow->seconds().size(), 5001u);  // and the last heartbeat
  EXPECT_EQ(state()["finished"].boolean, true);
  EXPECT_GE(woken_, 10);
}

TEST_F(FeedCoreTest, AChannelIsChosenByTargetOrMessage) {
  make({FeedPace::Kind::kSpeed, 0});
  EXPECT_EQ(core_->channels_of("/other").error().code, ErrorCode::kNotFound);
  EXPECT_THAT(core_->channels_of("/stream?channel=Z").error().message, HasSubstr("no channel 'Z'"));
  EXPECT_FALSE(core_->channels_of("/stream?chanel=X"));
  const auto all = connect(), x = connect("/stream?channel=X"), y = connect();
  core_->received(*y, R"({"op":"subscribe","channel":"Y"})");
  y->take();
  EXPECT_EQ(y->sent_.at(0), R"({"e":"subscribed","channel":"Y"})");
  core_->received(*y, R"({"op":"subscribe","channel":"Z"})");
  y->take();
  EXPECT_THAT(y->sent_.at(1), HasSubstr("there is no channel 'Z'"));
  core_->received(*y, "hello");
  y->take();
  EXPECT_THAT(y->sent_.at(2), HasSubstr("\"e\":\"error\""));
  advance_to(4);
  EXPECT_THAT(all->seconds(), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(x->seconds(), ElementsAre(1, 3, 4));
  EXPECT_THAT(y->seconds(), ElementsAre(2));
  core_->received(*y, R"({"op":"subscribe","channel":"X"})");
  y->take_all();
  advance_to(6);
  y->take_all();
  EXPECT_THAT(y->seconds(), ElementsAre(2, 5, 6));
}

TEST_F(FeedCoreTest, WhoSendsTooMuchAndReadsNothingIsSentAway) {
  make({FeedPace::Kind::kSpeed, 0});
  const auto peer = connect();
  for (int i = 0; i < 1000; ++i) core_->received(*peer, "hello");
  EXPECT_TRUE(peer->closed_);
}

// Its events wait in the data, not in memory: one message is in flight, whatever the backlog.
TEST_F(FeedCoreTest, AClientThatDoesNotReadHoldsOneMessage) {
  make({FeedPace::Kind::kSpeed, 0}, 3000);
  const auto peer = connect();
  for (int s = 100; s <= 3000; s += 100) advance_to(s);
  EXPECT_EQ(peer->sent_.size(), 1u);
  EXPECT_EQ(state()["connections"].items.at(0)["behind"].text, "2900");
  peer->take_all();
  std::vector<int> seconds = peer->seconds();
  EXPECT_EQ(seconds.back(), 1000 + 3000 + 72 * 3600);
  seconds.pop_back();
  EXPECT_EQ(seconds.size(), 3000u);
  EXPECT_TRUE(std::is_sorted(seconds.begin(), seconds.end()));
  EXPECT_EQ(peer->sent_.size(), 5u);  // 100 events, then a thousand a message
}

TEST_F(FeedCoreTest, HeartbeatsFollowWhatTheyPromiseAndGoBeyondTheEnd) {
  options_.heartbeat = 2s;
  options_.max_late = 1s;
  options_.end_heartbeats = 1h;
  make({FeedPace::Kind::kSpeed, 0});
  const auto peer = connect();
  for (const int64_t s : {3, 4, 5}) {
    advance_to(s);
    peer->take_all();
  }
  EXPECT_THAT(peer->seconds(), ElementsAre(1, 2, 3, 1002, 4, 5, 1004));
  advance_to(12);
  peer->take_all();
  EXPECT_EQ(peer->seconds().back(), 1000 + 12 + 3600 - 1);
  EXPECT_EQ(state()["finished"].boolean, true);
  EXPECT_EQ(state()["all_sent"].boolean, true);
}

TEST_F(FeedCoreTest, ADisconnectEndsConnectionsBehindWhatTheyWereSent) {
  make({FeedPace::Kind::kSpeed, 0});
  const auto x = connect("/stream?channel=X"), y = connect("/stream?channel=Y");
  fault(
      R"({"kind":"disconnect","channel":"X","from":"1970-01-01T00:00:04Z","to":"1970-01-01T00:00:08Z"})");
  advance_to(9);  // passes it in one step
  x->take_all();
  y->take_all();
  EXPECT_TRUE(x->closed_);
  EXPECT_THAT(x->seconds(), ElementsAre(1, 3));
  EXPECT_FALSE(y->closed_);
  EXPECT_THAT(y->seconds(), ElementsAre(2, 5, 8));
  core_->closed(*x);
  const auto again = connect("/stream?channel=X");
  advance_to(10);
  EXPECT_THAT(again->seconds(), ElementsAre(10));  // what was meanwhile is missed
}

TEST_F(FeedCoreTest, AnAbruptDisconnectWaitsForNothing) {
  make({FeedPace::Kind::kSpeed, 0});
  const auto peer = connect();
  advance_to(2);
  fault(R"({"kind":"disconnect","abrupt":true})");
  EXPECT_TRUE(peer->cut_);
}

TEST_F(FeedCoreTest, AClientThatDoesNotReadIsCutInTheEnd) {
  make({FeedPace::Kind::kSpeed, 0});
  const auto peer = connect();
  advance_to(2);
  fault(R"({"kind":"disconnect"})");
  pass(9s);
  EXPECT_FALSE(peer->cut_);
  pass(1s);
  EXPECT_TRUE(peer->cut_);
}

// With everybody kept out, nobody would make the fastest pace go on.
TEST_F(FeedCoreTest, AsFastAsPossiblePassesOverADisconnectOfAll) {
  make({FeedPace::Kind::kFastest, 0});
  const auto peer = connect();
  fault(R"({"kind":"disconnect","feed_seconds":6})");
  EXPECT_TRUE(peer->closed_);
  core_->closed(*peer);
  pass(0s);
  EXPECT_EQ(core_->plan().time(), second(7) - Duration(1));
  EXPECT_EQ(core_->plan().acting(FeedFault::Kind::kDisconnect, {}), nullptr);
}

TEST_F(FeedCoreTest, AStalledClientIsSentNothingAndLaterEverything) {
  make({FeedPace::Kind::kSpeed, 0});
  const auto peer = connect();
  advance_to(1);
  peer->take_all();
  fault(R"({"kind":"stall","feed_seconds":5})");
  EXPECT_TRUE(peer->held_);
  advance_to(4);
  EXPECT_FALSE(peer->take());
  EXPECT_FALSE(peer->closed_);
  advance_to(6);
  peer->take_all();
  EXPECT_FALSE(peer->held_);
  EXPECT_THAT(peer->seconds(), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST_F(FeedCoreTest, WhatIsOnTheWireIsWrittenDownWhenTheSocketTookIt) {
  make({FeedPace::Kind::kSpeed, 0});
  const auto peer = connect("/stream?channel=X");
  advance_to(4);
  EXPECT_THAT(parse_json(core_->render_sent({}, 0, 100)).value()["data"].items, IsEmpty());
  peer->take_all();
  const JsonValue sent = parse_json(core_->render_sent({}, 0, 2)).value();
  EXPECT_EQ(sent["next"].text, "2");
  EXPECT_EQ(
      sent["data"].items.at(1).to_string(),
      R"({"n":2,"key":"C","seq":1,"time":"1970-01-01T00:00:03Z","connection":1,"message":1})");
  const JsonValue rest = parse_json(core_->render_sent({}, 2, 100)).value();
  EXPECT_EQ(rest["data"].items.size(), 1u);
  EXPECT_TRUE(rest["next"].is_null());
  const auto y = static_cast<uint32_t>(data_.find_channel("Y"));
  EXPECT_THAT(parse_json(core_->render_sent(y, 0, 100)).value()["data"].items, IsEmpty());
  EXPECT_EQ(state()["channels"].items.at(0).to_string(),
            R"({"channel":"X","events":8,"passed":3,"sent":3,"connections":1})");
}

TEST_F(FeedCoreTest, TheClockIsSetAndWhatIsWrongIsSaid) {
  make({FeedPace::Kind::kSpeed, 1});
  const auto peer = connect();
  pass(2s);
  ASSERT_TRUE(core_->set_clock(R"({"pause":true})", now_));
  pass(1h);
  EXPECT_EQ(state()["passed"].text, "2");
  ASSERT_TRUE(core_->set_clock(R"({"speed":3,"pause":false})", now_));
  pass(1s);
  EXPECT_EQ(state()["passed"].text, "5");
  advance_to(8);
  pass(1s);
  EXPECT_EQ(state()["passed"].text, "11");
  for (const char* bad : {"", "{\"sped\":1}", "{\"speed\":\"x\"}", "{\"speed\":-1}",
                          "{\"pause\":1}", "{\"advance_to\":\"soon\"}"}) {
    EXPECT_FALSE(core_->set_clock(bad, now_)) << bad;
  }
}

}  // namespace
}  // namespace hindcast
