#include "server/api_server.h"

#include <gtest/gtest.h>

#include <thread>

#include "net/http_client.h"
#include "net/json_reader.h"
#include "server/canned_service_test_util.h"

namespace hindcast {
namespace {

class ApiServerTest : public testing::Test {
 protected:
  void SetUp() override {
    auto options = api_server_options(service_.config_);
    options.http.port = 0;
    server_ = ApiServer::start(service_, options).value();
    url_ = "http://127.0.0.1:" + std::to_string(server_->port());
  }
  CannedService service_;
  std::unique_ptr<ApiServer> server_;
  std::string url_;
  HttpClient client_;
};

TEST_F(ApiServerTest, PushesAndQueriesOverOneConnection) {
  for (int i = 0; i < 10; ++i) {
    const auto pushed = client_
                            .request("POST", url_ + "/v1/sources/trades/events", "{}\n",
                                     {{"Content-Type", "application/x-ndjson; charset=utf-8"}})
                            .value();
    EXPECT_EQ(pushed.status, 200);
    EXPECT_EQ(parse_json(pushed.body).value()["accepted"].text, "1");
    EXPECT_EQ(client_.get(url_ + "/v1/status").value().status, 200);
  }
}

TEST_F(ApiServerTest, LargeAnswersAreStreamedWhole) {
  service_.bucket_count = 5000;
  const auto reply = client_.get(url_ + "/v1/aggregates/candles/buckets").value();
  EXPECT_EQ(reply.header("transfer-encoding"), "chunked");
  EXPECT_EQ(parse_json(reply.body).value()["buckets"].items.size(), 5000u);
  EXPECT_EQ(client_.get(url_ + "/healthz").value().status, 200);
}

TEST_F(ApiServerTest, LongPollAnswersWhenSomethingChanged) {
  service_.changes_from_call = 3;
  const auto reply = client_.get(url_ + "/v1/changes?after=6&wait=30s").value();
  EXPECT_EQ(parse_json(reply.body).value()["changes"].items.size(), 2u);
  EXPECT_EQ(service_.change_calls, 3);
}

TEST_F(ApiServerTest, LongPollEndsAfterItsWait) {
  const auto reply = client_.get(url_ + "/v1/changes?after=8&wait=60ms").value();
  EXPECT_EQ(parse_json(reply.body).value()["changes"].items.size(), 0u);
  EXPECT_GE(service_.change_calls, 2);
}

// A daemon that waits a minute for its dashboards would be killed by whoever told it to stop.
TEST_F(ApiServerTest, StopAnswersLongPollsAtOnce) {
  std::thread poller([&] {
    const auto reply = client_.get(url_ + "/v1/changes?after=8&wait=60s");
    EXPECT_TRUE(reply.has_value() && reply->status == 200);
  });
  while (service_.change_calls < 2) std::this_thread::yield();
  server_->stop();
  poller.join();
}

// ── server-sent events ──────────────────────────────────────────────────────────────────────────

TEST_F(ApiServerTest, ChangesAreSentAsTheyComeUntilTheServerStops) {
  service_.changes_from_call = 3;  // the first times it is asked there are none
  std::thread reader([&] {
    const auto reply = client_.get(url_ + "/v1/changes/stream?after=6");
    ASSERT_TRUE(reply.has_value()) << "an answer that is whole: the stream ended in good order";
    EXPECT_EQ(reply->status, 200);
    EXPECT_EQ(reply->header("content-type"), "text/event-stream");
    EXPECT_EQ(reply->body.find("retry: 1000\n\nid: 7\nevent: rows\ndata: {\"number\":7,"), 0u)
        << reply->body;
    EXPECT_NE(reply->body.find("\n\nid: 8\nevent: frontier\ndata: {"), Bytes::npos);
    EXPECT_TRUE(reply->body.ends_with("}\n\n"));
    EXPECT_EQ(reply->body.find("id: 7", 20), Bytes::npos) << "each once";
  });
  while (service_.change_calls < 5) std::this_thread::yield();
  server_->stop();
  reader.join();
}

TEST_F(ApiServerTest, AReaderThatComesBackGoesOnWhereItWas) {
  std::thread reader([&] {
    const auto reply =
        client_.request("GET", url_ + "/v1/changes/stream?after=0", {}, {{"Last-Event-ID", "8"}});
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ(reply->body, "retry: 1000\n\n") << "nothing is behind 8";
  });
  while (service_.change_calls < 3) std::this_thread::yield();
  server_->stop();
  reader.join();
}

TEST_F(ApiServerTest, SilenceIsFilledWithComments) {
  server_->stop();
  auto options = api_server_options(service_.config_);
  options.http.port = 0;
  options.live.poll = 1ms;
  options.live.keep_alive = 3ms;
  server_ = ApiServer::start(service_, options).value();
  url_ = "http://127.0.0.1:" + std::to_string(server_->port());
  std::thread reader([&] {
    const auto reply = client_.get(url_ + "/v1/changes/stream?after=8");
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ(reply->body.find("retry: 1000\n\n:\n\n:\n\n"), 0u) << reply->body;
  });
  while (service_.change_calls < 20) std::this_thread::yield();
  server_->stop();
  reader.join();
}

TEST_F(ApiServerTest, TooManyStreamsAreRefusedAndThePlaceOfOneThatLeftIsFree) {
  server_->stop();
  auto options = api_server_options(service_.config_);
  options.http.port = 0;
  options.live = {.streams_max = 1, .poll = 1ms, .keep_alive = 1ms};
  server_ = ApiServer::start(service_, options).value();
  url_ = "http://127.0.0.1:" + std::to_string(server_->port());
  const std::string target = url_ + "/v1/changes/stream?after=8";
  // An answer without an end never comes whole: the client gives up, and that says it was taken.
  const auto taken = [&](Duration patience) {
    HttpClient impatient({.timeout = patience});
    const auto reply = impatient.get(target);
    EXPECT_TRUE(!reply || reply->status == 503);
    return !reply;
  };
  std::thread first([&] { EXPECT_TRUE(taken(1s)); });
  while (service_.change_calls < 2) std::this_thread::yield();
  const auto refused = client_.get(target).value();
  EXPECT_EQ(refused.status, 503);
  EXPECT_NE(parse_json(refused.body).value()["detail"].text.find("too many streams"),
            std::string::npos);
  first.join();
  while (!taken(100ms))
    std::this_thread::yield();  // the server sees by its next comment that it left
}

// A stream that cannot be read ends: its reader comes back, and may be told why.
TEST_F(ApiServerTest, AStreamOfAFailedStoreEnds) {
  service_.change_error = unavailable("the store failed");
  const auto reply = client_.get(url_ + "/v1/changes/stream").value();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "retry: 1000\n\n");
  EXPECT_EQ(client_.get(url_ + "/v1/changes").value().status, 503);
}

TEST_F(ApiServerTest, LargestBodyOfAnySourceIsTheServersBound) {
  service_.config_.sources[0].max_body = 3_MiB;
  EXPECT_EQ(api_server_options(service_.config_).http.body_max, 3_MiB);
}

}  // namespace
}  // namespace hindcast
