#include "cli/top_view.h"

#include <gtest/gtest.h>

#include <sstream>

#include "cli/top.h"

namespace hindcast {
namespace {

std::string status_json(int received, int uptime, const std::string& storm = "null") {
  return R"({"state":"running","sources":[{"name":"trades","stream":"trades","state":"connected",)"
         R"("watermark":"2024-03-01T10:59:55Z","frontier":"2024-03-01T10:59:00Z","tallies":)"
         R"({"received":)" +
         std::to_string(received) +
         R"(,"pending":5,"behind":3,"late":2}}],"governor":{"allowed":120000,"ceiling":250000,)"
         R"("floor":20000,"capacity":1000000,"events_per_second":110000,"subwindows":2,)"
         R"("reason":"live-latency","pressure":{"reason":"live-latency","value":1.31},)"
         R"("ramping":false,"starved":false,"storm":)" +
         storm +
         R"(,"live":{"apply_p99_seconds":0.026,"queue_age_seconds":0.004},)"
         R"("commit_p99_seconds":null,"links":[{"name":"history","used":4194304,"max":8388608,)"
         R"("blocked_seconds":12.4}]},"log":{"live":{"bytes":1048576,"bytes_max":1073741824}},)"
         R"("store":{"stalled":false,"slowed":false},"memory":{"rss_bytes":52428800},)"
         R"("uptime_seconds":)" +
         std::to_string(uptime) + "}";
}
std::string job_json(int id, const std::string& state, const std::string& more = "") {
  return R"({"id":)" + std::to_string(id) + R"(,"source":"trades","state":")" + state +
         R"(","reason":"","share_done":0.5,"events_per_second":110000,"ceiling":120000,)"
         R"("waits_for":"live-latency","windows_left":30,"set_aside":[])" +
         more + "}";
}
std::string replays_json(const std::string& jobs) { return "{\"replays\":[" + jobs + "]}"; }
const std::string kCoverage =
    R"({"streams":[{"stream":"trades","spans":[)"
    R"({"start":"2024-03-01T10:00:00Z","end":"2024-03-01T10:30:00Z","state":"covered"},)"
    R"({"start":"2024-03-01T10:30:00Z","end":"2024-03-01T11:00:00Z","state":"replaying"}]},)"
    R"({"stream":"late","spans":[)"
    R"({"start":"2024-03-01T10:30:00Z","end":"2024-03-01T11:00:00Z","state":"covered"}]},)"
    R"({"stream":"empty","spans":[]}]})";

TopData data_of(const std::string& status, const std::string& replays) {
  return {parse_json(status).value(), parse_json(kCoverage).value(), parse_json(replays).value()};
}
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(TopViewTest, SaysHowFastAndWhyNoFaster) {
  TopView view;
  const std::string frame = view.frame(
      data_of(status_json(1000, 60), replays_json(job_json(4, "running", R"(,"eta_seconds":90)"))),
      "http://host", {.columns = 200, .rows = 50});
  EXPECT_TRUE(has(frame, "110k/s · allowed 120k/s of 250k/s: live-latency 1.3 of target")) << frame;
  EXPECT_TRUE(has(frame, "live    apply p99 26.0 ms · queue age 4.00 ms\n"));
  EXPECT_TRUE(has(frame, "commit p99 -\n"));
  EXPECT_TRUE(has(frame, "history  [#####.....]  4.0 MiB  8.0 MiB      12s\n"));
  EXPECT_TRUE(has(frame, "[##########..........]  50 %  110k/s  120k/s  live-latency  1m30s"));
  EXPECT_FALSE(has(frame, "STORM"));
  EXPECT_FALSE(has(frame, "\x1b"));
}

TEST(TopViewTest, NoForecastIsMadeUp) {
  TopView view;
  const std::string frame =
      view.frame(data_of(status_json(1000, 60), replays_json(job_json(4, "running"))), "x", {});
  EXPECT_TRUE(has(frame, "live-latency    —    30")) << frame;
}

TEST(TopViewTest, RatesAreOfTheTimeSinceTheFrameBefore) {
  TopView view;
  const auto frame = [&](int received, int uptime) {
    return view.frame(data_of(status_json(received, uptime), replays_json("")), "x",
                      {.columns = 200});
  };
  EXPECT_TRUE(has(frame(1000, 60), "1,000           -        5       3     2\n"));
  EXPECT_TRUE(has(frame(3000, 62), "3,000          1k        5       3     2\n"));
  EXPECT_TRUE(has(frame(10, 1), "10           -        5       3     2\n")) << "it began anew";
  EXPECT_TRUE(has(frame(15, 2), "15           5        5       3     2\n"));
}

