// Options of `hindcast feed`; what it serves is tested in server/feed_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/feed.h"

namespace hindcast {
namespace {

using testing::HasSubstr;

FeedCommandOptions some() {
  return {.files = {"trades.ndjson.gz"}, .key = {"s"}, .time = "T", .time_unit = "ms"};
}

TEST(FeedCommandTest, TheFormatIsWhatTheNameSays) {
  const auto format_of = [](const std::string& file, const std::string& format) {
    FeedCommandOptions options = some();
    options.files = {file};
    options.format = format;
    return feed_mapping(options).value().format;
  };
  EXPECT_EQ(format_of("a.csv.zst", ""), FormatKind::kCsv);
  EXPECT_EQ(format_of("a.ndjson", ""), FormatKind::kJson);
  EXPECT_EQ(format_of("a.txt", "csv"), FormatKind::kCsv);
  EXPECT_EQ(format_of("a.csv", "ndjson"), FormatKind::kJson);
}

TEST(FeedCommandTest, OneOfThreePacesIsChosen) {
  FeedCommandOptions options = some();
  options.speed = 3600;
  EXPECT_EQ(feed_options(options).value().pace.kind, FeedPace::Kind::kSpeed);
  EXPECT_EQ(feed_options(options).value().pace.number, 3600);
  options.rate = "500/s";
  EXPECT_EQ(feed_options(options).value().pace.kind, FeedPace::Kind::kRate);
  EXPECT_EQ(feed_options(options).value().pace.number, 500);
  options = some();
  options.fastest = true;
  EXPECT_EQ(feed_options(options).value().pace.kind, FeedPace::Kind::kFastest);
  EXPECT_EQ(feed_options(options).value().end_heartbeats, 72h);
}

TEST(FeedCommandTest, WhatIsWrongIsNamed) {
  const auto error_of = [](auto change) {
    FeedCommandOptions options = some();
    change(options);
    std::ostringstream out, err;
    EXPECT_NE(feed_command(options, {out, err}), kExitOk);
    return err.str();
  };
  using O = FeedCommandOptions;
  EXPECT_THAT(error_of([](O& o) { o.time_unit = "min"; }), HasSubstr("--time-unit 'min'"));
  EXPECT_THAT(error_of([](O& o) { o.listen = "7171"; }), HasSubstr("--listen '7171'"));
  EXPECT_THAT(error_of([](O& o) { o.rate = "many"; }), HasSubstr("--rate 'many'"));
  EXPECT_THAT(error_of([](O& o) { o.heartbeat = "0"; }), HasSubstr("--heartbeat"));
  EXPECT_THAT(error_of([](O& o) { o.max_late = "soon"; }), HasSubstr("--max-late"));
  EXPECT_THAT(error_of([](O& o) { o.limit = 0; }), HasSubstr("--limit"));
  EXPECT_THAT(error_of([](O& o) { o.delimiter = ""; }), HasSubstr("--delimiter"));
  EXPECT_THAT(error_of([](O& o) { o.files = {"/no/such.ndjson"}; }), HasSubstr("/no/such.ndjson"));
}

}  // namespace
}  // namespace hindcast
