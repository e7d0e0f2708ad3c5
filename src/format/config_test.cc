#include "format/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hindcast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kGood = R"toml(data_dir = "data"
[[source]]
name = "trades"
kind = "http"
watermark = { delay = "5s", idle_after = "30s", max_ahead = "1m" }
[source.event]
key = ["exchange", "s"]
id = { field = "t", type = "int" }
time = "T"
time_unit = "ms"
[source.values]
price = { field = "p", type = "decimal(18,8)" }
qty = { field = "q", type = "decimal(18,8)", optional = true }
[[aggregate]]
name = "candles"
sources = ["trades"]
bucket = "1m"
rollups = ["5m", "1h", "1d"]
[aggregate.values]
open = "first(price)"
trades = "count()"
)toml";

std::string replaced(std::string_view from, std::string_view to) {
  std::string text(kGood);
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string problems_of(std::string_view text) {
  return to_string(parse_config(text, "h.toml", "").problems, "h.toml");
}

TEST(ConfigTest, AMinimalFileIsEnough) {
  const auto outcome = parse_config(kGood, "h.toml", "/etc/hindcast");
  ASSERT_TRUE(outcome.config) << to_string(outcome.problems, "h.toml");
  const Config& config = *outcome.config;
  EXPECT_EQ(config.data_dir, "/etc/hindcast/data");
  EXPECT_EQ(config.log.dir, "/etc/hindcast/data/log");
  ASSERT_EQ(config.sources.size(), 1u);
  EXPECT_EQ(config.sources[0].stream, "trades");
  EXPECT_EQ(config.sources[0].delay, 5s);
  EXPECT_EQ(config.sources[0].max_ahead, Duration(1min));
  const StreamSchema& schema = config.stream("trades")->schema;
  EXPECT_THAT(schema.key, ElementsAre(PartType::kText, PartType::kText));
  EXPECT_THAT(schema.id, ElementsAre(PartType::kInt));
  EXPECT_EQ(schema.page_window, 1min);
  EXPECT_EQ(schema.slots, 16);
  EXPECT_EQ(schema.partitions, 1u);
  EXPECT_TRUE(schema.values[1].optional);
  ASSERT_EQ(config.aggregates.size(), 1u);
  EXPECT_EQ(config.aggregates[0].rule.functions.size(), 2u);
  EXPECT_EQ(config.aggregates[0].rule.functions[0].name, "open");
  EXPECT_EQ(config.aggregates[0].resolutions().size(), 4u);
}

struct BadConfig {
  const char* from;
  const char* to;
  const char* problem;
};
class BadConfigTest : public testing::TestWithParam<BadConfig> {};

TEST_P(BadConfigTest, IsRefusedWithLineAndHint) {
  EXPECT_THAT(problems_of(replaced(GetParam().from, GetParam().to)), HasSubstr(GetParam().problem));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadConfigTest,
    testing::Values(
        BadConfig{"delay =", "delya =",
                  "h.toml:5: unknown key 'delya' in [source.watermark]  (did you mean 'delay'?)"},
        BadConfig{"bucket = ", "buckets = ",
                  "h.toml:17: unknown key 'buckets' in [[aggregate]]  (did you mean 'bucket'?)"},
        BadConfig{"\"5s\"", "\"5 parsecs\"",
                  "h.toml:5: 'delay' in [source.watermark] is no duration"},
        BadConfig{"\"5s\"", "\"-5s\"", "h.toml:5: 'delay'"},
        BadConfig{"\"30s\"", "\"0\"", "'idle_after' in [source.watermark] must be at least 1ms"},
        BadConfig{"\"http\"", "\"kafka\"",
                  "h.toml:4: 'kind' in [[source]] = \"kafka\" is not supported in this version"},
        BadConfig{"\"http\"", "\"htpt\"", "(did you mean 'http'?)"},
        BadConfig{"kind = \"http\"", "kind = \"file\"", "[[source]] has no 'path'"},
        BadConfig{"kind = \"http\"", "kind = \"http\"\nfollow = true",
                  "'follow' in [[source]] belongs to kind = \"file\""},
        BadConfig{"kind = \"http\"", "kind = \"http\"\npartitions = 0",
                  "h.toml:5: 'partitions' in [[source]] must be an integer from 1 to 1024"},
        BadConfig{"kind = \"http\"", "kind = \"http\"\nslots = 5000",
                  "'slots' in [[source]] must be an integer from 1 to 4096"},
        BadConfig{"kind = \"http\"", "kind = \"http\"\nstream = \"x\"",
                  "names the stream 'x', which is not there"},
        BadConfig{"kind = \"http\"", "kind = \"http\"\nformat = \"xml\"",
                  "'format' in [[source]] = \"xml\" is not one of \"ndjson\", \"json\", \"csv\""},
        BadConfig{"name = \"trades\"", "name = \"my trades\"", "is no name"},
        BadConfig{"key = [\"exchange\", \"s\"]", "", "[source.event] has no 'key'"},
        BadConfig{"id = { field = \"t\", type = \"int\" }", "", "{ derive = \"position\" }"},
        BadConfig{"id = { field = \"t\", type = \"int\" }", "id = { derive = \"position\" }",
                  "needs kind = \"file\""},
        BadConfig{"id = { field = \"t\", type = \"int\" }", "id = \"$rwo\"",
                  "did you mean '$row'?"},
        BadConfig{"id = { field = \"t\", type = \"int\" }", "id = \"{day}\"",
                  "uses {day}, which is no part of the source's path"},
        BadConfig{"id = { field = \"t\", type = \"int\" }",
                  "id = { derive = \"content\" }\nop = \"o\"", "a delete cannot name"},
        BadConfig{"time = \"T\"", "time = \"T\"\nsequence = \"u\"\norder = \"n\"",
                  "h.toml:10: 'sequence' in [source.event] = \"u\" is neither the only `id`"},
        BadConfig{"time = \"T\"", "time = \"T\"\nsequence = \"$row\"",
                  "'sequence' in [source.event] must be a field that holds integers"},
        BadConfig{"time = \"T\"", "time = \"T\"\nsequence_scope = \"stream\"",
                  "'sequence_scope' in [source.event] stands without `sequence`"},
        BadConfig{"time = \"T\"", "time = \"T\"\nsequence = \"t\"\nsequence_scope = \"keys\"",
                  "(did you mean 'key'?)"},
        BadConfig{"kind = \"http\"", "kind = \"http\"\ndelivery = \"lossey\"",
                  "(did you mean 'lossy'?)"},
        BadConfig{"time_unit = \"ms\"", "time_unit = \"millis\"",
                  "h.toml:10: 'time_unit' in [source.event] has the unit \"millis\""},
        BadConfig{"time_unit = \"ms\"", "time_unit = \"%Y-%Q\"", "'%Q' is not known"},
        BadConfig{"time = \"T\"", "time = { field = \"T\", zone = \"Mars/Olympus\" }",
                  "there is no file /usr/share/zoneinfo/Mars/Olympus"},
        BadConfig{"decimal(18,8)\" }", "decimal(19,8)\" }",
                  "h.toml:12: value 'price' in [source.values] has the type \"decimal(19,8)\""},
        BadConfig{"rollups = [\"5m\"", "rollups = [\"7m\"",
                  "rollup 1h of aggregate 'candles' is not tiled by 7m"},
        BadConfig{"bucket = \"1m\"", "bucket = \"2h\"", "use a shorter bucket with a rollup"},
        BadConfig{"sources = [\"trades\"]", "sources = [\"trade\"]",
                  "names the source 'trade', which is not there (did you mean 'trades'?)"},
        BadConfig{"first(price)", "first(prize)", "h.toml:20: value 'open' of aggregate 'candles'"},
        BadConfig{"[[aggregate]]", "[[aggregate]]\ngroup = \"country\"",
                  "'group' in [[aggregate]] is not supported in this version"},
        BadConfig{"data_dir = \"data\"", "data_dir = \"data\"\n[server]\ntokens = [\"secret\"]",
                  "must name where the secret is"},
        BadConfig{"data_dir = \"data\"",
                  "data_dir = \"data\"\n[server]\ntokens = [\"env:HC_NOT_SET\"]",
                  "HC_NOT_SET, which is not set"},
        BadConfig{"data_dir = \"data\"", "data_dir = \"data\"\n[server]\nlisten = \"7171x\"",
                  "is no address"},
        BadConfig{"data_dir = \"data\"", "data_dir = \"data\"\n[log]\nretention = \"64MiB\"",
                  "room for 4 segments"},
        BadConfig{"data_dir = \"data\"",
                  "data_dir = \"data\"\n[log]\nretention = { size = \"64MiB\" }",
                  "room for 4 segments"},
        BadConfig{"data_dir = \"data\"", "data_dir = \"data\"\n[log]\nretention = { age = 6 }",
                  "'age' in [log.retention] must be a duration"},
        BadConfig{"data_dir = \"data\"",
                  "data_dir = \"data\"\n[log]\nretention = { bytes = \"64MiB\" }",
                  "'bytes' in [log.retention]"},
        BadConfig{"data_dir = \"data\"", "data_dir = \"data\"\n[replay]\nroute = \"shared\"",
                  "needs sources in Kafka or Redis"},
        BadConfig{"data_dir = \"data\"", "data_dir = \"data\"\n[replay]\nroute = \"seperate\"",
                  "is not one of \"direct\", \"separate\""},
        BadConfig{"data_dir = \"data\"", "data_dir = \"data\"\n[replay]\nisolation = \"of\"",
                  "is not one of \"threads\", \"process\", \"off\""},
        BadConfig{"data_dir = \"data\"", "data_dir = \"data\"\n[limits]\nbulk_rate = \"2GiB\"",
                  "'bulk_rate' in [limits]"},
        BadConfig{"data_dir = \"data\"", "data_dir = \"data\"\n[replay]\nrate = \"fast\"",
                  "is no rate"},
        BadConfig{"data_dir = \"data\"", "data_dir = \"data\"\n[store]\nbackend = \"postgres\"",
                  "not supported in this version"},
        BadConfig{"data_dir = \"data\"", "data_dir = ", "h.toml:1: not valid TOML"}));

TEST(ConfigTest, TheLogKeepsBySizeAndAge) {
  const auto with = [](const std::string& retention) {
    const auto outcome = parse_config(
        replaced("data_dir = \"data\"", "data_dir = \"data\"\n[log]\n" + retention), "h.toml", "");
    EXPECT_TRUE(outcome.config) << to_string(outcome.problems, "h.toml");
    return outcome.config ? outcome.config->log : LogConfig();
  };
  EXPECT_EQ(with("retention = \"1GiB\"").retention, 1_GiB);
  EXPECT_EQ(with("retention = \"1GiB\"").age, Duration(0));
  const LogConfig both = with("retention = { size = \"1GiB\", age = \"6h\" }");
  EXPECT_EQ(both.retention, 1_GiB);
  EXPECT_EQ(both.age, 6h);
  EXPECT_EQ(with("retention = { age = \"6h\" }").retention, 4_GiB);
}

TEST(ConfigTest, LossIsDeclaredBySource) {
  const auto plain = parse_config(kGood, "h.toml", "");
  EXPECT_EQ(plain.config->sources[0].delivery, DeliveryKind::kRetrying);
  EXPECT_EQ(plain.config->sources[0].overlap, Duration(0));
  EXPECT_FALSE(plain.config->sources[0].sequence);
  const auto lossy = parse_config(
      replaced("kind = \"http\"", "kind = \"http\"\ndelivery = \"lossy\"\noverlap = \"2s\""),
      "h.toml", "");
  ASSERT_TRUE(lossy.config) << to_string(lossy.problems, "h.toml");
  EXPECT_EQ(lossy.config->sources[0].delivery, DeliveryKind::kLossy);
  EXPECT_EQ(lossy.config->sources[0].overlap, 2s);
}

// The number has to travel with the event, and an event has an id and an order.
TEST(ConfigTest, ASequenceIsTheIdOrBecomesTheOrder) {
  const auto with = [](const std::string& keys) {
    const auto outcome =
        parse_config(replaced("time = \"T\"", "time = \"T\"\n" + keys), "h.toml", "");
    EXPECT_TRUE(outcome.config) << to_string(outcome.problems, "h.toml");
    return outcome.config->sources[0];
  };
  const SourceConfig id = with("sequence = \"t\"");
  EXPECT_TRUE(id.sequence);
  EXPECT_FALSE(id.sequence_in_order);
  EXPECT_FALSE(id.event.order);
  EXPECT_EQ(id.sequence_scope, SequenceScope::kKey);
  const SourceConfig becomes = with("sequence = \"u\"\nsequence_scope = \"stream\"");
  EXPECT_TRUE(becomes.sequence_in_order);
  EXPECT_EQ(becomes.event.order->text, "u");
  EXPECT_EQ(becomes.sequence_scope, SequenceScope::kStream);
  EXPECT_TRUE(with("sequence = \"u\"\norder = \"u\"").sequence_in_order);
  EXPECT_TRUE(with("sequence = \"t\"\norder = \"t\"").sequence);
}

TEST(ConfigTest, ACountOfAStreamNeedsAllOfItInOnePlace) {
  std::string text =
      replaced("time = \"T\"", "time = \"T\"\nsequence = \"t\"\nsequence_scope = \"stream\"");
  text.replace(text.find("kind = \"http\""), 13, "kind = \"http\"\npartitions = 4");
  EXPECT_THAT(problems_of(text),
              AllOf(HasSubstr("h.toml:11: `sequence` of source 'trades' counts the whole stream, "
                              "which has 4 partitions"),
                    HasSubstr("sequence_scope = \"key\"")));
}

TEST(ConfigTest, SourcesOfAStreamShareItsCounts) {
  std::string text(kGood);
  text.replace(0, text.find("[[aggregate]]"), R"toml([[stream]]
name = "trades"
[[source]]
name = "a"
stream = "trades"
kind = "http"
event = { key = "s", id = { field = "t", type = "int" }, time = "T", sequence = "t" }
values = { price = "decimal(18,8)" }
[[source]]
name = "b"
stream = "trades"
kind = "http"
event = { key = "s", id = { field = "t", type = "int" }, time = "T", sequence = "t", sequence_scope = "stream" }
values = { price = "decimal(18,8)" }
)toml");
  EXPECT_THAT(problems_of(text), HasSubstr("source 'b' and source 'a' of stream 'trades' differ in "
                                           "`sequence_scope`"));
}

// Nobody wants to fix a file one error at a time.
TEST(ConfigTest, AllProblemsAreReportedTogetherFromTopToBottom) {
  std::string text = replaced("\"5s\"", "5");
  text.replace(text.find("kind = \"http\""), 13, "kind = \"ftp\"");
  text.replace(text.find("count()"), 7, "cuont()");
  const auto problems = parse_config(text, "h.toml", "").problems;
  ASSERT_EQ(problems.size(), 3u) << to_string(problems, "h.toml");
  EXPECT_EQ(problems[0].line, 4);
  EXPECT_EQ(problems[1].line, 5);
  EXPECT_EQ(problems[2].line, 21);
}

TEST(ConfigTest, SourcesOfOneStreamMustAgreeAndMayOrderTheirValuesAsTheyLike) {
  const std::string second = R"toml(
[[source]]
name = "backup"
stream = "trades"
kind = "file"
path = "in/*.ndjson"
[source.event]
key = ["exchange", "s"]
id = { field = "t", type = "int" }
time = "T"
time_unit = "ms"
[source.values]
qty = { field = "Q", type = "decimal(18,8)", optional = true }
price = { field = "P", type = "decimal(18,8)" }
)toml";
  const std::string text = "[[stream]]\nname = \"trades\"\npartitions = 4\npage_window = \"5m\"\n" +
                           replaced("data_dir = \"data\"\n", "") + second;
  const auto outcome = parse_config(text, "h.toml", "");
  // The aggregate names one of two sources, which is not the whole stream.
  EXPECT_THAT(to_string(outcome.problems, "h.toml"), HasSubstr("leaves out source 'backup'"));
  std::string both = text;
  both.replace(both.find("sources = [\"trades\"]"), 20, "sources = [\"trades\", \"backup\"]");
  const auto good = parse_config(both, "h.toml", "");
  ASSERT_TRUE(good.config) << to_string(good.problems, "h.toml");
  EXPECT_EQ(good.config->stream("trades")->schema.partitions, 4u);
  EXPECT_EQ(good.config->stream("trades")->schema.page_window, 5min);
  EXPECT_EQ(good.config->source("backup")->event.values[0].text, "P");
  std::string differs = both;
  differs.replace(differs.rfind("type = \"int\""), 12, "type = \"text\"");
  EXPECT_THAT(problems_of(differs), HasSubstr("differ in `id`"));
}

