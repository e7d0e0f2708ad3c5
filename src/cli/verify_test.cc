#include "cli/verify.h"

#include <gmock/gmock.h>

#include <sstream>

namespace hindcast {
namespace {

using testing::HasSubstr;
using testing::Not;

class CannedEndpoint final : public Endpoint {
 public:
  Result<Reply> ask(const std::string& method, const std::string& target, Bytes) override {
    asked = method + " " + target;
    return answer;
  }
  std::string asked;
  Result<Reply> answer = Reply{200, "{}"};
};

class VerifyCommandTest : public testing::Test {
 protected:
  int verify(const VerifyOptions& options, Bytes body) {
    endpoint_.answer = Reply{200, std::move(body)};
    out_.str("");
    return verify_command(options, endpoint_, output_);
  }
  std::ostringstream out_, err_;
  Output output_{out_, err_};
  CannedEndpoint endpoint_;
};

TEST_F(VerifyCommandTest, AllEqualIsYes) {
  EXPECT_EQ(verify({.from = "2024-03-01T00:00:00Z"},
                   R"({"ok":true,"pages":3,"events":1200,"rows":40,"differences_total":0})"),
            kExitOk);
  EXPECT_EQ(endpoint_.asked, "POST /v1/verify?from=2024-03-01T00%3A00%3A00Z");
  EXPECT_EQ(out_.str(), "3 pages, 1,200 events, 40 rows: all equal\n");
}

TEST_F(VerifyCommandTest, EverythingThatIsAskedForIsPassedOn) {
  verify({.from = "1", .to = "2", .against = "history", .source = "a b", .repair = true}, "{}");
  EXPECT_EQ(endpoint_.asked,
            "POST /v1/verify?from=1&to=2&against=history&source=a%20b&repair=true");
}

TEST_F(VerifyCommandTest, WhatDiffersIsATableAndNo) {
  EXPECT_EQ(
      verify(
          {},
          R"({"ok":false,"pages":3,"events":1200,"rows":40,"differences_total":3,"by_kind":{"damage":1,"row":2},"differences":[)"
          R"({"kind":"row","aggregate":"candles","key":"BTC","what":"value","start":"2024-03-01T10:00:00Z","end":"2024-03-01T10:01:00Z"},)"
          R"({"kind":"damage","aggregate":"","key":"","what":"parts-000001","start":"2024-03-01T10:00:00Z","end":"2024-03-01T10:01:00Z"}],)"
          R"("unread":[],"refill":[]})"),
      kExitNo);
  EXPECT_THAT(out_.str(), HasSubstr("3 differences (1 damage, 2 row)\n"));
  EXPECT_THAT(out_.str(), HasSubstr("row     candles    BTC  2024-03-01 10:00:00  "));
  EXPECT_THAT(out_.str(), HasSubstr("damage  -          -    2024-03-01 10:00:00  "));
  EXPECT_THAT(out_.str(), HasSubstr("and 1 more\n"));
}

// Nothing differs, but not all of it was compared: that is not yes.
TEST_F(VerifyCommandTest, WhatWasNotComparedIsNo) {
  EXPECT_EQ(
      verify(
          {.against = "history"},
          R"({"ok":false,"pages":3,"events":12,"rows":0,"differences_total":0,"by_kind":{},"differences":[],"unread":[)"
          R"({"source":"trades","start":"2024-03-01T10:00:00Z","end":"2024-03-01T11:00:00Z","reason":"http-404: no file"}],)"
          R"("history":{"events":12},"refill":[]})"),
      kExitNo);
  EXPECT_THAT(out_.str(), HasSubstr("3 pages, 12 events: 0 differences\n"));
  EXPECT_THAT(out_.str(), HasSubstr("trades  2024-03-01 10:00:00  2024-03-01 11:00:00  http-404"));
}

TEST_F(VerifyCommandTest, WhatIsToBeRefilledIsSaidWithWhoDoesIt) {
  const auto with_refill = [&](const std::string& refill, const std::string& rest = "") {
    verify(
        {},
        R"({"ok":false,"pages":1,"events":1,"rows":1,"differences_total":1,"differences":[],"unread":[],"refill":[{"stream":"trades",)"
        R"("windows":[{"start":"2024-03-01T10:00:00Z","end":"2024-03-01T10:01:00Z"}],)" +
            refill + "}]" + rest + "}");
    return out_.str();
  };
  const std::string repair =
      R"(,"repair":{"pages_remade":2,"parents_marked":1,"pages_contended":1})";
  EXPECT_THAT(with_refill(R"("source":"files","replay":7)", repair),
              HasSubstr("1 window of stream 'trades', 2024-03-01 10:00:00 to 2024-03-01 10:01:00: "
                        "replay 7 brings them in from 'files'"));
  EXPECT_THAT(out_.str(), HasSubstr("repaired: 2 pages made anew, 1 rollups to be folded again"));
  EXPECT_THAT(out_.str(), HasSubstr("1 pages were changed by others meanwhile; verify again"));
  EXPECT_THAT(with_refill(R"("source":"files","replay":null,"why_no_replay":"busy")", repair),
              HasSubstr("no replay was started: busy"));
  EXPECT_THAT(with_refill(R"("source":"","replay":null)", repair), HasSubstr("have none"));
  EXPECT_THAT(with_refill(R"("source":"files","replay":null)"),
              HasSubstr("from the history of 'files' (--repair)"));
  EXPECT_THAT(with_refill(R"("source":"files","replay":null)", repair), Not(HasSubstr("--repair")));
}

TEST_F(VerifyCommandTest, JsonIsPassedOnAsItIs) {
  const Bytes body = R"({"ok":false,"differences_total":1})";
  EXPECT_EQ(verify({.json = true}, body), kExitNo);
  EXPECT_EQ(out_.str(), body);
}

TEST_F(VerifyCommandTest, ARefusalIsTold) {
  endpoint_.answer = Reply{503, R"({"detail":"repairing needs a running daemon"})"};
  EXPECT_EQ(verify_command({.repair = true}, endpoint_, output_), kExitUnreachable);
  EXPECT_THAT(err_.str(), HasSubstr("repairing needs a running daemon"));
}

}  // namespace
}  // namespace hindcast
