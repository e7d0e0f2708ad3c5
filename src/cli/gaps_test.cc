#include "cli/gaps.h"

#include <gtest/gtest.h>

#include <map>
#include <sstream>

namespace hindcast {
namespace {

/// Answers by target, and remembers what it was asked.
class CannedEndpoint final : public Endpoint {
 public:
  Result<Reply> ask(const std::string& method, const std::string& target, Bytes body) override {
    asked.push_back(method + " " + target + (body.empty() ? "" : " " + body));
    const std::string path = target.substr(0, target.find('?'));
    const auto found = answers.find(path);
    return found == answers.end() ? Reply{404, R"({"detail":"nothing here"})"} : found->second;
  }
  std::map<std::string, Reply> answers;
  std::vector<std::string> asked;
};

class GapsTest : public testing::Test {
 protected:
  void reply(const std::string& path, Bytes body, int status = 200) {
    endpoint_.answers[path] = Reply{status, std::move(body)};
  }
  std::ostringstream out_, err_;
  Output output_{out_, err_};
  CannedEndpoint endpoint_;
};

std::string gap(const std::string& id, const std::string& state, const std::string& end,
                const std::string& holes, const std::string& scope = R"("scope":"all")",
                const std::string& outcomes = "") {
  return R"({"id":)" + id + R"(,"stream":"trades","start":"2024-03-01T10:00:00Z","end":)" + end +
         "," + scope +
         R"(,"cause":"disconnect","detail":"peer closed","opened_at":"2024-03-01T10:00:05Z","state":")" +
         state + R"(","holes":[)" + holes + R"(],"outcomes":[)" + outcomes + "]}";
}
const std::string kOpen =
    gap("7", "open", "\"2024-03-01T10:05:00Z\"",
        R"({"start":"2024-03-01T10:01:00Z","end":"2024-03-01T10:03:00Z","state":"open"},)"
        R"({"start":"2024-03-01T10:02:00Z","end":"2024-03-01T10:03:30Z","state":"open"})");
const std::string kEndless =
    gap("8", "open", "null", R"({"start":"2024-03-01T10:00:00Z","end":null,"state":"open"})",
        R"("scope":"keys","keys":[["EWR","UA"],["JFK","DL"]])");
const std::string kFilled =
    gap("6", "filled", "\"2024-03-01T10:01:00Z\"", "", R"("scope":"keys","keys":["A","B","C"])");
const std::string kAccepted =
    gap("5", "accepted", "\"2024-03-01T11:00:00Z\"",
        R"({"start":"2024-03-01T10:00:00Z","end":"2024-03-01T11:00:00Z","state":"accepted"})",
        R"("scope":"partition","partition":3)", R"({"kind":"accepted","detail":"lost for good"})");

TEST_F(GapsTest, GapsAreATableNewestFirst) {
  reply("/v1/gaps", "{\"gaps\":[" + kEndless + "," + kOpen + "," + kFilled + "," + kAccepted +
                        "],\"truncated\":false}\n");
  EXPECT_EQ(gaps_command({.source = "trades", .open_only = true}, endpoint_, output_), kExitOk);
  EXPECT_EQ(endpoint_.asked.at(0), "GET /v1/gaps?source=trades&open=true");
  EXPECT_EQ(out_.str(),
            "id  stream  state     from                 to                   missing  of           "
            "   cause       detail\n"
            " 8  trades  open      2024-03-01 10:00:00  not known yet              ?  EWR/UA, "
            "JFK/DL  disconnect  peer closed\n"
            " 7  trades  open      2024-03-01 10:00:00  2024-03-01 10:05:00    2m30s  all keys     "
            "   disconnect  peer closed\n"
            " 6  trades  filled    2024-03-01 10:00:00  2024-03-01 10:01:00        -  3 keys       "
            "   disconnect  peer closed\n"
            " 5  trades  accepted  2024-03-01 10:00:00  2024-03-01 11:00:00       1h  partition 3  "
            "   disconnect  peer closed; accepted: lost for good\n");
}

