#include "source/websocket_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/virtual_runtime.h"
#include "net/websocket_test_util.h"

namespace hindcast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

Config config_of(const std::string& url, const std::string& keys = "") {
  auto outcome =
      parse_config("[[source]]\nname = \"trades\"\nkind = \"websocket\"\nurl = \"" + url + R"toml("
subscribe = ["one", "two"]
ping = "10s"
reconnect = { min = "1s", max = "8s" }
match = { e = "trade" }
)toml" + keys + R"toml(
[source.watermark]
heartbeat = { match = { e = "heartbeat" }, time = "T" }
[source.event]
key = "s"
id = { field = "t", type = "int" }
time = "T"
time_unit = "ms"
[source.values]
price = { field = "p", type = "decimal(18,8)" }
[[aggregate]]
name = "n"
bucket = "1m"
values = { n = "count()" }
)toml",
                   "test.toml", "");
  EXPECT_TRUE(outcome.config) << to_string(outcome.problems, "test.toml");
  return *std::move(outcome.config);
}

std::string trade(int64_t id) {
  return R"({"e":"trade","s":"BTC","t":)" + std::to_string(id) + R"(,"T":)" +
         std::to_string(1000 + id) + R"(,"p":"1.5"})";
}
std::string heartbeat(int64_t ms) { return R"({"e":"heartbeat","T":)" + std::to_string(ms) + "}"; }

/// Polls on virtual time; sockets are real.
class WebsocketSourceTest : public testing::Test {
 protected:
  void make(const std::string& url, const std::string& keys = "") {
    const Config config = config_of(url, keys);
    const StreamSchema& schema = config.streams[0].schema;
    source_ = make_websocket_source(schema, config.sources[0],
                                    make_decoder(schema, config.sources[0]), runtime_)
                  .value();
  }
  SourceBatch poll(ByteCount max = 1_MiB) {
    std::optional<SourceBatch> out;
    source_->poll(max, [&](Result<SourceBatch> batch) { out = std::move(batch).value(); });
    return std::move(out).value();
  }
  /// Polls until `enough` says so of one batch, and notes down what came. Waits virtually where the
  /// source says so.
  template <class Enough>
  SourceBatch poll_until(Enough enough) {
    for (int i = 0; i < 1000; ++i) {
      SourceBatch batch = poll();
      for (const int64_t id : batch.events.id[0]) ids_.push_back(id);
      dead_.insert(dead_.end(), batch.dead.begin(), batch.dead.end());
      ignored_ += batch.ignored;
      if (batch.heartbeat) heartbeats_.push_back(*batch.heartbeat);
      if (enough(batch)) return batch;
      if (batch.retry_after) pass(*batch.retry_after);
    }
    ADD_FAILURE() << "it never came";
    return {};
  }
  void connect() {
    poll_until([](const SourceBatch& batch) { return batch.connected; });
    exchange_.wait_open(1);
  }
  /// Polls on, with nothing to hear, for so long: what the last batch said.
  SourceBatch listen(Duration time) {
    for (Duration waited{}; waited < time; waited += 500ms) {
      pass(500ms);
      SourceBatch batch = poll();
      if (batch.disconnected) return batch;
    }
    return {};
  }
  void pass(Duration time) { runtime_.run_until(runtime_.mono_now() + time); }

  TestExchange exchange_;
  VirtualRuntime runtime_{1};
  std::unique_ptr<Source> source_;
  std::vector<int64_t> ids_;
  std::vector<DeadLetter> dead_;
  std::vector<EventTime> heartbeats_;
  uint64_t ignored_ = 0;
};

TEST_F(WebsocketSourceTest, ItConnectsSubscribesInOrderAndDelivers) {
  make(exchange_.url());
  connect();
  poll();  // one message is sent at a time
  EXPECT_THAT(exchange_.wait_received(2), ElementsAre("one", "two"));
  exchange_.send({trade(1), trade(2)});
  poll_until([&](const SourceBatch& batch) {
    EXPECT_FALSE(batch.connected);  // said once
    return ids_.size() == 2;
  });
  EXPECT_THAT(ids_, ElementsAre(1, 2));
}

