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

TEST_F(ApiServerTest, LargestBodyOfAnySourceIsTheServersBound) {
  service_.config_.sources[0].max_body = 3_MiB;
  EXPECT_EQ(api_server_options(service_.config_).http.body_max, 3_MiB);
}

}  // namespace
}  // namespace hindcast
