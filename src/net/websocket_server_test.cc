#include "net/websocket_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http_client.h"
#include "net/websocket_client.h"
#include "net/websocket_test_util.h"

namespace hindcast {
namespace {

using testing::HasSubstr;

class WebsocketServerTest : public testing::Test {
 protected:
  std::string http(const std::string& target) const {
    return "http://127.0.0.1:" + std::to_string(exchange_.port()) + target;
  }
  TestExchange exchange_;
  HttpClient client_;
};

TEST_F(WebsocketServerTest, PlainRequestsAreAnsweredBesideTheUpgrades) {
  for (int i = 0; i < 3; ++i) {  // over one kept connection
    const auto reply = client_.request("POST", http("/faults?x=1"), "body").value();
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "POST /faults?x=1|body");
  }
  EXPECT_EQ(client_.get(http("/slow")).value().body, "GET /slow|");
}

TEST_F(WebsocketServerTest, ABodyThatIsTooLongEndsTheConnection) {
  EXPECT_FALSE(client_.request("POST", http("/"), std::string(2 << 20, 'x')));
  EXPECT_EQ(client_.get(http("/after")).value().status, 200);
}

TEST_F(WebsocketServerTest, AnAddressInUseIsAnError) {
  const auto second = WebsocketServer::listen({.port = exchange_.port()}, exchange_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(second.error().message, HasSubstr("cannot listen on 127.0.0.1:"));
  EXPECT_EQ(WebsocketServer::listen({.host = "no such host"}, exchange_).error().code,
            ErrorCode::kInvalidArgument);
}

// A client that vanishes leaves nothing behind, and one that comes next is served.
TEST_F(WebsocketServerTest, ConnectionsComeAndGo) {
  for (int round = 0; round < 3; ++round) {
    const auto client = WebsocketClient::connect({.url = exchange_.url()}).value();
    std::vector<Bytes> got;
    while (client->state() == WebsocketClient::State::kConnecting)
      client->receive(1_MiB, 50ms, got);
    exchange_.wait_open(1);
    exchange_.send({"hello"});
    while (got.empty()) client->receive(1_MiB, 50ms, got);
    exchange_.cut_all();
    EXPECT_EQ(exchange_.open(), 0u);
  }
}

// Stopping with clients connected neither waits for them nor touches what is gone.
TEST_F(WebsocketServerTest, StoppingCutsWhatIsOpen) {
  const auto client = WebsocketClient::connect({.url = exchange_.url()}).value();
  std::vector<Bytes> got;
  while (client->state() == WebsocketClient::State::kConnecting) client->receive(1_MiB, 50ms, got);
  exchange_.server().stop();
  exchange_.server().stop();
}

}  // namespace
}  // namespace hindcast
