#include "cli/replay.h"

#include <gtest/gtest.h>

#include <algorithm>
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
         R"("ceiling":250000,"elapsed_seconds":3.14,"windows_done":28,"windows_left":31,)"
         R"("reasons":{"rate":3.0,"compute":0.14},"reasons_lately":{"rate":1.0,"store":3.0},)"
         R"("route":{"name":"direct","couples":"nothing else"},"live_p99":{"before":0.0012,"during":0.0261,"after":null},"gaps":[7],"set_aside":[{"from":"2024-03-01T10:10:00Z",)"
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
            "  added   speed     max  reason  eta  why\n"
            "     4  trades  2024-03-01 10:00:00  2024-03-01 11:00:00  running  47 %  1,234,567  "
            "1,200,000  120k/s  250k/s  rate      —  reconnect\n");
}

TEST_F(ReplayCommandTest, ShowSaysWhatWasReadWrittenAndSetAside) {
  EXPECT_EQ(run({.action = "show", .id = "4"}), kExitOk);
  EXPECT_NE(out_.str().find("1,234,567 = 1,200,000 added + 34,567 duplicate"), std::string::npos)
      << out_.str();
  for (const char* part : {"truncated: a.gz", "done        47 % in 3.1s, 19 subwindows",
                           "windows     28 done, 31 left, 1 set aside",
                           "speed       120k/s, max 250k/s, waits for rate", "eta         —\n",
                           "lately      store 75% · rate 25%", "reasons     rate 96% · compute 4%",
                           "route       direct: nothing else",
                           "live p99    1.20 ms before · 26.1 ms at worst meanwhile · - after"}) {
    EXPECT_NE(out_.str().find(part), std::string::npos) << part << "\n" << out_.str();
  }
}

TEST_F(ReplayCommandTest, AForecastIsShownWithWhatItMayBe) {
  std::string text = job("running");
  text.insert(1, R"("eta_seconds":90,"eta_earliest_seconds":60,"eta_latest_seconds":150,)");
  endpoint_.answers["/v1/replays/4"] = {200, text};
  EXPECT_EQ(run({.action = "show", .id = "4"}), kExitOk);
  EXPECT_NE(out_.str().find("eta         1m30s (1m to 2m30s)\n"), std::string::npos) << out_.str();
}

TEST_F(ReplayCommandTest, WhatHistoryForgetsIsSaidWhereverTheReplayIs) {
  std::string text = job("running");
  text.insert(1, R"("in_time":false,"warnings":["history keeps 1w: A","raise the rate"],)");
  endpoint_.answers["/v1/replays/4"] = endpoint_.answers["/v1/replays/4/report"] = {200, text};
  for (const char* action : {"show", "report"}) {
    out_.str("");
    EXPECT_EQ(run({.action = action, .id = "4"}), kExitOk);
    EXPECT_NE(out_.str().find("  warning     history keeps 1w: A\n  warning     raise the rate\n"),
              std::string::npos)
        << out_.str();
  }
  out_.str("");
  endpoint_.answers["/v1/replays"] = {200, "{\"replays\":[" + text + "],\"truncated\":false}"};
  EXPECT_EQ(run({}), kExitOk);
  EXPECT_TRUE(out_.str().ends_with("  reconnect, not in time\n")) << out_.str();
}

// Whoever follows a replay sees a bar; what is lost is said before it.
TEST_F(ReplayCommandTest, AFollowedReplayBeginsWithWhatIsLost) {
  std::string begun = job("running");
  endpoint_.answers["/v1/replays"] = {
      200, begun.insert(1, R"("in_time":false,"warnings":["A is lost"],)")};
  endpoint_.answers["/v1/replays/4"] = {200, job("done")};
  EXPECT_EQ(run({.action = "start",
                 .source = "trades",
                 .from = "1",
                 .to = "2",
                 .follow = true,
                 .pause = [] {}}),
            kExitOk);
  EXPECT_TRUE(err_.str().starts_with("hindcast: A is lost\n")) << err_.str();
}