TEST(ConfigTest, BucketsOfDifferentLengthShareAPageWindowThatHoldsBoth) {
  const std::string two =
      std::string(kGood) +
      "[[aggregate]]\nname = \"slow\"\nbucket = \"5m\"\n[aggregate.values]\nn = \"count()\"\n";
  const auto outcome = parse_config(two, "h.toml", "");
  ASSERT_TRUE(outcome.config) << to_string(outcome.problems, "h.toml");
  EXPECT_EQ(outcome.config->streams[0].schema.page_window, 5min);
  const std::string odd =
      std::string(kGood) +
      "[[aggregate]]\nname = \"slow\"\nbucket = \"90s\"\n[aggregate.values]\nn = \"count()\"\n";
  EXPECT_THAT(problems_of(odd),
              HasSubstr("does not tile the page window 90s (derived from the buckets)"));
}

TEST(ConfigTest, PathPartsGiveKeyAndDay) {
  const auto outcome = parse_config(R"toml(
[[source]]
name = "gold"
kind = "file"
path = "ticks/{day}_gc_tick_trade_{contract}.csv"
format = "csv"
header = false
last_row = "repeated"
[source.event]
key = "gc_{contract}"
id = { derive = "position" }
time = { day = "{day}", field = 0, unit = "ms", zone = "UTC" }
[source.values]
price = { field = "1", type = "decimal(12,4)" }
)toml",
                                    "h.toml", "/data");
  ASSERT_TRUE(outcome.config) << to_string(outcome.problems, "h.toml");
  const SourceConfig& source = outcome.config->sources[0];
  EXPECT_EQ(source.path, "/data/ticks/{day}_gc_tick_trade_{contract}.csv");
  EXPECT_TRUE(source.last_row_repeated);
  EXPECT_EQ(source.event.key[0],
            (FieldRef{FieldRef::Kind::kPathPart, "gc_{contract}", std::nullopt}));
  EXPECT_EQ(source.event.time.day->text, "{day}");
  EXPECT_EQ(source.event.time.field.text, "0");
  EXPECT_EQ(outcome.config->streams[0].schema.identity, IdentityKind::kPosition);
}

}  // namespace
}  // namespace hindcast
