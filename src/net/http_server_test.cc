#include "net/http_server.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "net/compression_test_util.h"
#include "net/http_client.h"

namespace hindcast {
namespace {

/// Bytes on a socket, for what a well-behaved client never sends.
class RawConnection {
 public:
  explicit RawConnection(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~RawConnection() { ::close(fd_); }
  void send(BytesView text) {
    EXPECT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  /// Until the server closes.
  Bytes read_all() {
    Bytes out;
    char piece[4096];
    for (ssize_t n; (n = ::recv(fd_, piece, sizeof piece, 0)) > 0;)
      out.append(piece, static_cast<size_t>(n));
    return out;
  }

 private:
  int fd_;
};

class HttpServerTest : public testing::Test {
 protected:
  void serve(HttpHandler handler, HttpServerOptions options = {}) {
    server_ = HttpServer::start(std::move(options), std::move(handler)).value();
    url_ = "http://127.0.0.1:" + std::to_string(server_->port());
  }
  /// Answers "METHOD target|body".
  static void echo(HttpRequest request, HttpResponder responder) {
    HttpResponse response;
    response.content_type = "text/plain";
    response.body = request.method + " " + request.target + "|" + request.body;
    responder.send(std::move(response));
  }
  std::unique_ptr<HttpServer> server_;
  std::string url_;
  HttpClient client_;
};

TEST_F(HttpServerTest, RequestsOfOneConnectionAreAnsweredInTurn) {
  serve(echo);
  for (int i = 0; i < 20; ++i) {
    const auto reply =
        client_.request("POST", url_ + "/p?x=" + std::to_string(i), "body" + std::to_string(i))
            .value();
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "POST /p?x=" + std::to_string(i) + "|body" + std::to_string(i));
    EXPECT_EQ(reply.header("content-type"), "text/plain");
  }
}

// The commit thread answers after fsync, long after the handler returned.
TEST_F(HttpServerTest, AnswerMayComeLaterFromAnotherThread) {
  std::promise<HttpResponder> parked;
  serve([&](HttpRequest, HttpResponder responder) { parked.set_value(std::move(responder)); });
  std::thread committer([&] {
    const HttpResponder responder = parked.get_future().get();
    responder.send({.status = 202, .body = "late"});
    responder.send({.status = 500, .body = "a second answer does not count"});
  });
  const auto reply = client_.get(url_).value();
  committer.join();
  EXPECT_EQ(reply.status, 202);
  EXPECT_EQ(reply.body, "late");
}

TEST_F(HttpServerTest, ForgottenRequestIsAnsweredWith500) {
  serve([](HttpRequest, const HttpResponder&) {});
  EXPECT_EQ(client_.get(url_).value().status, 500);
}

TEST_F(HttpServerTest, GzipBodyReachesTheHandlerDecompressed) {
  serve(echo);
  const Bytes packed = gzip("line 1\nline 2\n");
  const auto reply =
      client_.request("POST", url_ + "/", packed, {{"Content-Encoding", "gzip"}}).value();
  EXPECT_EQ(reply.body, "POST /|line 1\nline 2\n");
}

TEST_F(HttpServerTest, CorruptGzipBodyIsRefusedAndTheConnectionGoesOn) {
  serve(echo);
  const auto reply = client_
                         .request("POST", url_ + "/", gzip(Bytes(1000, 'x')).substr(0, 20),
                                  {{"Content-Encoding", "gzip"}})
                         .value();
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.header("content-type"), "application/problem+json");
  EXPECT_NE(reply.body.find("truncated at byte 20"), std::string::npos) << reply.body;
  EXPECT_EQ(client_.get(url_ + "/next").value().body, "GET /next|");
}

TEST_F(HttpServerTest, UnknownContentEncodingIsRefused) {
  serve(echo);
  const auto reply = client_.request("POST", url_ + "/", "x", {{"Content-Encoding", "br"}}).value();
  EXPECT_EQ(reply.status, 415);
  EXPECT_EQ(reply.header("accept-encoding"), "gzip, zstd");
}

// The answer must arrive although the client is still sending, hence not as a reset connection.
TEST_F(HttpServerTest, BodyBeyondTheLimitIsRefusedWith413) {
  serve(echo, {.body_max = 100_KiB});
  const auto reply =
      client_.request("POST", url_ + "/", Bytes(8 << 20, 'x'), {{"Expect", ""}}).value();
  EXPECT_EQ(reply.status, 413);
  EXPECT_NE(reply.body.find("urn:hindcast:body-too-large"), std::string::npos);
}

TEST_F(HttpServerTest, BodyThatInflatesBeyondTheLimitIsRefusedWith413) {
  serve(echo, {.body_max = 100_KiB});
  const auto reply =
      client_.request("POST", url_ + "/", gzip(Bytes(1 << 20, 'x')), {{"Content-Encoding", "gzip"}})
          .value();
  EXPECT_EQ(reply.status, 413);
}

TEST_F(HttpServerTest, ChunkedBodyBeyondTheLimitIsRefusedWith413) {
  serve(echo, {.body_max = ByteCount{100}});
  RawConnection raw(server_->port());
  raw.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n80\r\n" +
           Bytes(128, 'x') + "\r\n0\r\n\r\n");
  EXPECT_EQ(raw.read_all().substr(0, 12), "HTTP/1.1 413");
}

TEST_F(HttpServerTest, ClientThatWaitsFor100ContinueIsToldToGoOn) {
  serve(echo);
  RawConnection raw(server_->port());
  raw.send(
      "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: "
      "2\r\n\r\n");
  raw.send("ok");
  const Bytes answer = raw.read_all();
  EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 100");
  EXPECT_NE(answer.find("POST /|ok"), std::string::npos);
}

TEST_F(HttpServerTest, WhatIsNotHttpGets400) {
  serve(echo);
  RawConnection raw(server_->port());
  raw.send("hello there, this is not a request\r\n\r\n");
  EXPECT_EQ(raw.read_all().substr(0, 12), "HTTP/1.1 400");
}

TEST_F(HttpServerTest, HeaderBeyondTheLimitGets431) {
  serve(echo);
  RawConnection raw(server_->port());
  raw.send("GET / HTTP/1.1\r\nX: " + Bytes(80 << 10, 'x') + "\r\n\r\n");
  EXPECT_EQ(raw.read_all().substr(0, 12), "HTTP/1.1 431");
}

TEST_F(HttpServerTest, HeadGetsTheLengthButNoBody) {
  serve(echo);
  const auto reply = client_.request("HEAD", url_ + "/abc").value();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("content-length"), "10");
  EXPECT_TRUE(reply.body.empty());
  EXPECT_EQ(client_.get(url_ + "/next").value().body, "GET /next|");
}