TEST_F(ReplayCommandTest, AReportSaysWhatEverySecondWentTo) {
  endpoint_.answers["/v1/replays/4/report"] = {
      200,
      R"({"id":4,"source":"trades","state":"done","reason":"","cause":"operator","share_done":1,)"
      R"("duration_seconds":3.1,"events_per_second":120000.4,"windows_done":60,"windows_left":0,)"
      R"("reasons":{"rate":{"seconds":2.5,"percent":80.6},"store":{"seconds":0,"percent":0.0},)"
      R"("compute":{"seconds":0.6,"percent":19.4}},"set_aside":[],"live_p99":{"after":null},)"
      R"("counts":{"read":10,"added":6,"duplicate":4,"subwindows":1,"bytes_written":2048}})"};
  // A report is of what is, whether or not it goes on.
  EXPECT_EQ(run({.action = "report", .id = "4", .follow = true}), kExitOk);
  EXPECT_EQ(endpoint_.asked, std::vector<std::string>{"GET /v1/replays/4/report"});
  const std::string text = out_.str();
  EXPECT_NE(text.find("replay 4 of trades: done\n"), std::string::npos) << text;
  EXPECT_NE(text.find("done        100 % in 3.1s, 1 subwindow\n"), std::string::npos);
  EXPECT_NE(text.find("on average  120,000 events/s\n"), std::string::npos);
  EXPECT_NE(text.find("6 added + 4 duplicate"), std::string::npos);
  EXPECT_NE(text.find("live p99    too few live events to judge from\n"), std::string::npos);
  EXPECT_NE(text.find("    rate              2.5s   80.6 %  [################....]\n"
                      "    compute           0.6s   19.4 %  [###.................]\n"
                      "    in all            3.1s  100.0 %  [####################]\n"),
            std::string::npos)
      << text;
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

/// The answers one after another, then the last one for ever.
class MovingEndpoint final : public Endpoint {
 public:
  Result<Reply> ask(const std::string&, const std::string&, Bytes) override {
    const size_t at = std::min(next++, replies.size() - 1);
    return Reply{200, replies[at]};
  }
  std::vector<std::string> replies;
  size_t next = 0;
};

std::string at_share(const std::string& state, const std::string& share) {
  std::string text = job(state);
  const std::string was = "\"share_done\":0.475";
  return text.replace(text.find(was), was.size(), "\"share_done\":" + share);
}

TEST(FollowTest, OnATerminalABarStaysInItsPlace) {
  MovingEndpoint endpoint;
  endpoint.replies = {at_share("running", "0.5"), at_share("done", "1")};
  std::ostringstream out, err;
  int pauses = 0;
  EXPECT_EQ(replay_command({.action = "show",
                            .id = "4",
                            .follow = true,
                            .terminal = {.columns = 60, .live = true},
                            .pause = [&] { ++pauses; }},
                           endpoint, {out, err}),
            kExitOk);
  EXPECT_EQ(err.str(),
            "\r[##########..........]  50 %  120k/s, max 250k/s  rate  eta\x1b[K\r\x1b[K");
  EXPECT_EQ(pauses, 1);
  EXPECT_TRUE(out.str().starts_with("replay 4 of trades: done\n")) << out.str();
}

TEST(FollowTest, ElsewhereThereIsALineWhereSomethingHasHappened) {
  MovingEndpoint endpoint;
  endpoint.replies = {at_share("queued", "0"),     at_share("running", "0"),
                      at_share("running", "0.01"), at_share("running", "0.06"),
                      at_share("running", "0.07"), at_share("paused", "0.07"),
                      at_share("failed", "0.07")};
  std::ostringstream out, err;
  EXPECT_EQ(
      replay_command({.action = "show", .id = "4", .follow = true, .json = true, .pause = [] {}},
                     endpoint, {out, err}),
      kExitNo);
  EXPECT_EQ(
      err.str(),
      "replay 4:   0 %  120k/s, max 250k/s  queued  eta —  windows: 28 done, 31 left, 1 set aside\n"
      "replay 4:   0 %  120k/s, max 250k/s  rate  eta —  windows: 28 done, 31 left, 1 set aside\n"
      "replay 4:   6 %  120k/s, max 250k/s  rate  eta —  windows: 28 done, 31 left, 1 set aside\n"
      "replay 4:   7 %  120k/s, max 250k/s  paused  eta —  windows: 28 done, 31 left, 1 set "
      "aside\n");
  EXPECT_EQ(out.str(), endpoint.replies.back() + "\n");
}

TEST(FollowTest, AJobThatDoesNotMoveIsStillTalkedOf) {
  MovingEndpoint endpoint;
  endpoint.replies.assign(400, at_share("running", "0.5"));
  endpoint.replies.push_back(at_share("done", "1"));
  std::ostringstream out, err;
  EXPECT_EQ(replay_command({.action = "show", .id = "4", .follow = true, .pause = [] {}}, endpoint,
                           {out, err}),
            kExitOk);
  EXPECT_EQ(std::ranges::count(err.str(), '\n'), 3);
}

}  // namespace
}  // namespace hindcast
