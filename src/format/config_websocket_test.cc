// kind = "websocket": what its keys mean, and what is wrong with them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/temp_folder_test_util.h"
#include "format/config.h"

namespace hindcast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

std::string toml(const std::string& keys, const std::string& kind = "websocket") {
  return "[[source]]\nname = \"trades\"\nkind = \"" + kind + "\"\n" + keys + R"toml(
[source.event]
key = "s"
id = "t"
time = "T"
time_unit = "ms"
[source.values]
price = "decimal(18,8)"
[[aggregate]]
name = "n"
bucket = "1m"
values = { n = "count()" }
)toml";
}
const std::string kUrl = "url = \"wss://example.com/stream\"\n";

SourceConfig source_of(const std::string& keys) {
  auto outcome = parse_config(toml(keys), "h.toml", "/etc/hindcast");
  EXPECT_TRUE(outcome.config) << to_string(outcome.problems, "h.toml");
  return outcome.config ? outcome.config->sources[0] : SourceConfig{};
}
std::string problems_of(const std::string& keys, const std::string& kind = "websocket") {
  const auto outcome = parse_config(toml(keys, kind), "h.toml", "");
  EXPECT_FALSE(outcome.config);
  return to_string(outcome.problems, "h.toml");
}

TEST(ConfigWebsocketTest, AUrlIsEnough) {
  const SourceConfig source = source_of(kUrl);
  EXPECT_EQ(source.kind, SourceKind::kWebsocket);
  EXPECT_EQ(source.url, "wss://example.com/stream");
  EXPECT_EQ(source.ping, 20s);
  EXPECT_EQ(source.reconnect_min, 250ms);
  EXPECT_EQ(source.reconnect_max, 30s);
  EXPECT_FALSE(source.heartbeat_time);
  // What an exchange sends while nobody listens is gone.
  EXPECT_EQ(source.delivery, DeliveryKind::kLossy);
}

TEST(ConfigWebsocketTest, EveryKeyIsRead) {
  TempFolder folder;
  std::ofstream(folder.path() + "/login") << "{\"op\":\"login\"}\n";
  ::setenv("HC_TEST_EXCHANGE_TOKEN", "Bearer secret", 1);
  const SourceConfig source = source_of(
      kUrl + "subscribe = ['{\"op\":\"subscribe\"}', \"file:" + folder.path() + R"toml(/login"]
headers = { Authorization = "env:HC_TEST_EXCHANGE_TOKEN", Origin = "here" }
tls_ca = "ca.pem"
ping = "5s"
reconnect = { min = "1s", max = "2m" }
match = { e = "trade" }
[source.watermark]
heartbeat = { match = { e = "heartbeat", n = 1 }, time = "data.E" }
)toml");
  ::unsetenv("HC_TEST_EXCHANGE_TOKEN");
  EXPECT_THAT(source.subscribe, ElementsAre("{\"op\":\"subscribe\"}", "{\"op\":\"login\"}"));
  EXPECT_THAT(source.headers,
              ElementsAre(Pair("Authorization", "Bearer secret"), Pair("Origin", "here")));
  EXPECT_EQ(source.tls_ca, "/etc/hindcast/ca.pem");
  EXPECT_EQ(source.ping, 5s);
  EXPECT_EQ(source.reconnect_min, 1s);
  EXPECT_EQ(source.reconnect_max, 2min);
  EXPECT_THAT(source.heartbeat_match, ElementsAre(Pair("e", "heartbeat"), Pair("n", "1")));
  ASSERT_TRUE(source.heartbeat_time);
  EXPECT_EQ(source.heartbeat_time->field.text, "data.E");
  EXPECT_EQ(source.heartbeat_time->unit, TimeUnit::kMilliseconds);  // the events'
}

TEST(ConfigWebsocketTest, AHeartbeatMayHaveATimeUnitOfItsOwn) {
  const SourceConfig source = source_of(kUrl + R"toml(match = { e = "trade" }
[source.watermark]
heartbeat = { match = { e = "heartbeat" }, time = { field = "at", unit = "rfc3339" } }
)toml");
  ASSERT_TRUE(source.heartbeat_time);
  EXPECT_EQ(source.heartbeat_time->field.text, "at");
  EXPECT_EQ(source.heartbeat_time->unit, TimeUnit::kRfc3339);
}

TEST(ConfigWebsocketTest, WhatIsMissingOrWrongIsSaidWithItsPlace) {
  EXPECT_THAT(problems_of(""), HasSubstr("[[source]] has no 'url'"));
  EXPECT_THAT(problems_of("url = \"https://example.com\"\n"),
              HasSubstr("h.toml:4: 'url' in [[source]] = \"https://example.com\" is no WebSocket"));
  EXPECT_THAT(problems_of(kUrl + "subscribe = 7\n"), HasSubstr("must be an array of messages"));
  EXPECT_THAT(problems_of(kUrl + "subscribe = [7]\n"), HasSubstr("must be a text"));
  EXPECT_THAT(problems_of(kUrl + "headers = \"x\"\n"),
              HasSubstr("'headers' in [[source]] must be"));
  EXPECT_THAT(problems_of(kUrl + "headers = { A = \"env:HC_TEST_NO_SUCH\" }\n"),
              HasSubstr("header 'A' in [[source]] names the environment variable"));
  EXPECT_THAT(problems_of(kUrl + "headers = { A = \"b\\r\\nC: d\" }\n"),
              HasSubstr("holds the end of a line"));
  EXPECT_THAT(problems_of(kUrl + "reconnect = { min = \"1m\", max = \"1s\" }\n"),
              HasSubstr("waits at least 1m and at most 1s"));
  EXPECT_THAT(problems_of(kUrl + "ping = \"0\"\n"), HasSubstr("'ping' in [[source]] must be"));
  EXPECT_THAT(problems_of(kUrl + "format = \"csv\"\n"), HasSubstr("needs header = false"));
  EXPECT_THAT(problems_of(kUrl + "subscrbe = []\n"), HasSubstr("did you mean 'subscribe'?"));
}

