#include "cli/replay.h"

#include <gtest/gtest.h>

#include <map>
#include <sstream>

namespace hindcast {
namespace {

/// Answers by method and path, and remembers what it was asked.
class CannedEndpoint final : public Endpoint {
 public:
  Result<Reply> ask(const std::string& method, const std::string& target, Bytes body) override {
    asked.push_back(method + " " + target + (body.empty() ? "" : " " + body));
    const auto found = answers.find(target);
    return found == answers.end() ? Reply{404, R"({"detail":"no replay 9"})"} : found->second;
  }
  std::map<std::string, Reply> answers;
  std::vector<std::string> asked;
};

std::string job(const std::string& state, const std::string& reason = "") {
  return R"({"id":4,"source":"trades","stream":"trades","state":")" + state + R"(","reason":")" +
         reason +
         R"(","cause":"reconnect","from":"2024-03-01T10:00:00Z","to":"2024-03-01T11:00:00Z",)"
         R"("order":"oldest","share_done":0.475,"events_per_second":120000.4,"waits_for":"rate",)"
         R"("elapsed_seconds":3.14,"gaps":[7],"set_aside":[{"from":"2024-03-01T10:10:00Z",)"
         R"("to":"2024-03-01T10:20:00Z","reason":"truncated: a.gz"}],"counts":{"read":1234567,)"
         R"("added":1200000,"duplicate":34567,"superseded":0,"outside":0,"dead_lettered":0,)"
         R"("subwindows":19,"pages_changed":20,"rows_changed":40,"bytes_read":1048576,)"
         R"("requests":3,"bytes_written":5000}})";
}

class ReplayCommandTest : public testing::Test {
 protected:
  ReplayCommandTest() {
    endpoint_.answers["/v1/replays/4"] = {200, job("running")};
    endpoint_.answers["/v1/replays"] = {
        200, "{\"replays\":[" + job("running") + "],\"truncated\":false}"};
  }
  int run(const ReplayOptions& options) { return replay_command(options, endpoint_, output_); }
  std::ostringstream out_, err_;
  Output output_{out_, err_};
  CannedEndpoint endpoint_;
};

TEST_F(ReplayCommandTest, ListIsATable) {
  EXPECT_EQ(run({}), kExitOk);
  EXPECT_EQ(out_.str(),
            "replay  source  from                 to                   state    done       read    "
            "  added     ev/s  waits for  why\n"
            "     4  trades  2024-03-01 10:00:00  2024-03-01 11:00:00  running  47 %  1,234,567  "
            "1,200,000  120,000  rate       reconnect\n");
}

TEST_F(ReplayCommandTest, ShowSaysWhatWasReadWrittenAndSetAside) {
  EXPECT_EQ(run({.action = "show", .id = "4"}), kExitOk);
  EXPECT_NE(out_.str().find("1,234,567 = 1,200,000 added + 34,567 duplicate"), std::string::npos)
      << out_.str();
  EXPECT_NE(out_.str().find("truncated: a.gz"), std::string::npos);
}

TEST_F(ReplayCommandTest, EachActionIsOneRequest) {
  endpoint_.answers["/v1/replays"] = {200, job("queued")};
  EXPECT_EQ(run({.action = "start",
                 .source = "trades",
                 .from = "2024-03-01T10:00:00Z",
                 .to = "2024-03-01T11:00:00Z",
                 .order = "newest",
                 .rate = "5000/s",
                 .keys = {"BTC"}}),
            kExitOk);
  EXPECT_EQ(run({.action = "pause", .id = "4"}), kExitOk);
  EXPECT_EQ(run({.action = "resume", .id = "4"}), kExitOk);
  EXPECT_EQ(run({.action = "rate", .id = "4", .value = "none"}), kExitOk);
  EXPECT_EQ(run({.action = "order", .id = "4", .value = "oldest"}), kExitOk);
  EXPECT_EQ(run({.action = "cancel", .id = "4"}), kExitOk);
  EXPECT_EQ(
      endpoint_.asked,
      (std::vector<std::string>{
          R"(POST /v1/replays {"source":"trades","from":"2024-03-01T10:00:00Z",)"
          R"("to":"2024-03-01T11:00:00Z","keys":["BTC"],"order":"newest","rate":5000})",
          R"(PATCH /v1/replays/4 {"state":"paused"})", R"(PATCH /v1/replays/4 {"state":"running"})",
          R"(PATCH /v1/replays/4 {"rate":null})", R"(PATCH /v1/replays/4 {"order":"oldest"})",
          "DELETE /v1/replays/4"}));
}

TEST_F(ReplayCommandTest, WhatIsMissingIsNamed) {
  EXPECT_EQ(run({.action = "start", .source = "trades"}), kExitUsage);
  EXPECT_EQ(run({.action = "pause"}), kExitUsage);
  EXPECT_EQ(run({.action = "rate", .id = "4", .value = "fast"}), kExitUsage);
  EXPECT_EQ(run({.action = "order", .id = "4"}), kExitUsage);
  EXPECT_TRUE(endpoint_.asked.empty());
  EXPECT_EQ(run({.action = "show", .id = "9"}), kExitNo);
  EXPECT_NE(err_.str().find("no replay 9"), std::string::npos);
}

// Scripts wait for the end and act on the exit code.
TEST_F(ReplayCommandTest, AFollowedReplayThatFailedExitsWithNo) {
  endpoint_.answers["/v1/replays/4"] = {200, job("failed", "1 window was set aside")};
  EXPECT_EQ(run({.action = "show", .id = "4", .follow = true}), kExitNo);
  endpoint_.answers["/v1/replays/4"] = {200, job("done")};
  EXPECT_EQ(run({.action = "show", .id = "4", .follow = true}), kExitOk);
}

TEST(ProgressLineTest, ShowsShareSpeedReasonAndAForecastOnlyWhileItMoves) {
  EXPECT_EQ(progress_line(0.5, 1000, "running", "rate", 10),
            "[###############...............]  50 %  1,000 ev/s  waits for rate  about 10 s left");
  EXPECT_EQ(progress_line(0.5, 0, "running", "stream", 10),
            "[###############...............]  50 %  0 ev/s  waits for stream");
  EXPECT_EQ(progress_line(0, 0, "paused", "", 0),
            "[..............................]   0 %  0 ev/s  paused");
}

}  // namespace
}  // namespace hindcast