/// `gap` as a daemon tells it whose history reaches back to `replayable_from`.
std::string forgetting(std::string gap, const std::string& replayable_from) {
  return gap.insert(gap.size() - 1, R"(,"lost_at":"2024-03-08T10:01:00.5Z","replayable_from":")" +
                                        replayable_from + R"(")");
}

// What of a gap is lost already: none, the first of its two and a half minutes, all of them.
TEST_F(GapsTest, AGapSaysHowLongItCanBeRefilled) {
  const auto shown = [&](const std::string& gap) {
    out_.str("");
    reply("/v1/gaps", "{\"gaps\":[" + gap + "],\"truncated\":false}\n");
    EXPECT_EQ(gaps_command({}, endpoint_, output_), kExitOk);
    return out_.str();
  };
  const auto ends = [&](const std::string& gap, const std::string& end) {
    EXPECT_TRUE(shown(gap).ends_with("  peer closed; " + end + "\n")) << out_.str();
  };
  ends(forgetting(kOpen, "2024-03-01T10:01:00Z"), "refillable until 2024-03-08 10:01:00");
  ends(forgetting(kOpen, "2024-03-01T10:02:00Z"), "its first 1m are beyond what history keeps");
  ends(forgetting(kOpen, "2024-03-01T10:03:00Z"), "its first 2m are beyond what history keeps");
  ends(forgetting(kOpen, "2024-03-01T10:03:30Z"), "beyond what history keeps");
  ends(forgetting(kEndless, "2024-03-01T10:00:30Z"), "its first 30s are beyond what history keeps");
}

TEST_F(GapsTest, NoGapsIsSaid) {
  reply("/v1/gaps", R"({"gaps":[],"truncated":false})");
  EXPECT_EQ(gaps_command({}, endpoint_, output_), kExitOk);
  EXPECT_EQ(gaps_command({.open_only = true}, endpoint_, output_), kExitOk);
  EXPECT_EQ(out_.str(), "no gaps\nno open gaps\n");
}

TEST_F(GapsTest, JsonIsPassedOnAndACutListIsNoSuccess) {
  reply("/v1/gaps", R"({"gaps":[],"truncated":true})");
  EXPECT_EQ(gaps_command({.json = true}, endpoint_, output_), kExitNo);
  EXPECT_EQ(out_.str(), R"({"gaps":[],"truncated":true})");
  EXPECT_EQ(gaps_command({.limit = "5"}, endpoint_, output_), kExitOk);
}

TEST_F(GapsTest, OpeningSendsWhatWasSaidAndShowsTheGap) {
  reply("/v1/gaps", kOpen);
  EXPECT_EQ(open_gap_command({.source = "trades",
                              .from = "2024-03-01T10:00:00Z",
                              .to = "1709287500",
                              .reason = "the \"A\" line",
                              .keys = {"EWR/UA"}},
                             false, endpoint_, output_),
            kExitOk);
  EXPECT_EQ(endpoint_.asked.at(0),
            R"(POST /v1/gaps {"source":"trades","from":"2024-03-01T10:00:00Z","to":"1709287500",)"
            R"("keys":["EWR/UA"],"detail":"the \"A\" line"})");
  EXPECT_NE(out_.str().find(" 7  trades  open "), std::string::npos) << out_.str();
  open_gap_command({.source = "trades", .from = "1", .to = "2"}, true, endpoint_, output_);
  EXPECT_EQ(endpoint_.asked.at(1), R"(POST /v1/gaps {"source":"trades","from":"1","to":"2"})");
  EXPECT_TRUE(out_.str().ends_with(kOpen));
}

TEST_F(GapsTest, AcceptingNamesTheGapAndTheReason) {
  reply("/v1/gaps/5", kAccepted);
  EXPECT_EQ(accept_gap_command({.id = "5", .reason = "lost"}, false, endpoint_, output_), kExitOk);
  EXPECT_EQ(endpoint_.asked.at(0), R"(PATCH /v1/gaps/5 {"accept":"lost"})");
  EXPECT_NE(out_.str().find(" 5  trades  accepted "), std::string::npos);
  EXPECT_EQ(accept_gap_command({.id = "9", .reason = "lost"}, false, endpoint_, output_), kExitNo);
  EXPECT_EQ(err_.str(), "hindcast: nothing here\n");
}