TEST(TopViewTest, AStormIsCalledByNameInRed) {
  TopView view;
  const std::string storm = R"({"missing_events_per_second":9000,"missing_speed":1.5})";
  std::string frame = view.frame(data_of(status_json(1, 1, storm), replays_json("")), "x",
                                 {.columns = 200, .colour = true});
  EXPECT_TRUE(has(frame, "\x1b[1;31mREPLAY STORM: ")) << frame;
  EXPECT_TRUE(has(frame, "missing 9k/s (1.5 s of events a second)\x1b[0m\n"));
  const std::string unknown = R"({"missing_events_per_second":0,"missing_speed":1.5})";
  frame = view.frame(data_of(status_json(1, 1, unknown), replays_json("")), "x", {.columns = 200});
  EXPECT_TRUE(has(frame, "missing capacity (1.5 s of events a second)\n"));
}

TEST(TopViewTest, StreamsShareOneAxis) {
  TopView view;
  const std::string frame =
      view.frame(data_of(status_json(1, 1), replays_json("")), "x", {.columns = 38});
  EXPECT_TRUE(has(frame,
                  "trades  ██████████▒▒▒▒▒▒▒▒▒▒   50.0 %\n"
                  "late              ██████████    100 %\n"))
      << frame;
}

TEST(TopViewTest, EveryLineFits) {
  TopView view;
  const std::string frame =
      view.frame(data_of(status_json(1, 1), replays_json(job_json(1, "running"))), "x",
                 {.columns = 40, .rows = 10, .live = true});
  std::istringstream in(frame);
  for (std::string line; std::getline(in, line);) {
    size_t width = 0;
    for (const char c : line) width += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
    EXPECT_LE(width, 40u) << line;
  }
}

TEST(TopViewTest, WhatGoesOnComesBeforeWhatIsOverAndTheRestIsCounted) {
  TopView view;
  std::string jobs;
  for (int id = 1; id <= 8; ++id) jobs += job_json(id, "done") + ",";
  const std::string frame =
      view.frame(data_of(status_json(1, 1), replays_json(jobs + job_json(9, "paused"))), "x",
                 {.columns = 200, .rows = 60, .live = true});
  EXPECT_LT(frame.find("     9  trades  paused"), frame.find("     8  trades  done")) << frame;
  EXPECT_LT(frame.find("     8  trades  done"), frame.find("     4  trades  done"));
  EXPECT_FALSE(has(frame, "     3  trades  done"));
  EXPECT_TRUE(has(frame, "and 3 more; see hindcast replay list\n"));
  const std::string small =
      view.frame(data_of(status_json(1, 1), replays_json(jobs + job_json(9, "paused"))), "x",
                 {.columns = 200, .rows = 3, .live = true});
  EXPECT_TRUE(has(small, "     9  trades  paused"));
  EXPECT_TRUE(has(small, "     7  trades  done"));
  EXPECT_FALSE(has(small, "     6  trades  done"));
  EXPECT_TRUE(has(small, "and 6 more"));
  EXPECT_LT(small.find("replay  source"), small.find("chain")) << "what is cut off first";
}

TEST(TopViewTest, AStoppedDirectoryHasNoGovernor) {
  TopView view;
  const std::string frame = view.frame(
      {parse_json(R"({"state":"stopped","sources":[],"governor":null,"memory":{"rss_bytes":1}})")
           .value(),
       parse_json(R"({"streams":[]})").value(), parse_json(R"({"replays":[]})").value()},
      "data", {});
  EXPECT_TRUE(has(frame, "hindcast data   stopped")) << frame;
  EXPECT_FALSE(has(frame, "allowed"));
  EXPECT_TRUE(has(frame, "no replays\n"));
}

/// Answers by path.
class CannedEndpoint final : public Endpoint {
 public:
  Result<Reply> ask(const std::string&, const std::string& target, Bytes) override {
    if (target == "/v1/status") return Reply{200, status_json(1, 1)};
    if (target == "/v1/replays") return Reply{200, replays_json(job_json(4, "running"))};
    return coverage;
  }
  Reply coverage{200, kCoverage};
};

TEST(TopCommandTest, OnceIsOneFrame) {
  CannedEndpoint endpoint;
  std::ostringstream out, err;
  EXPECT_EQ(top_command({.once = true, .where = "here", .terminal = {.columns = 120}}, endpoint,
                        {out, err}),
            kExitOk);
  EXPECT_TRUE(out.str().starts_with("hindcast here   running   up 1.0s")) << out.str();
  EXPECT_TRUE(has(out.str(), "     4  trades  running"));
}

TEST(TopCommandTest, AFirstLookThatIsRefusedIsTheExitCode) {
  CannedEndpoint endpoint;
  endpoint.coverage = {503, R"({"detail":"recovering"})"};
  std::ostringstream out, err;
  EXPECT_EQ(top_command({.once = true}, endpoint, {out, err}), kExitUnreachable);
  EXPECT_EQ(err.str(), "hindcast: recovering\n");
  EXPECT_TRUE(out.str().empty());
}

}  // namespace
}  // namespace hindcast