TEST_F(WebsocketSourceTest, WithNothingThereABatchIsEmptyAndTheNextPollMayFollow) {
  make(exchange_.url());
  connect();
  const SourceBatch batch = poll();
  EXPECT_TRUE(batch.events.empty());
  EXPECT_EQ(batch.retry_after, Duration(0));
}

TEST_F(WebsocketSourceTest, ManyMessagesAreOneBatchUpToTheBoundOfBytes) {
  make(exchange_.url());
  connect();
  std::vector<Bytes> messages;
  for (int i = 0; i < 1000; ++i) messages.push_back(trade(i));
  exchange_.send(messages);
  while (exchange_.taken() < 1000) {
  }
  const SourceBatch some = poll(10_KiB);
  EXPECT_GT(some.events.size(), 100u);
  EXPECT_LT(some.events.size(), 300u);
  poll_until([&](const SourceBatch&) { return ids_.size() == 1000 - some.events.size(); });
}

TEST_F(WebsocketSourceTest, OtherMessagesAreIgnoredAndCounted) {
  make(exchange_.url());
  connect();
  exchange_.send({R"({"e":"subscribed"})", trade(1), R"({"result":null})", trade(2)});
  poll_until([&](const SourceBatch&) { return ids_.size() == 2; });
  EXPECT_EQ(ignored_, 2u);
  EXPECT_TRUE(dead_.empty());
}

// What is wrong with one message is no reason to lose the next one.
TEST_F(WebsocketSourceTest, ABadMessageIsADeadLetterThatNamesIt) {
  make(exchange_.url());
  connect();
  exchange_.send(
      {trade(1), R"({"e":"trade","s":[)", "pong", R"({"e":"trade","s":"BTC"})", trade(2)});
  poll_until([&](const SourceBatch&) { return ids_.size() == 2; });
  ASSERT_EQ(dead_.size(), 3u);
  EXPECT_EQ(dead_[0].place, "message 2");
  EXPECT_EQ(dead_[0].reason, "malformed");
  EXPECT_EQ(dead_[1].place, "message 3");
  EXPECT_EQ(dead_[1].raw, "pong");
  EXPECT_EQ(dead_[2].reason, "missing-field");
  EXPECT_THAT(ids_, ElementsAre(1, 2));
}

TEST_F(WebsocketSourceTest, AMessageMayHoldManyEvents) {
  make(exchange_.url(), "each = \"data\"\n");
  connect();
  exchange_.send({R"({"e":"trade","data":[)" + trade(1) + "," + trade(2) + ",{}]}",
                  R"({"e":"other","data":[]})"});
  poll_until([&](const SourceBatch&) { return ignored_ == 1; });
  EXPECT_THAT(ids_, ElementsAre(1, 2));
  ASSERT_EQ(dead_.size(), 1u);
  EXPECT_EQ(dead_[0].place, "message 1");
}