TEST_F(HttpServerTest, StreamedAnswerArrivesWholeAndTheConnectionIsKept) {
  serve([](const HttpRequest&, const HttpResponder& responder) {
    struct Writer {
      HttpStream stream;
      int left;
      void operator()(bool ok) {
        if (!ok) return;
        if (left == 0) return stream.finish();
        Writer next{stream, left - 1};
        stream.write(left % 2 == 0 ? "" : "piece " + std::to_string(left) + "\n", next);
      }
    };
    Writer{responder.stream({.content_type = "text/plain"}), 5}(true);
  });
  for (int i = 0; i < 3; ++i) {
    const auto reply = client_.get(url_).value();
    EXPECT_EQ(reply.header("transfer-encoding"), "chunked");
    EXPECT_EQ(reply.body, "piece 5\npiece 3\npiece 1\n");
  }
}

// Half an answer that looks whole would be wrong data.
TEST_F(HttpServerTest, StreamThatIsDroppedUnfinishedIsABrokenAnswer) {
  serve([](const HttpRequest&, const HttpResponder& responder) {
    responder.stream({}).write("half", [](bool) {});
  });
  EXPECT_FALSE(client_.get(url_));
}

// A reader sees the bound as a body that is not read yet, never as an error.
TEST_F(HttpServerTest, BodiesBeyondTheBudgetWaitForTheirTurn) {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<HttpResponder> parked;
  serve(
      [&](const HttpRequest&, HttpResponder responder) {
        const std::lock_guard lock(mutex);
        parked.push_back(std::move(responder));
        changed.notify_all();
      },
      {.bodies_in_flight_max = ByteCount{1000}});
  std::vector<std::jthread> clients;
  std::atomic<int> answered{0};
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back([&] {
      HttpClient client;
      EXPECT_EQ(client.request("POST", url_, Bytes(600, 'x')).value().status, 200);
      ++answered;
    });
  }
  for (int i = 0; i < 3; ++i) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return !parked.empty(); });
    EXPECT_EQ(parked.size(), 1u);  // two would be 1200 bytes
    parked.back().send({});
    parked.pop_back();
  }
  clients.clear();
  EXPECT_EQ(answered, 3);
}

