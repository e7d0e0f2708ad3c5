// The feed on real sockets, and a WebSocket source on the feed.
#include "server/feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/thread_runtime.h"
#include "net/http_client.h"
#include "net/json_reader.h"
#include "net/websocket_client.h"
#include "server/feed_test_util.h"
#include "source/websocket_source.h"

namespace hindcast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Identity = std::pair<std::string, int64_t>;  // key, sequence number

class FeedTest : public testing::Test {
 protected:
  void serve(FeedPace pace, int events = 300) {
    feed_ = Feed::start(feed_of(events), {.pace = pace}, runtime_).value();
    host_ = "127.0.0.1:" + std::to_string(feed_->port());
  }
  JsonValue get(const std::string& target) {
    const auto reply = http_.get("http://" + host_ + target).value();
    EXPECT_EQ(reply.status, 200) << reply.body;
    return parse_json(reply.body).value_or(JsonValue{});
  }
  HttpReply send(const std::string& method, const std::string& target, const std::string& body) {
    return http_.request(method, "http://" + host_ + target, body).value();
  }
  JsonValue post(const std::string& target, const std::string& body) {
    const HttpReply reply = send("POST", target, body);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return parse_json(reply.body).value_or(JsonValue{});
  }
  void advance_to(int64_t s) {
    post("/clock", "{\"advance_to\":\"" + to_rfc3339(second(s)) + "\"}");
  }
  std::vector<Identity> events_of(const std::string& target) {
    std::vector<Identity> out;
    const JsonValue document = get(target);
    for (const JsonValue& event : document["data"].items) {
      const std::string key = event["key"].to_string() + event["sym"].to_string();
      out.emplace_back(key, *event["seq"].unsigned_number());
    }
    return out;
  }

  ThreadRuntime runtime_{{}, 1};
  std::unique_ptr<Feed> feed_;
  HttpClient http_;
  std::string host_;
};

TEST_F(FeedTest, ItServesASocketAndAHistoryOnOnePort) {
  serve({FeedPace::Kind::kSpeed, 0});
  const auto client = WebsocketClient::connect({.url = "ws://" + host_ + "/stream"}).value();
  std::vector<Bytes> got;
  while (client->state() == WebsocketClient::State::kConnecting) client->receive(1_MiB, 50ms, got);
  while (get("/state")["connections"].items.empty()) {
  }
  advance_to(2);
  while (got.empty()) client->receive(1_MiB, 50ms, got);
  EXPECT_EQ(got[0], R"({"e":"event","data":[{"venue":"X","sym":"A","ts":1000,"price":0,"seq":1},)"
                    R"({"venue":"Y","sym":"B","ts":2000,"price":1,"seq":1}]})");
  EXPECT_EQ(get("/history")["data"].items.size(), 2u);
  EXPECT_EQ(get("/history?channel=Y")["data"].items.size(), 1u);
  while (get("/sent")["data"].items.size() < 2) {
  }
  EXPECT_THAT(events_of("/sent?channel=X"), ElementsAre(Identity("A", 1)));
}

TEST_F(FeedTest, FaultsComeAndGoByRequest) {
  serve({FeedPace::Kind::kSpeed, 0});
  const std::string id = post("/faults", R"({"kind":"http-500"})")["id"].to_string();
  post("/faults", R"({"kind":"stall","channel":"X"})");
  EXPECT_EQ(get("/faults")["faults"].items.size(), 2u);
  EXPECT_EQ(send("GET", "/history", "").status, 500);
  EXPECT_EQ(send("DELETE", "/faults?id=" + id, "").status, 200);
  EXPECT_EQ(send("GET", "/history", "").status, 200);
  EXPECT_EQ(send("DELETE", "/faults?id=99", "").status, 404);
  EXPECT_EQ(send("DELETE", "/faults", "").status, 200);
  EXPECT_THAT(get("/faults")["faults"].items, IsEmpty());
  // One of real time goes by itself.
  post("/faults", R"({"kind":"http-500","seconds":0.01})");
  while (!get("/faults")["faults"].items.empty()) {
  }
}

TEST_F(FeedTest, WhatIsWrongIsRefusedWithTheReason) {
  serve({FeedPace::Kind::kSpeed, 0});
  EXPECT_EQ(send("POST", "/faults", "{\"kind\":\"dorp\"}").status, 400);
  EXPECT_THAT(send("POST", "/faults", "{\"kind\":\"dorp\"}").body, HasSubstr("did you mean"));
  EXPECT_EQ(send("POST", "/clock", "{\"sped\":1}").status, 400);
  EXPECT_EQ(send("GET", "/sent?channel=Z", "").status, 404);
  EXPECT_EQ(send("GET", "/sent?after=x", "").status, 400);
  EXPECT_THAT(send("GET", "/nothing", "").body, HasSubstr("GET /history"));
  const auto client =
      WebsocketClient::connect({.url = "ws://" + host_ + "/stream?channel=Z"}).value();
  std::vector<Bytes> got;
  while (client->state() == WebsocketClient::State::kConnecting) client->receive(1_MiB, 50ms, got);
  EXPECT_EQ(client->reason(), "the server refused: 404 Not Found");
}

TEST_F(FeedTest, SlowPagesAreAnsweredLater) {
  serve({FeedPace::Kind::kSpeed, 0});
  post("/faults", R"({"kind":"slow-pages","delay":0.02,"count":1})");
  const MonoTime before = runtime_.mono_now();
  EXPECT_EQ(send("GET", "/history", "").status, 200);
  EXPECT_GE(runtime_.mono_now() - before, Duration(20ms));
}

