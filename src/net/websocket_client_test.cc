#include "net/websocket_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <fstream>
#include <thread>

#include "base/temp_folder_test_util.h"
#include "net/tls_test_util.h"
#include "net/websocket_test_util.h"

namespace hindcast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using State = WebsocketClient::State;

std::unique_ptr<WebsocketClient> connect(const std::string& url, const std::string& tls_ca = "") {
  return WebsocketClient::connect({.url = url, .headers = {}, .tls_ca = tls_ca}).value();
}

/// Receives until `enough`; false when it never comes.
template <class Enough>
bool drive(WebsocketClient& client, std::vector<Bytes>& out, Enough enough) {
  for (int i = 0; i < 1000 && !enough(); ++i) client.receive(1_MiB, 50ms, out);
  return enough();
}

class WebsocketClientTest : public testing::Test {
 protected:
  void open(const std::string& target = "/stream") {
    client_ = connect(exchange_.url(target));
    ASSERT_TRUE(drive(*client_, got_, [&] { return client_->state() != State::kConnecting; }));
    ASSERT_EQ(client_->state(), State::kOpen) << client_->reason();
    exchange_.wait_open(1);
  }
  bool received(size_t count) {
    return drive(*client_, got_, [&] { return got_.size() >= count; });
  }
  bool closed() {
    return drive(*client_, got_, [&] { return client_->state() == State::kClosed; });
  }
  TestExchange exchange_;
  std::unique_ptr<WebsocketClient> client_;
  std::vector<Bytes> got_;
};

TEST_F(WebsocketClientTest, MessagesGoBothWaysInOrder) {
  open();
  client_->send("subscribe 1");
  client_->send("subscribe 2");
  const std::string long_one(3 << 20, 'x');
  exchange_.send({"a", long_one, "", "b"});
  ASSERT_TRUE(received(4));
  EXPECT_THAT(got_, ElementsAre("a", long_one, "", "b"));
  EXPECT_THAT(exchange_.wait_received(2), ElementsAre("subscribe 1", "subscribe 2"));
}

TEST_F(WebsocketClientTest, HeadersAndTargetReachTheServer) {
  client_ = WebsocketClient::connect({.url = exchange_.url("/stream?channel=AA%20B"),
                                      .headers = {{"Authorization", "Bearer secret"}}})
                .value();
  ASSERT_TRUE(drive(*client_, got_, [&] { return client_->state() == State::kOpen; }));
  exchange_.wait_open(1);
  const std::vector<HttpRequest> upgrades = exchange_.upgrades();
  ASSERT_EQ(upgrades.size(), 1u);
  EXPECT_EQ(upgrades[0].target, "/stream?channel=AA%20B");
  EXPECT_EQ(upgrades[0].header("authorization"), "Bearer secret");
  EXPECT_EQ(upgrades[0].header("host"), "127.0.0.1:" + std::to_string(exchange_.port()));
}

TEST_F(WebsocketClientTest, WhereNobodyListensItIsClosedWithTheReason) {
  std::string url;
  {
    TestExchange gone;
    url = gone.url();
  }
  client_ = connect(url);
  ASSERT_TRUE(closed());
  EXPECT_THAT(client_->reason(), StartsWith("cannot reach 127.0.0.1:"));
}

TEST_F(WebsocketClientTest, ARefusalIsQuoted) {
  exchange_.refuse_with(503);
  client_ = connect(exchange_.url());
  ASSERT_TRUE(closed());
  EXPECT_EQ(client_->reason(), "the server refused: 503 Service Unavailable");
}

// Whoever says goodbye has sent everything before: nothing of it may be lost.
TEST_F(WebsocketClientTest, WhatCameBeforeAnOrderlyEndIsReceived) {
  open();
  exchange_.send({"last words"});
  exchange_.close_all("maintenance");
  ASSERT_TRUE(closed());
  EXPECT_THAT(got_, ElementsAre("last words"));
  EXPECT_EQ(client_->reason(), "the server closed: 1001 maintenance");
}