TEST_F(WebsocketSourceTest, HeartbeatsArePromisesAndNotIgnoredMessages) {
  make(exchange_.url());
  connect();
  exchange_.send({heartbeat(5000), R"({"e":"heartbeat","T":"soon"})", trade(1)});
  poll_until([&](const SourceBatch&) { return ids_.size() == 1; });
  EXPECT_EQ(heartbeats_.back(), event_time_ns(5'000'000'000));
  EXPECT_EQ(ignored_, 0u);
  ASSERT_EQ(dead_.size(), 1u);
  EXPECT_EQ(dead_[0].reason, "bad-time");
  EXPECT_EQ(dead_[0].place, "message 2");
  EXPECT_THAT(dead_[0].detail, HasSubstr("a Unix time in ms"));
}

TEST_F(WebsocketSourceTest, ABrokenConnectionIsAFactAndTheNextOneBeginsAnew) {
  make(exchange_.url());
  connect();
  poll();
  exchange_.send({trade(1)});
  exchange_.close_all("maintenance");
  const SourceBatch last =
      poll_until([](const SourceBatch& batch) { return batch.disconnected.has_value(); });
  EXPECT_EQ(*last.disconnected, "the server closed: 1001 maintenance");
  EXPECT_THAT(ids_, ElementsAre(1));  // what came before the end
  EXPECT_FALSE(last.ended);
  // Not before its time.
  const SourceBatch waiting = poll();
  ASSERT_TRUE(waiting.retry_after);
  EXPECT_LE(*waiting.retry_after, 1s);
  connect();
  poll();
  EXPECT_EQ(exchange_.wait_received(4).size(), 4u);  // subscribed again
  exchange_.send({trade(2)});
  poll_until([&](const SourceBatch& batch) {
    EXPECT_FALSE(batch.disconnected);
    return ids_.size() == 2;
  });
}

// Attempts that fail are no facts: there was no connection to lose. Their waits grow, to a bound.
TEST_F(WebsocketSourceTest, WhileTheServerRefusesTheWaitsGrow) {
  exchange_.refuse_with(503);
  make(exchange_.url());
  std::vector<Duration> waits;
  while (waits.size() < 40) {
    const SourceBatch batch = poll();
    EXPECT_FALSE(batch.connected);
    EXPECT_FALSE(batch.disconnected);
    if (batch.retry_after.value_or(0s) > 0s) {
      waits.push_back(*batch.retry_after);
      pass(waits.back());
    }
  }
  EXPECT_LE(waits[0], 1s);
  EXPECT_LE(waits[1], 2s);
  EXPECT_LE(waits[2], 4s);
  EXPECT_LE(*std::max_element(waits.begin(), waits.end()), 8s);
  EXPECT_GT(*std::max_element(waits.begin(), waits.end()), 4s);
  exchange_.refuse_with(0);
  connect();
}

TEST_F(WebsocketSourceTest, AConnectionThatLivedLongStartsTheWaitsOver) {
  make(exchange_.url());
  const auto wait_after = [&](Duration life) {
    connect();
    pass(life);
    exchange_.cut_all();
    poll_until([](const SourceBatch& batch) { return batch.disconnected.has_value(); });
    return *poll().retry_after;
  };
  Duration longest{};
  for (int i = 0; i < 20; ++i) longest = std::max(longest, wait_after(0s));
  EXPECT_GT(longest, 2s);
  for (int i = 0; i < 5; ++i) EXPECT_LE(wait_after(8s), 1s);
}

TEST_F(WebsocketSourceTest, SilenceIsPingedAndAPongIsEnough) {
  make(exchange_.url());
  connect();
  for (int i = 0; i < 5; ++i) {
    pass(10s);
    EXPECT_FALSE(poll().disconnected);  // sends the ping
    EXPECT_FALSE(poll().disconnected);  // takes the pong
  }
  EXPECT_EQ(exchange_.open(), 1u);
}

TEST_F(WebsocketSourceTest, SilenceEvenToAPingIsABrokenConnection) {
  make(exchange_.url());
  connect();
  poll();
  exchange_.hold_all(true);
  pass(10s);
  EXPECT_FALSE(poll().disconnected);
  pass(9s);
  EXPECT_FALSE(poll().disconnected);
  pass(1s);
  const SourceBatch last = poll();
  EXPECT_EQ(last.disconnected, "silent: a ping was not answered in 10s");
}

// Whoever did not poll for an hour has not heard anything, and must not call that silence.
TEST_F(WebsocketSourceTest, ASourceThatWasBlockedFirstReadsWhatIsThere) {
  make(exchange_.url());
  connect();
  pass(10s);
  poll();  // pings
  exchange_.send({trade(1)});
  while (exchange_.taken() < 1) {
  }
  pass(1h);
  poll_until([&](const SourceBatch& batch) {
    EXPECT_FALSE(batch.disconnected);
    return ids_.size() == 1;
  });
}

// A stalled upstream behind a healthy server answers every ping.
TEST_F(WebsocketSourceTest, AConnectionWithPongsAndNoMessageIsSilentAndDialledAnew) {
  make(exchange_.url(), "silence_after = \"12s\"\n");  // pings after 10 s
  connect();
  EXPECT_FALSE(listen(5s).disconnected);
  exchange_.send({R"({"e":"subscribed"})"});
  poll_until([&](const SourceBatch&) { return ignored_ == 1; });
  EXPECT_FALSE(listen(11'500ms).disconnected) << "an ignored message is one";
  const SourceBatch last = listen(500ms);
  EXPECT_EQ(last.disconnected, "silent: no message for 12s");
  EXPECT_TRUE(last.silent);
  EXPECT_FALSE(last.whole_until);
  exchange_.wait_open(0);
  connect();
  EXPECT_FALSE(listen(11'500ms).disconnected);
  EXPECT_TRUE(listen(500ms).silent) << "and again";
}

// Law L7: a blocked source is not an idle source.
TEST_F(WebsocketSourceTest, ASourceThatNobodyPolledForAnHourIsNotSilent) {
  make(exchange_.url(), "silence_after = \"3s\"\n");
  connect();
  pass(1h);
  EXPECT_FALSE(poll().disconnected);
}

TEST_F(WebsocketSourceTest, FewerEventsThanExpectedAreASilenceFromBeforeTheyBecameFew) {
  make(exchange_.url(), "expected_rate = { at_least = \"1/s\", over = \"3s\" }\n");
  connect();
  exchange_.send({trade(1), trade(2), trade(3)});
  poll_until([&](const SourceBatch&) { return ids_.size() == 3; });
  EXPECT_FALSE(listen(2500ms).disconnected);
  exchange_.send({heartbeat(5000), trade(4)});
  poll_until([&](const SourceBatch& batch) {
    EXPECT_FALSE(batch.thin);
    return ids_.size() == 4;
  });
  const SourceBatch last = listen(500ms);
  EXPECT_EQ(last.disconnected, "silent: 1 events in 3s, of at least 3");
  EXPECT_TRUE(last.silent);
  EXPECT_EQ(last.whole_until, event_time_ns(1'003'000'000));
  // A trickle ends nothing; as much as is expected does.
  exchange_.wait_open(0);
  connect();
  exchange_.send({trade(5)});
  EXPECT_TRUE(poll_until([&](const SourceBatch&) { return ids_.size() == 5; }).thin);
  exchange_.send({trade(6), trade(7)});
  EXPECT_FALSE(poll_until([&](const SourceBatch&) { return ids_.size() == 7; }).thin);
}

TEST_F(WebsocketSourceTest, ABrokenConnectionIsNoSilence) {
  make(exchange_.url(), "silence_after = \"3s\"\n");
  connect();
  exchange_.cut_all();
  const SourceBatch last =
      poll_until([](const SourceBatch& batch) { return batch.disconnected.has_value(); });
  EXPECT_FALSE(last.silent);
}

TEST_F(WebsocketSourceTest, AServerThatNeverAnswersTheUpgradeIsGivenUp) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 4), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  make("ws://127.0.0.1:" + std::to_string(ntohs(address.sin_port)));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(poll().retry_after, Duration(0));
  pass(10s);
  poll();
  EXPECT_GT(poll().retry_after, Duration(0));
  ::close(listener);
}

TEST_F(WebsocketSourceTest, WhenItEndsItSaysGoodbye) {
  make(exchange_.url());
  connect();
  source_.reset();
  exchange_.wait_open(0);
}

TEST_F(WebsocketSourceTest, WhatNoOtherAttemptWouldCureIsAnErrorAtOnce) {
  const Config config = config_of("wss://127.0.0.1:1", "tls_ca = \"/no/such.pem\"\n");
  const StreamSchema& schema = config.streams[0].schema;
  const auto source = make_websocket_source(schema, config.sources[0],
                                            make_decoder(schema, config.sources[0]), runtime_);
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(source.error().message, StartsWith("tls_ca '/no/such.pem'"));
}

}  // namespace
}  // namespace hindcast