constexpr const char* kCoverage =
    R"({"streams":[{"stream":"trades","sources":["a","b"],"first":"2024-03-01T10:00:00Z",)"
    R"("frontier":"2024-03-01T11:00:00Z","watermark":"2024-03-01T11:00:05Z","spans":[)"
    R"({"start":"2024-03-01T10:00:00Z","end":"2024-03-01T10:30:00Z","state":"covered"},)"
    R"({"start":"2024-03-01T10:30:00Z","end":"2024-03-01T10:30:01Z","state":"gap","gaps":[7]},)"
    R"({"start":"2024-03-01T10:30:01Z","end":"2024-03-01T11:00:00Z","state":"covered"}]},)"
    R"({"stream":"quiet","sources":["quiet"],"first":null,"frontier":null,"watermark":null,"spans":[]}]})";

TEST_F(GapsTest, CoverageIsAStripPerStreamAndWhatIsNotFilled) {
  reply("/v1/coverage", kCoverage);
  reply("/v1/gaps", "{\"gaps\":[" + kOpen + "," + kFilled + "],\"truncated\":false}\n");
  EXPECT_EQ(coverage_command({.terminal = {.columns = 28}}, endpoint_, output_), kExitOk);
  EXPECT_EQ(out_.str(),
            "trades (a, b)   99.9 % of 1h covered   frontier 2024-03-01 11:00:00   watermark "
            "2024-03-01 11:00:05\n"
            "  ████████████░███████████\n"
            "  10:00       10:30\n"
            "\n"
            "quiet   nothing sealed here yet\n"
            "\n"
            "█ covered   ░ gap\n"
            "\n"
            "id  stream  state  from                 to                   missing  of        cause "
            "      detail\n"
            " 7  trades  open   2024-03-01 10:00:00  2024-03-01 10:05:00    2m30s  all keys  "
            "disconnect  peer closed\n"
            "\n"
            "and one gap was filled; see hindcast gaps\n");
}

TEST_F(GapsTest, CoverageOfARangeListsTheGapsOfThatRange) {
  reply("/v1/coverage", R"({"streams":[]})");
  reply("/v1/gaps", "{\"gaps\":[" + kOpen + "," + kAccepted + "],\"truncated\":false}\n");
  EXPECT_EQ(
      coverage_command({.source = "trades", .from = "2024-03-01T10:30:00Z"}, endpoint_, output_),
      kExitOk);
  EXPECT_EQ(endpoint_.asked.at(0), "GET /v1/coverage?source=trades&from=2024-03-01T10%3A30%3A00Z");
  EXPECT_EQ(endpoint_.asked.at(1), "GET /v1/gaps?source=trades");
  EXPECT_NE(out_.str().find(" 5  trades"), std::string::npos);
  EXPECT_EQ(out_.str().find(" 7  trades"), std::string::npos) << "it ends before";
}

TEST_F(GapsTest, NothingMissingIsSaid) {
  reply("/v1/coverage", R"({"streams":[]})");
  reply("/v1/gaps", "{\"gaps\":[" + kFilled + "," + kFilled + "],\"truncated\":false}\n");
  EXPECT_EQ(coverage_command({}, endpoint_, output_), kExitOk);
  EXPECT_EQ(out_.str(), "nothing is known to be missing; 2 gaps were filled\n");
  out_.str("");
  reply("/v1/coverage", "{\"streams\":[]}\n");
  EXPECT_EQ(coverage_command({.json = true}, endpoint_, output_), kExitOk);
  EXPECT_EQ(out_.str(), "{\"streams\":[]}\n");
}

TEST_F(GapsTest, AnUnknownSourceIsNo) {
  EXPECT_EQ(coverage_command({.source = "x"}, endpoint_, output_), kExitNo);
  EXPECT_EQ(gaps_command({.source = "x"}, endpoint_, output_), kExitNo);
  EXPECT_EQ(err_.str(), "hindcast: nothing here\nhindcast: nothing here\n");
}

}  // namespace
}  // namespace hindcast