TEST_F(WebsocketClientTest, ACutConnectionIsClosedWithTheReason) {
  open();
  exchange_.cut_all();
  ASSERT_TRUE(closed());
  EXPECT_THAT(client_->reason(), HasSubstr("reset"));
}

// Not asked = not read. What the server sends then stays in kernel buffers and with the server; all
// of it comes once the owner asks again.
TEST_F(WebsocketClientTest, AnOwnerThatDoesNotReceivePushesBackToTheServer) {
  open();
  constexpr size_t kMessages = 512;
  const Bytes message(128 << 10, 'x');
  exchange_.send(std::vector<Bytes>(kMessages, message));
  size_t taken = 0;
  for (int same = 0; same < 20;) {
    const size_t now = exchange_.taken();
    same = now == taken ? same + 1 : 0;
    taken = now;
  }
  EXPECT_LT(taken, kMessages / 2);
  ASSERT_TRUE(received(kMessages));
  EXPECT_EQ(got_.back(), message);
}

TEST(WebsocketCompressionTest, MessagesAreTheSame) {
  TestExchange exchange({.compress = true});
  const auto client = connect(exchange.url());
  std::vector<Bytes> got;
  ASSERT_TRUE(drive(*client, got, [&] { return client->state() == State::kOpen; }));
  exchange.wait_open(1);
  EXPECT_THAT(exchange.upgrades().at(0).header("sec-websocket-extensions"),
              HasSubstr("permessage-deflate"));
  const std::string long_one(1 << 20, 'x');
  exchange.send({"a", long_one, ""});
  ASSERT_TRUE(drive(*client, got, [&] { return got.size() == 3; })) << client->reason();
  EXPECT_THAT(got, ElementsAre("a", long_one, ""));
}

TEST_F(WebsocketClientTest, ReceivingStopsAtTheBoundOfBytes) {
  open();
  exchange_.send(std::vector<Bytes>(100, std::string(1000, 'x')));
  while (exchange_.taken() < 100) {
  }
  client_->receive(ByteCount{2500}, 10s, got_);
  EXPECT_LE(got_.size(), 3u);
  EXPECT_TRUE(received(100));
}

TEST_F(WebsocketClientTest, AMessageThatIsTooLongEndsTheConnection) {
  client_ =
      WebsocketClient::connect({.url = exchange_.url(), .message_max = ByteCount{1000}}).value();
  ASSERT_TRUE(drive(*client_, got_, [&] { return client_->state() == State::kOpen; }));
  exchange_.wait_open(1);
  exchange_.send({std::string(1000, 'x'), std::string(1001, 'x')});
  ASSERT_TRUE(closed());
  EXPECT_EQ(got_.size(), 1u);
  EXPECT_THAT(client_->reason(), HasSubstr("longer than 1000 bytes"));
}

TEST_F(WebsocketClientTest, APongIsASignOfLifeAndAHeldServerGivesNone) {
  open();
  client_->ping();
  EXPECT_TRUE(drive(*client_, got_, [&] { return client_->frames() == 1; }));
  exchange_.hold_all(true);
  client_->ping();
  for (int i = 0; i < 5; ++i) client_->receive(1_MiB, 10ms, got_);
  EXPECT_EQ(client_->frames(), 1u);
  exchange_.hold_all(false);
  EXPECT_TRUE(drive(*client_, got_, [&] { return client_->frames() == 2; }));
}

TEST_F(WebsocketClientTest, ClosingTellsTheServer) {
  open();
  client_->close();
  ASSERT_TRUE(closed());
  EXPECT_EQ(client_->reason(), "closed by us");
  exchange_.wait_open(0);
}

