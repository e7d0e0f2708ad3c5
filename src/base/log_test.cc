#include "base/log.h"

#include <gtest/gtest.h>

#include "base/units.h"

namespace hindcast {
namespace {

TEST(LogTest, FieldsArePrintedAsKeyValue) {
  EXPECT_EQ(format_log_line(LogLevel::kWarn, "replay paused",
                            {{"lane", "replay"}, {"backlog", 4096_KiB}, {"ok", false}, {"n", -3}}),
            R"(level=warn msg="replay paused" lane=replay backlog=4194304 ok=false n=-3)");
}

// A producer's text must not be able to forge a second line or another field.
TEST(LogTest, HostileValuesStayOnTheirLineAndInTheirField) {
  EXPECT_EQ(
      format_log_line(LogLevel::kInfo, "refused", {{"place", "a b\n\"c\"=\\\x01"}, {"empty", ""}}),
      R"(level=info msg=refused place="a b\n\"c\"=\\\x01" empty="")");
}

TEST(LogTest, LinesGoToStderrAndThoseBelowTheLevelNowhere) {
  testing::internal::CaptureStderr();
  set_log_level(LogLevel::kWarn);
  log_info("hidden");
  log_error("shown", {{"n", 1}});
  set_log_level(LogLevel::kInfo);
  const std::string out = testing::internal::GetCapturedStderr();
  EXPECT_EQ(out.find("hidden"), std::string::npos);
  EXPECT_EQ(out.rfind("time=2", 0), 0U) << out;
  EXPECT_NE(out.find("Z level=error msg=shown n=1\n"), std::string::npos) << out;
}

TEST(LogTest, LevelsAreReadByName) {
  EXPECT_EQ(parse_log_level("debug").value(), LogLevel::kDebug);
  EXPECT_EQ(parse_log_level("warn").value(), LogLevel::kWarn);
  EXPECT_FALSE(parse_log_level("loud"));
}

}  // namespace
}  // namespace hindcast
