// hindcast.example.toml is the manual of the configuration: it must be right and complete.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/host.h"
#include "format/config.h"
#include "format/config_keys.h"

namespace hindcast {
namespace {

std::string read(const std::string& name) {
  const auto text = read_host_file(std::string(HC_SOURCE_DIR) + "/" + name, 1 << 20);
  EXPECT_TRUE(text) << name;
  return text.value_or("");
}

/// As a key ("delay = …") or as a table ("[source.watermark]", "[[stream]]").
bool documents(const std::string& text, const ConfigKey& key) {
  for (const std::string& form : {std::string(key.name) + " = ", std::string(key.name) + "]"}) {
    for (size_t at = text.find(form); at != std::string::npos; at = text.find(form, at + 1)) {
      const char before = at == 0 ? '\n' : text[at - 1];
      if (before == '\n' || before == ' ' || before == '[' || before == '.' || before == '`')
        return true;
    }
  }
  return false;
}

TEST(ConfigExampleTest, ItIsAWorkingConfiguration) {
  const auto outcome = parse_config(read("hindcast.example.toml"), "hindcast.example.toml", "");
  ASSERT_TRUE(outcome.config) << to_string(outcome.problems, "hindcast.example.toml");
  // What it shows as defaults are the defaults.
  const Config defaults;
  EXPECT_EQ(outcome.config->data_dir, defaults.data_dir);
  EXPECT_EQ(outcome.config->server.host, defaults.server.host);
  EXPECT_EQ(outcome.config->server.port, defaults.server.port);
  EXPECT_EQ(outcome.config->log.dir, "data/log");
  EXPECT_EQ(outcome.config->log.retention, defaults.log.retention);
  EXPECT_EQ(outcome.config->log.age, defaults.log.age);
  EXPECT_EQ(outcome.config->log.segment, defaults.log.segment);
  EXPECT_EQ(outcome.config->log.reread, defaults.log.reread);
  EXPECT_EQ(outcome.config->store.cache, defaults.store.cache);
  EXPECT_EQ(outcome.config->store.keep_versions, defaults.store.keep_versions);
  EXPECT_EQ(outcome.config->limits.open_memory, defaults.limits.open_memory);
  EXPECT_EQ(outcome.config->limits.verify_rate, defaults.limits.verify_rate);
  EXPECT_EQ(outcome.config->limits.bulk_rate, defaults.limits.bulk_rate);
  EXPECT_EQ(outcome.config->replay.isolation, defaults.replay.isolation);
  EXPECT_EQ(outcome.config->replay.rate, defaults.replay.rate);
  const SourceConfig source;
  EXPECT_EQ(outcome.config->sources[0].late_as_replay, source.late_as_replay);
  EXPECT_EQ(outcome.config->sources[0].max_body, source.max_body);
  EXPECT_EQ(outcome.config->sources[0].format.line_max, source.format.line_max);
}

TEST(ConfigExampleTest, ItNamesEveryKeyOfThisVersion) {
  const std::string text = read("hindcast.example.toml");
  for (const ConfigKey& key : config_keys()) {
    if (key.status == KeyStatus::kLater) continue;
    EXPECT_TRUE(documents(text, key)) << key.section << " " << key.name;
  }
}

TEST(ConfigExampleTest, TheConfigurationsOfExamplesParse) {
  for (const char* name :
       {"examples/trades-http.toml", "examples/sensors-csv.toml", "examples/websocket.toml"}) {
    const auto outcome = parse_config(read(name), name, "");
    EXPECT_TRUE(outcome.config) << to_string(outcome.problems, name);
  }
}

TEST(ConfigExampleTest, TheRecipesOfHistoriesParse) {
  ASSERT_EQ(::setenv("EXAMPLE_KEY", "secret", 1), 0);
  const std::string text = read("docs/histories.md");
  const std::string fence = "```toml\n";
  size_t recipes = 0;
  for (size_t at = text.find(fence); at != std::string::npos; at = text.find(fence, at + 1)) {
    const size_t from = at + fence.size();
    const std::string toml = R"toml([[source]]
name = "trades"
kind = "http"
event = { key = "s", id = { field = "t", type = "int" }, time = "T", time_unit = "ms" }
[source.values]
price = { field = "p", type = "decimal(18,8)" }
qty = { field = "q", type = "decimal(18,8)" }
)toml" + text.substr(from, text.find("```", from) - from);
    const auto outcome = parse_config(toml, "histories.md", "");
    EXPECT_TRUE(outcome.config) << to_string(outcome.problems, "histories.md") << toml;
    ++recipes;
  }
  EXPECT_EQ(recipes, 3U);
}

// The first configuration anybody sees is the one in README.md.
TEST(ConfigExampleTest, TheConfigurationInTheReadmeParsesAndIsUnder25Lines) {
  const std::string text = read("README.md");
  const std::string fence = "```toml\n";
  const size_t begin = text.find(fence);
  ASSERT_NE(begin, std::string::npos);
  const size_t from = begin + fence.size();
  const std::string toml = text.substr(from, text.find("```", from) - from);
  EXPECT_LT(std::count(toml.begin(), toml.end(), '\n'), 25);
  const auto outcome = parse_config(toml, "README.md", "");
  EXPECT_TRUE(outcome.config) << to_string(outcome.problems, "README.md");
}

}  // namespace
}  // namespace hindcast
