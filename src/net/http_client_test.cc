#include "net/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <vector>

#include "net/compression_test_util.h"

namespace hindcast {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class HttpClientTest : public testing::Test {
 protected:
  void serve(HttpHandler handler) {
    server_ = HttpServer::start({}, std::move(handler)).value();
    url_ = "http://127.0.0.1:" + std::to_string(server_->port()) + "/x";
  }
  void answer(int status, Bytes body, HttpHeaders headers = {}) {
    serve([=](HttpRequest, HttpResponder responder) {
      responder.send({status, "text/plain", body, headers});
    });
  }
  Result<HttpReply> get(HttpClientOptions options) { return HttpClient(options).get(url_); }

  std::unique_ptr<HttpServer> server_;
  std::string url_;
};

TEST(HttpClientWithoutServerTest, NobodyListeningIsUnreachable) {
  uint16_t port = 0;
  {
    const auto server =
        HttpServer::start({}, [](const HttpRequest&, const HttpResponder&) {}).value();
    port = server->port();
  }
  const auto reply = HttpClient().get("http://127.0.0.1:" + std::to_string(port) + "/");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(HttpClient().get("nonsense://x").error().code, ErrorCode::kInvalidArgument);
}

TEST_F(HttpClientTest, CompressedAnswersArriveAsTheyWereMeantAndCountAsTransferred) {
  const Bytes text(100'000, 'x');
  const std::pair<const char*, Bytes> encodings[] = {
      {"gzip", gzip(text)}, {"zstd", zstd(text)}, {"identity", text}};
  for (const auto& [name, body] : encodings) {
    answer(200, body, {{"Content-Encoding", name}});
    const auto reply = get({.compressed = true}).value();
    EXPECT_EQ(reply.body, text) << name;
    EXPECT_EQ(reply.received.value, body.size()) << name;
  }
}

TEST_F(HttpClientTest, ItSaysWhatItCanDecompressOnlyWhenItDoes) {
  std::mutex mutex;
  std::vector<std::string> asked;
  serve([&](HttpRequest request, HttpResponder responder) {
    const std::lock_guard lock(mutex);
    asked.emplace_back(request.header("accept-encoding"));
    responder.send({});
  });
  ASSERT_TRUE(get({.compressed = true}));
  ASSERT_TRUE(get({}));
  EXPECT_EQ(asked, (std::vector<std::string>{"gzip, zstd", ""}));
}

TEST_F(HttpClientTest, AnAnswerThatDoesNotDecompressIsCorrupt) {
  answer(200, gzip("hello, hello, hello").substr(0, 20), {{"Content-Encoding", "gzip"}});
  const auto reply = get({.compressed = true});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kCorruption);
  EXPECT_THAT(reply.error().message, StartsWith("malformed: http://"));
  answer(200, "x", {{"Content-Encoding", "br"}});
  EXPECT_THAT(get({.compressed = true}).error().message, HasSubstr("encoded as 'br'"));
}

// A thousandfold answer must not fill the memory, compressed or not.
TEST_F(HttpClientTest, AnAnswerBeyondTheBoundIsRefused) {
  const Bytes text(100'000, 'x');
  answer(200, text);
  const auto reply = get({.body_max = ByteCount{99'999}});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(reply.error().message, StartsWith("too-large: http://"));
  EXPECT_TRUE(get({.body_max = ByteCount{100'000}}));
  answer(200, gzip(text), {{"Content-Encoding", "gzip"}});
  EXPECT_THAT(get({.body_max = ByteCount{99'999}, .compressed = true}).error().message,
              StartsWith("too-large: http://"));
}

TEST_F(HttpClientTest, AnAnswerThatIsCutOffIsNoReply) {
  serve([](HttpRequest, HttpResponder responder) {
    HttpStream stream = responder.stream({});
    stream.write("half of", [stream](bool) {});  // and the last handle goes
  });
  const auto reply = get({});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnknownOutcome);
  EXPECT_THAT(reply.error().message, StartsWith("truncated: http://"));
}

TEST_F(HttpClientTest, ASilentServerTimesOut) {
  std::mutex mutex;
  std::vector<HttpResponder> parked;
  serve([&](HttpRequest, HttpResponder responder) {
    const std::lock_guard lock(mutex);
    parked.push_back(std::move(responder));
  });
  const auto reply = get({.timeout = 30ms});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnknownOutcome);
  const std::lock_guard lock(mutex);
  parked.clear();
}

TEST_F(HttpClientTest, RedirectionsAreNotFollowed) {
  answer(301, "", {{"Location", "/y"}});
  EXPECT_EQ(get({}).value().status, 301);
}

TEST(RetryAfterTest, SecondsOrADate) {
  const auto wait = [](HttpHeaders headers, int64_t now_s = 0) {
    HttpReply reply;
    reply.headers = std::move(headers);
    return retry_after(reply, ProcessingTime(std::chrono::seconds(now_s)));
  };
  EXPECT_EQ(wait({}), std::nullopt);
  EXPECT_EQ(wait({{"retry-after", "120"}}), Duration(2min));
  EXPECT_EQ(wait({{"retry-after", "-5"}}), Duration(0));
  EXPECT_EQ(wait({{"retry-after", "soon"}}), std::nullopt);
  EXPECT_EQ(wait({{"retry-after", "Thu, 01 Jan 1970 00:01:00 GMT"}}, 20), Duration(40s));
  EXPECT_EQ(wait({{"retry-after", "Thu, 01 Jan 1970 00:01:00 GMT"}}, 90), Duration(0));
  // The server's own clock decides, whatever ours says.
  EXPECT_EQ(wait({{"date", "Thu, 01 Jan 1970 00:00:50 GMT"},
                  {"retry-after", "Thu, 01 Jan 1970 00:01:00 GMT"}},
                 20),
            Duration(10s));
}

}  // namespace
}  // namespace hindcast