TEST_F(HttpServerTest, ConnectionsBeyondTheMaximumWaitUntilOneLeaves) {
  serve(echo, {.connections_max = 1});
  auto first = std::make_unique<HttpClient>();
  EXPECT_EQ(first->get(url_ + "/1").value().status, 200);
  auto second =
      std::async(std::launch::async, [&] { return client_.get(url_ + "/2").value().status; });
  EXPECT_EQ(first->get(url_ + "/3").value().status, 200);
  first.reset();
  EXPECT_EQ(second.get(), 200);
}

TEST_F(HttpServerTest, StopWaitsForTheRequestInFlight) {
  std::promise<HttpResponder> parked;
  serve([&](const HttpRequest& request, HttpResponder responder) {
    if (request.target == "/slow") return parked.set_value(std::move(responder));
    responder.send({});
  });
  auto reply =
      std::async(std::launch::async, [&] { return client_.get(url_ + "/slow").value().body; });
  HttpResponder responder = parked.get_future().get();
  std::jthread stopper([&] { server_->stop(); });
  // New connections are refused once the listener is closed; the request in flight is still owed
  // its answer.
  for (HttpClient other; other.get(url_ + "/x").has_value();) {
  }
  responder.send({.body = "finished"});
  EXPECT_EQ(reply.get(), "finished");
}

TEST_F(HttpServerTest, AnswerAfterTheServerIsGoneIsHarmless) {
  std::promise<HttpResponder> parked;
  serve([&](HttpRequest, HttpResponder responder) { parked.set_value(std::move(responder)); },
        {.stop_timeout = 1ms});
  auto reply = std::async(std::launch::async, [&] { return client_.get(url_).has_value(); });
  HttpResponder responder = parked.get_future().get();
  server_.reset();
  EXPECT_FALSE(reply.get());
  responder.send({.body = "too late"});
  bool told = false;
  responder.stream({}).write("x", [&](bool ok) { told = !ok; });
  EXPECT_TRUE(told);
}

TEST_F(HttpServerTest, TimersRunOnTheServer) {
  serve([this](const HttpRequest&, const HttpResponder& responder) {
    server_->after(1ms, [responder] { responder.send({.body = "tick"}); });
  });
  EXPECT_EQ(client_.get(url_).value().body, "tick");
}

TEST_F(HttpServerTest, SeveralThreadsServeManyClients) {
  serve(echo, {.threads = 3});
  std::vector<std::jthread> clients;
  for (int c = 0; c < 8; ++c) {
    clients.emplace_back([&, c] {
      HttpClient client;
      for (int i = 0; i < 100; ++i) {
        const std::string body = std::to_string(c) + ":" + std::to_string(i);
        EXPECT_EQ(client.request("POST", url_ + "/", body).value().body, "POST /|" + body);
      }
    });
  }
}

TEST_F(HttpServerTest, AddressInUseIsAnErrorThatNamesIt) {
  serve(echo);
  const auto second = HttpServer::start({.port = server_->port()}, echo);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(second.error().message.find("127.0.0.1:" + std::to_string(server_->port())),
            std::string::npos);
}

TEST(PercentCodingTest, RoundTripsAndLeavesBrokenEscapesAlone) {
  EXPECT_EQ(percent_encode("EWR/UA ü"), "EWR%2FUA%20%C3%BC");
  EXPECT_EQ(percent_decode("EWR%2fUA%20%C3%BC", false), "EWR/UA ü");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
  EXPECT_EQ(percent_decode("a+b", false), "a+b");
  EXPECT_EQ(percent_decode("100%", true), "100%");
  EXPECT_EQ(percent_decode("%zz", true), "%zz");
}

}  // namespace
}  // namespace hindcast