TEST(WebsocketUrlTest, PartsAndDefaultsAreRead) {
  EXPECT_EQ(parse_websocket_url("ws://example.com").value(),
            (WebsocketUrl{false, "example.com", "80", "/"}));
  EXPECT_EQ(parse_websocket_url("wss://a.b:9443/x/y?z=1&q=%20").value(),
            (WebsocketUrl{true, "a.b", "9443", "/x/y?z=1&q=%20"}));
  EXPECT_EQ(parse_websocket_url("wss://[::1]/s").value(), (WebsocketUrl{true, "::1", "443", "/s"}));
  EXPECT_EQ(parse_websocket_url("ws://h?x=1").value(), (WebsocketUrl{false, "h", "80", "/?x=1"}));
  for (const char* bad : {"", "example.com", "http://example.com", "ws://", "ws:///x", "ws://a b",
                          "ws://u:p@h/", "ws://h/#x"}) {
    EXPECT_FALSE(parse_websocket_url(bad)) << bad;
  }
}

/// One TLS connection with a certificate of its own; sends "hello" and what it receives.
class TlsServer {
 public:
  explicit TlsServer(const std::string& folder) {
    namespace ssl = boost::asio::ssl;
    make_certificate(folder + "/ca.pem", folder + "/key.pem");
    tls_.use_certificate_chain_file(folder + "/ca.pem");
    tls_.use_private_key_file(folder + "/key.pem", ssl::context::pem);
    thread_ = std::jthread([this] { serve(); });
  }
  std::string url(const std::string& host) const {
    return "wss://" + host + ":" + std::to_string(acceptor_.local_endpoint().port()) + "/";
  }

 private:
  using tcp = boost::asio::ip::tcp;
  void serve() {
    namespace websocket = boost::beast::websocket;
    boost::system::error_code error;
    websocket::stream<boost::asio::ssl::stream<tcp::socket>> stream(acceptor_.accept(), tls_);
    if (stream.next_layer().handshake(boost::asio::ssl::stream_base::server, error)) return;
    if (stream.accept(error), error) return;
    stream.text(true);
    stream.write(boost::asio::buffer(std::string("hello")), error);
    boost::beast::flat_buffer buffer;
    while (stream.read(buffer, error), !error) {
      stream.write(buffer.data(), error);
      buffer.clear();
    }
  }
  boost::asio::io_context io_;
  boost::asio::ssl::context tls_{boost::asio::ssl::context::tls_server};
  tcp::acceptor acceptor_{io_, tcp::endpoint(boost::asio::ip::make_address("127.0.0.1"), 0)};
  std::jthread thread_;
};

class WebsocketTlsTest : public testing::Test {
 protected:
  TempFolder folder_;
  std::vector<Bytes> got_;
};

TEST_F(WebsocketTlsTest, AServerThatTheCaVouchesForIsTrusted) {
  TlsServer server(folder_.path());
  const auto client = connect(server.url("127.0.0.1"), folder_.path() + "/ca.pem");
  ASSERT_TRUE(drive(*client, got_, [&] { return got_.size() == 1; })) << client->reason();
  client->send("echo");
  ASSERT_TRUE(drive(*client, got_, [&] { return got_.size() == 2; }));
  EXPECT_THAT(got_, ElementsAre("hello", "echo"));
}

TEST_F(WebsocketTlsTest, AnUnknownCertificateIsRefused) {
  TlsServer server(folder_.path());
  const auto client = connect(server.url("127.0.0.1"));
  ASSERT_TRUE(drive(*client, got_, [&] { return client->state() == State::kClosed; }));
  EXPECT_THAT(client->reason(), HasSubstr("certificate verify failed"));
}

// The certificate is good, but it is somebody else's.
TEST_F(WebsocketTlsTest, ACertificateOfAnotherNameIsRefused) {
  TlsServer server(folder_.path());
  const auto client = connect(server.url("127.1"), folder_.path() + "/ca.pem");
  ASSERT_TRUE(drive(*client, got_, [&] { return client->state() == State::kClosed; }));
  EXPECT_THAT(client->reason(), HasSubstr("TLS with 127.1"));
}

TEST_F(WebsocketTlsTest, ACaFileThatCannotBeReadIsAnErrorAtOnce) {
  const auto missing =
      WebsocketClient::connect({.url = "wss://localhost:1/", .headers = {}, .tls_ca = "/none.pem"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(missing.error().message, HasSubstr("/none.pem"));
}

}  // namespace
}  // namespace hindcast