/// A WebSocket source on the feed, and what came out of it.
class Subscriber {
 public:
  Subscriber(const std::string& host, const std::string& channel, const Runtime& runtime) {
    const auto outcome =
        parse_config("[[source]]\nname = \"x\"\nkind = \"websocket\"\nurl = \"ws://" + host +
                         "/stream" + channel + R"toml("
reconnect = { min = "1ms", max = "10ms" }
match = { e = "event" }
each = "data"
[source.watermark]
heartbeat = { match = { e = "heartbeat" }, time = "ms" }
[source.event]
key = "sym"
id = { field = "seq", type = "int" }
time = "ts"
time_unit = "ms"
[source.values]
price = "decimal(18,2)"
[[aggregate]]
name = "n"
bucket = "1m"
values = { n = "count()" }
)toml",
                     "test.toml", "");
    EXPECT_TRUE(outcome.config) << to_string(outcome.problems, "test.toml");
    const StreamSchema& schema = outcome.config->streams[0].schema;
    const SourceConfig& config = outcome.config->sources[0];
    source_ = make_websocket_source(schema, config, make_decoder(schema, config), runtime).value();
  }
  void poll() {
    source_->poll(1_MiB, [this](Result<SourceBatch> polled) {
      const SourceBatch batch = std::move(polled).value();
      for (size_t i = 0; i < batch.events.size(); ++i) {
        const std::string key(batch.events.keys[batch.events.key[i]]);
        got_.emplace_back(key.substr(key.find_first_of("ABC"), 1), batch.events.id[0][i]);
      }
      dead_ += batch.dead.size();
      connects_ += batch.connected ? 1 : 0;
      if (batch.disconnected) reasons_.push_back(*batch.disconnected);
      if (batch.heartbeat) promised_ = *batch.heartbeat;
    });
  }
  template <class Enough>
  void poll_until(Enough enough) {
    while (!enough()) poll();
  }

  std::vector<Identity> got_;
  std::vector<std::string> reasons_;
  size_t dead_ = 0, connects_ = 0;
  EventTime promised_ = kMinEventTime;

 private:
  std::unique_ptr<Source> source_;
};

// The feed's own log of the wire is the oracle for everything that stands behind a source.
TEST_F(FeedTest, WhatASourceReceivesIsWhatWasSentInThatOrder) {
  serve({FeedPace::Kind::kFastest, 0}, 20'000);
  for (const char* fault : {R"({"kind":"drop","probability":0.1,"seed":1})",
                            R"({"kind":"duplicate","after":60,"probability":0.1,"seed":2})",
                            R"({"kind":"late","by":600,"probability":0.1,"seed":3})",
                            R"({"kind":"reorder","window":30,"probability":0.5,"seed":4})"})
    post("/faults", fault);
  Subscriber subscriber(host_, "", runtime_);
  subscriber.poll_until([&] { return subscriber.promised_ > second(20'000); });
  EXPECT_EQ(get("/state")["finished"].boolean, true);
  EXPECT_EQ(subscriber.dead_, 0u);
  EXPECT_GT(subscriber.got_.size(), 18'000u);
  EXPECT_EQ(subscriber.got_, events_of("/sent"));
}

// A coordinated outage: all channels at once, and back at the same moment. What is missing is what
// happened meanwhile, and the history has it.
TEST_F(FeedTest, ADisconnectOfAllLosesExactlyWhatHappenedMeanwhile) {
  serve({FeedPace::Kind::kSpeed, 0});
  Subscriber x(host_, "?channel=X", runtime_), y(host_, "?channel=Y", runtime_);
  const auto both = [&](auto enough) {
    x.poll_until([&] { return enough(x); });
    y.poll_until([&] { return enough(y); });
  };
  both([](const Subscriber& s) { return s.connects_ == 1; });
  while (get("/state")["connections"].items.size() < 2) {
  }
  advance_to(90);
  post("/faults", R"({"kind":"disconnect","channels":["X","Y"],"feed_seconds":120})");
  both([](const Subscriber& s) { return s.reasons_.size() == 1; });
  EXPECT_THAT(x.reasons_, ElementsAre("the server closed: 1001 going away"));
  advance_to(209);
  for (int i = 0; i < 20; ++i) {  // still kept out
    x.poll();
    y.poll();
  }
  EXPECT_EQ(x.connects_ + y.connects_, 2u);
  advance_to(210);
  both([](const Subscriber& s) { return s.connects_ == 2; });
  while (get("/state")["connections"].items.size() < 2) {
  }
  advance_to(300);
  both([](const Subscriber& s) { return s.promised_ > second(300); });

  std::set<Identity> got(x.got_.begin(), x.got_.end());
  got.insert(y.got_.begin(), y.got_.end());
  EXPECT_EQ(got.size(), 180u);
  std::set<Identity> missed;
  for (const Identity& event : events_of("/history?limit=1000")) {
    if (!got.contains(event)) missed.insert(event);
  }
  const std::vector<Identity> meanwhile =
      events_of("/history?limit=1000&from=1970-01-01T00:01:31Z&to=1970-01-01T00:03:31Z");
  EXPECT_EQ(missed, std::set<Identity>(meanwhile.begin(), meanwhile.end()));
}

}  // namespace
}  // namespace hindcast
