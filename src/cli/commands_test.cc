#include "cli/commands.h"

#include <gtest/gtest.h>

#include <sstream>

namespace hindcast {
namespace {

/// Answers with what a test says, and remembers what it was asked.
class CannedEndpoint final : public Endpoint {
 public:
  Result<Reply> ask(const std::string& method, const std::string& target, Bytes) override {
    asked = method + " " + target;
    return answer;
  }
  std::string asked;
  Result<Reply> answer = Reply{200, "{}"};
};

class CommandsTest : public testing::Test {
 protected:
  void reply(int status, Bytes body) { endpoint_.answer = Reply{status, std::move(body)}; }
  std::ostringstream out_, err_;
  Output output_{out_, err_};
  CannedEndpoint endpoint_;
};

constexpr const char* kBuckets =
    R"({"aggregate":"candles","buckets":[)"
    R"({"key":["EWR","UA"],"start":"2024-03-01T10:00:00Z","end":"2024-03-01T10:01:00Z","resolution":"1m","state":"final",)"
    R"("complete":true,"version":1,"events":124,"digest":"00","cause":"live","published_at":"2024-03-01T10:01:06Z",)"
    R"("values":{"open":"61234.50","n":124}},)"
    R"({"key":["EWR","UA"],"start":"2024-03-01T10:01:00Z","end":"2024-03-01T10:02:00Z","resolution":"1m","state":"open",)"
    R"("complete":false,"version":0,"events":1,"digest":"00","cause":"live","published_at":null,)"
    R"("values":{"open":null,"n":1}}],"truncated":false})"
    "\n";

TEST_F(CommandsTest, QueryShowsATableForPeople) {
  reply(200, kBuckets);
  EXPECT_EQ(query_command({.aggregate = "candles", .key = "EWR/UA", .as_of = "1709287200"},
                          endpoint_, output_),
            kExitOk);
  EXPECT_EQ(endpoint_.asked, "GET /v1/aggregates/candles/buckets?key=EWR%2FUA&as_of=1709287200");
  EXPECT_EQ(out_.str(),
            "key     start                state       version  events      open    n\n"
            "EWR/UA  2024-03-01 10:00:00  final             1     124  61234.50  124\n"
            "EWR/UA  2024-03-01 10:01:00  open (gap)        0       1         -    1\n");
}

TEST_F(CommandsTest, NdjsonPassesEveryBucketOnAsItIs) {
  reply(200, kBuckets);
  EXPECT_EQ(query_command({.aggregate = "candles", .format = Format::kNdjson}, endpoint_, output_),
            kExitOk);
  const std::string text = out_.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  EXPECT_NE(std::string(kBuckets).find(text.substr(0, text.find('\n'))), std::string::npos);
  EXPECT_NE(text.find("\"open\":\"61234.50\""), std::string::npos);
}

TEST_F(CommandsTest, CsvHasEveryColumn) {
  reply(200, kBuckets);
  EXPECT_EQ(query_command({.aggregate = "candles", .format = Format::kCsv}, endpoint_, output_),
            kExitOk);
  EXPECT_EQ(
      out_.str(),
      "key,start,end,resolution,state,complete,version,events,digest,cause,published_at,open,n\r\n"
      "EWR/"
      "UA,2024-03-01T10:00:00Z,2024-03-01T10:01:00Z,1m,final,true,1,124,00,live,2024-03-01T10:01:"
      "06Z,61234.50,124\r\n"
      "EWR/UA,2024-03-01T10:01:00Z,2024-03-01T10:02:00Z,1m,open,false,0,1,00,live,,,1\r\n");
}

// A script that reads half of the rows and believes it has all of them computes something wrong.
TEST_F(CommandsTest, AListCutShortIsSaidAndIsNoSuccessUnlessAskedFor) {
  reply(200, R"({"buckets":[],"truncated":true})");
  EXPECT_EQ(query_command({.aggregate = "a", .format = Format::kNdjson}, endpoint_, output_),
            kExitNo);
  EXPECT_NE(err_.str().find("there are more"), std::string::npos);
  EXPECT_EQ(query_command({.aggregate = "a", .limit = "10", .format = Format::kNdjson}, endpoint_,
                          output_),
            kExitOk);
}

TEST_F(CommandsTest, ExitCodesSayWhoseFaultItWas) {
  const auto status = [&](int http) {
    reply(http, R"({"title":"T","detail":"because"})");
    return status_command(false, endpoint_, output_);
  };
  EXPECT_EQ(status(404), kExitNo);
  EXPECT_EQ(status(400), kExitUsage);
  EXPECT_EQ(status(503), kExitUnreachable);
  EXPECT_EQ(err_.str(), "hindcast: because\nhindcast: because\nhindcast: because\n");
  endpoint_.answer = unavailable("cannot reach http://127.0.0.1:7171/: Connection refused");
  EXPECT_EQ(status_command(false, endpoint_, output_), kExitUnreachable);
  reply(200, "half an ans");
  EXPECT_NE(status_command(false, endpoint_, output_), kExitOk);
}

TEST_F(CommandsTest, StatusShowsSourcesAndBooks) {
  reply(
      200,
      R"({"state":"running","sources":[{"name":"trades","state":"connected","watermark":"2024-03-01T10:00:00Z","frontier":null,)"
      R"("tallies":{"received":1234567,"pending":0,"aggregated":1234567,"duplicate":0,"superseded":0,"dead_lettered":0,"behind":0,"late":0},)"
      R"("balanced":true}],"log":{"live":{"bytes":1048576,"bytes_max":4294967296},"replay":{"bytes":0,"bytes_max":1}},"memory":{"rss_bytes":2048}})");
  EXPECT_EQ(status_command(false, endpoint_, output_), kExitOk);
  EXPECT_NE(out_.str().find("running   live log 1.0 MiB of 4.0 GiB"), std::string::npos);
  EXPECT_NE(out_.str().find("trades  connected  2024-03-01 10:00:00  -"), std::string::npos)
      << out_.str();
  EXPECT_NE(out_.str().find("1,234,567"), std::string::npos);
}

TEST_F(CommandsTest, StatusSaysWhyASourceIsDisconnected) {
  reply(
      200,
      R"({"state":"running","sources":[{"name":"trades","state":"disconnected","reason":"silent: no message for 30s",)"
      R"("watermark":null,"frontier":null,"tallies":{},"balanced":true}]})");
  EXPECT_EQ(status_command(false, endpoint_, output_), kExitOk);
  EXPECT_NE(out_.str().find("trades  disconnected: silent: no message for 30s  "),
            std::string::npos)
      << out_.str();
}

TEST_F(CommandsTest, StatusShowsHowFarBackHistoriesReachWhereTheyForget) {
  const auto shown = [&](const std::string& replayable) {
    out_.str("");
    reply(200, R"({"state":"running","sources":[{"name":"a","state":"idle","balanced":true},)"
               R"({"name":"b","state":"idle","balanced":true)" +
                   replayable + R"(}],"log":{}})");
    EXPECT_EQ(status_command(false, endpoint_, output_), kExitOk);
    return out_.str();
  };
  EXPECT_EQ(shown("").find("replayable"), std::string::npos);
  const std::string text = shown(R"(,"replayable_from":"2024-02-23T10:00:00.123456789Z")");
  EXPECT_NE(text.find("frontier  replayable from      received"), std::string::npos) << text;
  EXPECT_NE(text.find("a       idle   -          -         -\n"), std::string::npos) << text;
  EXPECT_NE(text.find("b       idle   -          -         2024-02-23 10:00:00\n"),
            std::string::npos)
      << text;
}

TEST_F(CommandsTest, EventsAndDeadLettersAreTables) {
  reply(
      200,
      R"({"events":[{"key":"a","id":[1,"x"],"time":"2024-03-01T10:00:00.250Z","values":{"price":"1.5"}}],"truncated":false})");
  EXPECT_EQ(events_command({.source = "trades"}, endpoint_, output_), kExitOk);
  EXPECT_EQ(out_.str(),
            "key  time                     id   price\na    2024-03-01 10:00:00.250  1/x    1.5\n");
  out_.str("");
  reply(200, R"({"dead_letters":[]})");
  EXPECT_EQ(dead_letters_command({.source = "trades"}, endpoint_, output_), kExitOk);
  EXPECT_EQ(endpoint_.asked, "GET /v1/dead-letters?source=trades");
  EXPECT_EQ(out_.str(), "no dead letters\n");
}

}  // namespace
}  // namespace hindcast