TEST(ConfigWebsocketTest, HeartbeatsNeedMatchAndTime) {
  const auto heartbeat = [](const std::string& table, const std::string& match) {
    return problems_of(kUrl + match + "[source.watermark]\nheartbeat = " + table + "\n");
  };
  const std::string match = "match = { e = \"trade\" }\n";
  EXPECT_THAT(heartbeat("{ time = \"E\" }", match), HasSubstr("has no 'match'"));
  EXPECT_THAT(heartbeat("{ match = { e = \"hb\" } }", match), HasSubstr("has no 'time'"));
  EXPECT_THAT(
      heartbeat("{ match = { e = \"hb\" }, time = { field = \"E\", unit = \"min\" } }", match),
      HasSubstr("'unit' in 'time' of 'heartbeat' in [source.watermark] = \"min\""));
  EXPECT_THAT(heartbeat("{ match = { e = \"hb\" }, time = \"E\" }", ""),
              HasSubstr("needs a `match` of the source as well"));
}

TEST(ConfigWebsocketTest, ASilenceIsBoundedByTimeOrByEvents) {
  EXPECT_FALSE(source_of(kUrl).silence_after);
  EXPECT_FALSE(source_of(kUrl).expected_rate);
  const auto rate = [](const std::string& value) {
    return source_of(kUrl + "expected_rate = " + value + "\n").expected_rate;
  };
  EXPECT_EQ(source_of(kUrl + "silence_after = \"30s\"\n").silence_after, 30s);
  EXPECT_EQ(rate("\"100/s\""), (ExpectedRate{.events = 1000, .over = 10s}));
  EXPECT_EQ(rate("\"6/m\""), (ExpectedRate{.events = 60, .over = 10min}));
  EXPECT_EQ(rate("{ at_least = \"10/s\", over = \"700ms\" }"),
            (ExpectedRate{.events = 7, .over = 700ms}));
  EXPECT_EQ(rate("{ at_least = \"5/h\", over = \"30m\" }"),
            (ExpectedRate{.events = 2, .over = 30min}));
  EXPECT_EQ(rate("{ at_least = \"1/s\" }"), (ExpectedRate{.events = 10, .over = 10s}));
}

TEST(ConfigWebsocketTest, ABoundOfSilenceThatCannotBeMeantIsSaidWithItsPlace) {
  const auto rate = [](const std::string& value) {
    return problems_of(kUrl + "expected_rate = " + value + "\n");
  };
  EXPECT_THAT(problems_of(kUrl + "silence_after = \"10ms\"\n"),
              HasSubstr("h.toml:5: 'silence_after' in [[source]] must be at least 100ms"));
  for (const char* text : {"0/s", "100", "100/d", "many/s", "2000000000/s", "-1/s", "1.5/s"})
    EXPECT_THAT(rate("\"" + std::string(text) + "\""),
                HasSubstr("'expected_rate' in [[source]] = \"" + std::string(text) +
                          "\" is no rate of events"));
  EXPECT_THAT(rate("100"), HasSubstr("'expected_rate' in [[source]] must be a text"));
  EXPECT_THAT(rate("{ over = \"10s\" }"),
              HasSubstr("'expected_rate' in [[source]] has no 'at_least'"));
  EXPECT_THAT(rate("{ at_least = \"x\" }"), HasSubstr("'at_least' in 'expected_rate'"));
  EXPECT_THAT(rate("{ at_least = \"1/s\", over = \"soon\" }"),
              HasSubstr("'over' in 'expected_rate' in [[source]] is no duration"));
  EXPECT_THAT(rate("{ at_least = \"1/m\", over = \"10s\" }"),
              HasSubstr("expects less than one event in 10s"));
  EXPECT_THAT(rate("{ at_leest = \"1/m\" }"), HasSubstr("did you mean 'at_least'?"));
}

// Else buckets would be final before anybody knows that they lack something.
TEST(ConfigWebsocketTest, ASourceIsSilentBeforeItIsIdle) {
  const auto with_idle = [](const std::string& keys) {
    return kUrl + keys + "[source.watermark]\nidle_after = \"30s\"\n";
  };
  EXPECT_THAT(problems_of(with_idle("silence_after = \"30s\"\n")),
              HasSubstr("'silence_after' in [[source]] takes 30s, and idle_after is 30s"));
  EXPECT_THAT(problems_of(with_idle("expected_rate = \"1/m\"\n")),
              HasSubstr("'expected_rate' in [[source]] takes 10m, and idle_after is 30s"));
  EXPECT_EQ(source_of(with_idle("silence_after = \"29s\"\n")).silence_after, 29s);
}

TEST(ConfigWebsocketTest, ItsKeysBelongToNoOtherKind) {
  for (const char* key : {"silence_after = \"30s\"", "expected_rate = \"1/s\""})
    EXPECT_THAT(problems_of(std::string(key) + "\n", "http"),
                HasSubstr("in [[source]] belongs to kind = \"websocket\"  (only there"));
  EXPECT_THAT(problems_of(kUrl, "http"),
              HasSubstr("'url' in [[source]] belongs to kind = \"websocket\""));
  EXPECT_THAT(
      problems_of("[source.watermark]\nheartbeat = { match = { e = \"x\" }, time = \"t\" }\n",
                  "http"),
      HasSubstr("POST /v1/sources/{source}/heartbeat"));
}

}  // namespace
}  // namespace hindcast
