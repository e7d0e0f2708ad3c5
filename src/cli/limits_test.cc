#include "cli/limits.h"

#include <gtest/gtest.h>

#include <sstream>

#include "replay/limits_text.h"

namespace hindcast {
namespace {

class CannedEndpoint final : public Endpoint {
 public:
  Result<Reply> ask(const std::string& method, const std::string& target, Bytes body) override {
    asked.push_back(method + " " + target + (body.empty() ? "" : " " + body));
    return reply;
  }
  Reply reply{200, R"({"rate":"10%","bytes_rate":"","new_one":"7"})"};
  std::vector<std::string> asked;
};

class LimitsCommandTest : public testing::Test {
 protected:
  int run(const LimitsOptions& options) { return limits_command(options, endpoint_, output_); }
  std::ostringstream out_, err_;
  Output output_{out_, err_};
  CannedEndpoint endpoint_;
};

TEST_F(LimitsCommandTest, LimitsAreATableAndWhatIsNotLimitedIsADash) {
  EXPECT_EQ(run({}), kExitOk);
  EXPECT_EQ(endpoint_.asked, std::vector<std::string>{"GET /v1/limits"});
  EXPECT_EQ(out_.str(),
            "limit       value  meaning\n"
            "rate        10%    ceiling: events a second, or a share of measured capacity\n"
            "bytes_rate  -      bytes a second read from history\n"
            "new_one     7\n");
}

TEST_F(LimitsCommandTest, ChangesAreOneRequestAndMayBeTakenBack) {
  EXPECT_EQ(run({.set = {"rate=10%", "floor="}, .json = true}), kExitOk);
  EXPECT_EQ(endpoint_.asked,
            std::vector<std::string>{R"(PATCH /v1/limits {"rate":"10%","floor":""})"});
  EXPECT_EQ(out_.str(), endpoint_.reply.body);
}

TEST_F(LimitsCommandTest, WhatIsNoChangeIsUsageAndAsksNobody) {
  for (const char* change : {"rate", "=10%", ""}) {
    EXPECT_EQ(run({.set = {change}}), kExitUsage) << change;
    EXPECT_NE(err_.str().find("NAME=VALUE"), std::string::npos);
  }
  EXPECT_TRUE(endpoint_.asked.empty());
}

TEST_F(LimitsCommandTest, ARefusalIsPassedOn) {
  endpoint_.reply = {400, R"({"detail":"rate: write 25% or 5000/s"})"};
  EXPECT_EQ(run({.set = {"rate=fast"}}), kExitUsage);
  EXPECT_EQ(err_.str(), "hindcast: rate: write 25% or 5000/s\n");
  endpoint_.reply = {503, R"({"detail":"limits are those of a running daemon"})"};
  EXPECT_EQ(run({}), kExitUnreachable);
  EXPECT_TRUE(out_.str().empty());
}

TEST(LimitsTest, EveryLimitIsExplained) {
  for (const auto& [name, text] : describe(Limits{})) EXPECT_NE(meaning_of_limit(name), "") << name;
  EXPECT_EQ(meaning_of_limit("none of them"), "");
}

}  // namespace
}  // namespace hindcast
