#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/config.h"

namespace hindcast {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kSource = R"toml([[source]]
name = "trades"
kind = "http"
match = { e = "trade" }
each = "data"
watermark = { delay = "5s" }
[source.event]
key = "s"
id = { field = "t", type = "int" }
time = "T"
time_unit = "ms"
[source.values]
price = { field = "p", type = "decimal(18,8)" }
qty = { field = "q", type = "decimal(18,8)", optional = true }
)toml";

constexpr std::string_view kHttp = R"toml([source.history]
kind = "http"
url = "https://example.com/trades?symbol={key}&from={from_ms}&to={to_ms}"
keys = ["BTC", "ETH"]
)toml";

constexpr std::string_view kFiles = R"toml([source.history]
kind = "files"
path = "archive/{day}/{symbol}.ndjson.gz"
)toml";

ConfigOutcome parse(std::string_view history, std::string_view more = "") {
  return parse_config(std::string(kSource) + std::string(history) + std::string(more), "h.toml",
                      "/etc/hindcast");
}
HistoryConfig history_of(std::string_view history, std::string_view more = "") {
  const auto outcome = parse(history, more);
  EXPECT_TRUE(outcome.config) << to_string(outcome.problems, "h.toml");
  if (!outcome.config) return {};
  return outcome.config->sources[0].history.value();
}
std::string problems_of(std::string_view history, std::string_view more = "") {
  return to_string(parse(history, more).problems, "h.toml");
}
std::string replaced(std::string_view in, std::string_view from, std::string_view to) {
  std::string text(in);
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(ConfigHistoryTest, ASourceWithoutOneHasNone) {
  EXPECT_FALSE(parse("").config->sources[0].history);
}

TEST(ConfigHistoryTest, WhatTheHistoryDoesNotSayIsTheSources) {
  const HistoryConfig history = history_of(kHttp);
  EXPECT_EQ(history.kind, HistoryConfig::Kind::kHttp);
  EXPECT_THAT(history.keys, ElementsAre("BTC", "ETH"));
  EXPECT_EQ(history.event, parse(kHttp).config->sources[0].event);
  EXPECT_EQ(history.disorder, 5s);
  EXPECT_EQ(history.settle, 10s);
  EXPECT_EQ(history.limit, 1000U);
  EXPECT_EQ(history.requests_per_second, 10U);
  EXPECT_EQ(history.paging, HistoryConfig::Paging::kNone);
}

// A message of the live connection and an answer of an API look alike by chance only; files are
// mostly a record of the messages.
TEST(ConfigHistoryTest, AnAnswerIsADocumentAndAFileAreMessages) {
  const HistoryConfig http = history_of(kHttp);
  EXPECT_EQ(http.format.kind, FormatKind::kJson);
  EXPECT_EQ(http.format.each, "");
  EXPECT_TRUE(http.format.match.empty());
  const HistoryConfig files = history_of(kFiles);
  EXPECT_EQ(files.format.kind, FormatKind::kNdjson);
  EXPECT_EQ(files.format.each, "data");
  EXPECT_EQ(files.format.match.at("e"), "trade");
  const HistoryConfig csv = history_of(kFiles, "format = \"csv\"\ndelimiter = \";\"\n");
  EXPECT_EQ(csv.format.kind, FormatKind::kCsv);
  EXPECT_EQ(csv.format.delimiter, ';');
  EXPECT_EQ(csv.format.each, "");
  EXPECT_TRUE(csv.format.match.empty());
}

TEST(ConfigHistoryTest, FieldsAreReplacedOneByOneAndKeepTheirTypes) {
  const HistoryConfig history = history_of(kHttp, R"toml([source.history.event]
key = { value = "{key}" }
id = "trade_id"
[source.history.values]
price = { field = "px" }
)toml");
  EXPECT_EQ(history.event.key[0].kind, FieldRef::Kind::kPathPart);
  EXPECT_EQ(history.event.key[0].text, "{key}");
  EXPECT_EQ(history.event.id[0], (FieldRef{FieldRef::Kind::kField, "trade_id", PartType::kInt}));
  EXPECT_EQ(history.event.time.field.text, "T");
  EXPECT_EQ(history.event.time.unit, TimeUnit::kMilliseconds);
  EXPECT_EQ(history.event.values[0].text, "px");
  EXPECT_EQ(history.event.values[1].text, "q");
}

TEST(ConfigHistoryTest, AUnitBelongsToTheTimeBesideIt) {
  const auto time = [](std::string_view event) {
    return history_of(kHttp, "[source.history.event]\n" + std::string(event)).event.time;
  };
  EXPECT_EQ(time("time = \"at\"").unit, TimeUnit::kMilliseconds);
  EXPECT_EQ(time("time_unit = \"s\"").unit, TimeUnit::kSeconds);
  EXPECT_EQ(time("time_unit = \"s\"").field.text, "T");
  const TimeMapping table =
      time("time = { field = \"at\", unit = \"us\", zone = \"Europe/Berlin\" }");
  EXPECT_EQ(table.unit, TimeUnit::kMicroseconds);
  EXPECT_EQ(table.zone, "Europe/Berlin");
  // A table of the source gives its unit to a name, and takes another one.
  const std::string source = replaced(kSource, "time = \"T\"\ntime_unit = \"ms\"",
                                      "time = { field = \"T\", unit = \"us\" }");
  const auto of_table = [&](std::string_view event) {
    const auto outcome =
        parse_config(source + std::string(kHttp) + "[source.history.event]\n" + std::string(event),
                     "h.toml", "");
    EXPECT_TRUE(outcome.config) << to_string(outcome.problems, "h.toml");
    return outcome.config->sources[0].history->event.time;
  };
  EXPECT_EQ(of_table("time = \"at\"").unit, TimeUnit::kMicroseconds);
  EXPECT_EQ(of_table("time = { field = \"at\" }").unit, TimeUnit::kMicroseconds);
  EXPECT_EQ(of_table("time_unit = \"s\"").unit, TimeUnit::kSeconds);
}

TEST(ConfigHistoryTest, FilesHaveDaysOfAZoneAndTakeTheirTime) {
  const HistoryConfig plain = history_of(kFiles);
  EXPECT_EQ(plain.path, "/etc/hindcast/archive/{day}/{symbol}.ndjson.gz");
  EXPECT_EQ(plain.day_zone, "UTC");
  EXPECT_EQ(plain.settle, 24h);
  const HistoryConfig zoned = history_of(kFiles, R"toml([source.history.event]
time = { field = "T", unit = "ms", zone = "America/New_York" }
key = "{symbol}"
)toml");
  EXPECT_EQ(zoned.day_zone, "America/New_York");
  EXPECT_EQ(zoned.event.key[0].kind, FieldRef::Kind::kPathPart);
  EXPECT_EQ(history_of(kFiles, "day_zone = \"Asia/Tokyo\"\nsettle = \"1h\"\n").day_zone,
            "Asia/Tokyo");
  EXPECT_EQ(history_of(replaced(kFiles, "{day}/", "{day}/{hour}-")).settle, 1h);
  EXPECT_EQ(history_of(replaced(kFiles, "{day}/", "")).settle, 10s);
}

TEST(ConfigHistoryTest, AHistoryForgetsNothingUnlessItsOperatorSaysSo) {
  EXPECT_FALSE(history_of(kHttp).keep);
  EXPECT_EQ(history_of(kHttp, "keep = \"7d\"\n").keep, Duration(7 * 24h));
  EXPECT_EQ(history_of(kFiles, "keep = \"90d\"\n").keep, Duration(90 * 24h));
}

// What is younger than `settle` is not read yet, what is older than `keep` not any more: nothing
// would ever be read.
TEST(ConfigHistoryTest, AHistoryKeepsLongerThanItTakesToSettle) {
  EXPECT_THAT(
      problems_of(kHttp, "settle = \"1h\"\nkeep = \"1h\"\n"),
      HasSubstr("'keep' in [source.history] = \"1h\" must be longer than `settle`, which is "
                "\"1h\""));
  EXPECT_THAT(problems_of(kFiles, "keep = \"24h\"\n"), HasSubstr("which is \"1d\""));
  EXPECT_EQ(problems_of(kFiles, "keep = \"25h\"\n"), "");
  EXPECT_THAT(problems_of(kHttp, "keep = \"0\"\n"), HasSubstr("'keep' in [source.history]"));
}

TEST(ConfigHistoryTest, EveryHttpKeyIsRead) {
  const HistoryConfig history = history_of(R"toml([source.history]
kind = "http"
url = "http://example.com/trades?cursor={cursor}&limit={limit}"
headers = { Accept = "application/json" }
paging = "cursor"
cursor = "meta.next"
limit = 500
requests = "3/s"
weight = 4
retries = 2
timeout = "7s"
settle = "1m"
disorder = "2s"
each = "data"
)toml");
  EXPECT_EQ(history.paging, HistoryConfig::Paging::kCursor);
  EXPECT_EQ(history.cursor, "meta.next");
  EXPECT_EQ(history.headers.at("Accept"), "application/json");
  EXPECT_EQ(history.limit, 500U);
  EXPECT_EQ(history.requests_per_second, 3U);
  EXPECT_EQ(history.weight, 4U);
  EXPECT_EQ(history.retries, 2U);
  EXPECT_EQ(history.timeout, 7s);
  EXPECT_EQ(history.settle, 1min);
  EXPECT_EQ(history.disorder, 2s);
  EXPECT_EQ(history.format.each, "data");
}

TEST(ConfigHistoryTest, HeadersMayNameSecrets) {
  ASSERT_EQ(::setenv("HC_HISTORY_TEST_TOKEN", "Bearer abc\n", 1), 0);
  EXPECT_EQ(history_of(kHttp, "headers = { Authorization = \"env:HC_HISTORY_TEST_TOKEN\" }\n")
                .headers.at("Authorization"),
            "Bearer abc");
  EXPECT_THAT(problems_of(kHttp, "headers = { Authorization = \"env:HC_NOT_SET\" }\n"),
              HasSubstr("header 'Authorization' in [source.history] names the environment variable "
                        "HC_NOT_SET, which is not set"));
  EXPECT_THAT(problems_of(kHttp, "headers = { \"a b\" = \"x\" }\n"),
              HasSubstr("no name of a header"));
  EXPECT_THAT(problems_of(kHttp, "headers = { a = \"x\\ny\" }\n"), HasSubstr("line break"));
  EXPECT_THAT(problems_of(kHttp, "headers = { a = 1 }\n"), HasSubstr("must be a text"));
  EXPECT_THAT(problems_of(kHttp, "headers = 1\n"), HasSubstr("must be a table"));
}

constexpr std::string_view kLog = "[source.history]\nkind = \"log\"\n";
constexpr std::string_view kKept = "[log]\nretention = { age = \"6h\" }\n";

TEST(ConfigHistoryTest, TheLogIsAHistoryThatNeedsNothingElse) {
  const HistoryConfig history = history_of(kLog, kKept);
  EXPECT_EQ(history.kind, HistoryConfig::Kind::kLog);
  EXPECT_EQ(history.settle, Duration(0));
}

TEST(ConfigHistoryTest, TheLogIsAHistoryOnlyIfItIsKeptAndReadInTheDaemon) {
  EXPECT_THAT(problems_of(kLog),
              AllOf(HasSubstr("h.toml:1: 'kind' in [source.history] of 'trades' = \"log\" needs"),
                    HasSubstr("age = \"6h\"")));
  EXPECT_THAT(problems_of(kLog, std::string(kKept) + "[replay]\nisolation = \"process\"\n"),
              HasSubstr("isolation = \"process\" exclude each other"));
  EXPECT_THAT(problems_of(std::string(kLog) + "settle = \"1s\"\n", kKept),
              HasSubstr("'settle' in [source.history] has no place"));
  EXPECT_THAT(problems_of(std::string(kLog) + "path = \"a\"\n", kKept),
              HasSubstr("'path' in [source.history] belongs to kind = \"files\""));
}

struct BadHistory {
  std::string_view history;
  const char* from;
  const char* to;
  const char* problem;
};
class BadHistoryTest : public testing::TestWithParam<BadHistory> {};

TEST_P(BadHistoryTest, IsRefusedWithLineAndHint) {
  const auto& [history, from, to, problem] = GetParam();
  EXPECT_THAT(problems_of(replaced(history, from, to)), HasSubstr(problem));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadHistoryTest,
    testing::Values(
        BadHistory{kHttp, "kind = \"http\"\n", "", "h.toml:15: [source.history] has no 'kind'"},
        BadHistory{kHttp, "\"http\"", "\"s3\"",
                   "'kind' in [source.history] = \"s3\" is not supported"},
        BadHistory{kHttp, "keys =", "kyes =", "unknown key 'kyes' in [source.history]"},
        BadHistory{kHttp, "kind = \"http\"\n", "kind = \"http\"\ndsn = \"x\"\n",
                   "h.toml:17: 'dsn' in [source.history] is not supported in this version"},
        BadHistory{kHttp, "{to_ms}", "{to_msec}",
                   "has {to_msec}, which is not known (did you mean 'to_ms'?)"},
        BadHistory{kHttp, "keys = [\"BTC\", \"ETH\"]", "",
                   "h.toml:15: [source.history] has no 'keys'"},
        BadHistory{kHttp, "symbol={key}&", "",
                   "h.toml:18: 'keys' in [source.history] needs {key} in `url`"},
        BadHistory{kHttp, "\"ETH\"]", "\"BTC\"]", "has 'BTC' twice"},
        BadHistory{kHttp, "\"ETH\"]", "true]", "holds what is no key"},
        BadHistory{kHttp, "keys = [\"BTC\", \"ETH\"]", "keys = \"BTC\"",
                   "must be an array of keys"},
        BadHistory{kHttp, "https:", "ftp:", "h.toml:17: 'url' in [source.history] is no URL"},
        BadHistory{kHttp,
                   "url =", "path =", "'path' in [source.history] belongs to kind = \"files\""},
        BadHistory{kHttp, "url =", "path =", "[source.history] has no 'url'"},
        BadHistory{kHttp, "keys", "paging = \"id\"\nkeys", "\"id\" needs {next_id} in `url`"},
        BadHistory{kHttp, "keys", "paging = \"cursor\"\nkeys",
                   "\"cursor\" needs {cursor} in `url`"},
        BadHistory{kHttp, "keys", "paging = \"cursor\"\nkeys", "[source.history] has no 'cursor'"},
        BadHistory{kHttp, "keys", "cursor = \"a\"\nkeys",
                   "'cursor' in [source.history] belongs to paging"},
        BadHistory{kHttp, "from={from_ms}&to={to_ms}\"", "\"\npaging = \"time\"",
                   "\"time\" needs {from}, {from_ms} or {from_s}"},
        BadHistory{kHttp, "from={from_ms}", "from={next_id}", "it belongs to paging = \"id\""},
        BadHistory{kHttp, "from={from_ms}", "from={cursor}", "it belongs to paging = \"cursor\""},
        BadHistory{kHttp, "keys", "limit = 0\nkeys", "must be an integer from 1 to 1000000"},
        BadHistory{kHttp, "keys", "requests = \"10\"\nkeys", "= \"10\" is no rate"},
        BadHistory{kHttp, "keys", "requests = \"0/s\"\nkeys", "= \"0/s\" is no rate"},
        BadHistory{kHttp, "keys", "format = \"csv\"\npaging = \"cursor\"\nkeys",
                   "needs format = \"json\""},
        BadHistory{kHttp, "keys", "event = { key = \"{symbol}\" }\nkeys",
                   "uses {symbol}, which is no variable here: only {key} is"},
        BadHistory{kHttp, "keys", "event = { key = [\"a\", \"b\"] }\nkeys",
                   "differs from [source.event] in number or types of `key`"},
        BadHistory{kHttp, "keys", "event = { id = { field = \"t\", type = \"text\" } }\nkeys",
                   "in number or types of `id`"},
        BadHistory{kHttp, "keys", "event = { id = { derive = \"content\" } }\nkeys",
                   "derives `id` in another way"},
        BadHistory{kHttp, "keys", "event = 1\nkeys", "must be a table: [source.history.event]"},
        BadHistory{kHttp, "keys", "event = { kee = \"a\" }\nkeys",
                   "unknown key 'kee' in [source.history.event]"},
        BadHistory{kHttp, "keys", "values = 1\nkeys", "must be a table: [source.history.values]"},
        BadHistory{kHttp, "keys", "values = { prize = { field = \"p\" } }\nkeys",
                   "is no value of the source (did you mean 'price'?)"},
        BadHistory{kHttp, "keys", "values = { price = \"double\" }\nkeys",
                   "differs from [source.values] in type or `optional`"},
        BadHistory{kFiles,
                   "path =", "url =", "'url' in [source.history] belongs to kind = \"http\""},
        BadHistory{kFiles, "path =", "url =", "[source.history] has no 'path'"},
        BadHistory{kFiles, "{day}", "{day}{day}", "has the part {day} twice"},
        BadHistory{kFiles, "{day}", "{hour}", "has the part {hour} and no {day}"},
        BadHistory{kFiles, "path", "day_zone = \"Mars/Base\"\npath",
                   "h.toml:17: 'day_zone' in [source.history] cannot be used"},
        BadHistory{kFiles, "{day}/{symbol}", "*\"\nday_zone = \"UTC",
                   "needs a part {day} or {date}"},
        BadHistory{kFiles, "path", "event = { key = \"{contract}\" }\npath",
                   "uses {contract}, which is no part of the history's path"},
        BadHistory{kFiles, "path", "format = \"json\"\nlast_row = \"repeated\"\npath",
                   "belongs to rows"}));

TEST(ConfigHistoryTest, PagingByIdNeedsAnIntegerId) {
  const std::string source = replaced(kSource, "{ field = \"t\", type = \"int\" }", "\"t\"");
  const std::string history = replaced(kHttp, "from={from_ms}&to={to_ms}", "from={next_id}");
  EXPECT_THAT(to_string(parse_config(source + history + "paging = \"id\"\n", "h.toml", "").problems,
                        "h.toml"),
              HasSubstr("needs an id that is one integer"));
}

TEST(ConfigHistoryTest, KeysAreCheckedAgainstTheShapeOfTheStream) {
  const std::string source =
      replaced(kSource, "key = \"s\"", "key = { field = \"s\", type = \"int\" }");
  EXPECT_THAT(to_string(parse_config(source + std::string(kHttp), "h.toml", "").problems, "h.toml"),
              HasSubstr("'keys' in [source.history] has 'BTC':"));
  const std::string two = replaced(kSource, "key = \"s\"", "key = [\"exchange\", \"s\"]");
  const std::string history = replaced(kHttp, "\"BTC\", \"ETH\"", "\"x/BTC\"");
  EXPECT_TRUE(parse_config(two + history, "h.toml", "").config);
  EXPECT_THAT(
      to_string(parse_config(two + history + "event = { key = [\"exchange\", \"{key}\"] }\n",
                             "h.toml", "")
                    .problems,
                "h.toml"),
      HasSubstr("uses {key} for a part of a key that has several"));
}

// An event that is its file and row is the same event only where history has the same files.
TEST(ConfigHistoryTest, APositionNeedsTheSameFiles) {
  const std::string source = replaced(
      replaced(kSource, "kind = \"http\"", "kind = \"file\"\npath = \"in/{day}/{symbol}.ndjson\""),
      "{ field = \"t\", type = \"int\" }", "{ derive = \"position\" }");
  const auto problems = [&](std::string_view history) {
    return to_string(parse_config(source + std::string(history), "h.toml", "").problems, "h.toml");
  };
  EXPECT_EQ(problems(kFiles), "");
  EXPECT_THAT(problems(kHttp),
              AllOf(HasSubstr("= \"http\" cannot be the history of a source with id"),
                    HasSubstr("an answer has neither")));
  EXPECT_THAT(problems(replaced(kFiles, "{symbol}", "*")),
              HasSubstr("the {name} parts of both paths must be the same"));
  const auto with_paths = [&](const char* live, const char* archive) {
    const std::string text = replaced(source, "in/{day}/{symbol}.ndjson", live) +
                             replaced(kFiles, "archive/{day}/{symbol}.ndjson.gz", archive);
    return to_string(parse_config(text, "h.toml", "").problems, "h.toml");
  };
  EXPECT_EQ(with_paths("in/*.ndjson", "archive/*.ndjson.zst"), "");
  EXPECT_THAT(with_paths("in/trades.ndjson", "archive/old.ndjson"),
              HasSubstr("the names of the files"));
}

TEST(ConfigHistoryTest, ValuesFollowTheOrderOfTheStream) {
  const std::string second = R"toml([[source]]
name = "b"
stream = "trades"
kind = "http"
event = { key = "s", id = { field = "t", type = "int" }, time = "T" }
[source.values]
qty = { field = "size", type = "decimal(18,8)", optional = true }
price = { field = "px", type = "decimal(18,8)" }
[source.history]
kind = "http"
url = "http://example.com/"
)toml";
  const auto outcome =
      parse_config("[[stream]]\nname = \"trades\"\n" + std::string(kSource) + second, "h.toml", "");
  ASSERT_TRUE(outcome.config) << to_string(outcome.problems, "h.toml");
  EXPECT_EQ(outcome.config->sources[1].history->event.values[0].text, "px");
  EXPECT_EQ(outcome.config->sources[1].history->event.values[1].text, "size");
}

}  // namespace
}  // namespace hindcast
