#include "cli/check.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>
#include <sstream>

#include "base/temp_folder_test_util.h"
#include "cli/init.h"
#include "cli/sample_file.h"

namespace hindcast {
namespace {

constexpr const char* kConfig = R"toml(
[[source]]
name = "trades"
kind = "file"
path = "data/{symbol}.ndjson"
format = "ndjson"
[source.event]
key = { value = "{symbol}" }
id = { field = "i", type = "int" }
time = "t"
time_unit = "rfc3339"
[source.values]
price = { field = "p", type = "decimal(18,4)" }
[[aggregate]]
name = "candles"
sources = ["trades"]
bucket = "1m"
[aggregate.values]
high = "max(price)"
)toml";

class CheckTest : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_.path() + "/" + name, std::ios::binary) << text;
    return folder_.path() + "/" + name;
  }
  TempFolder folder_;
  std::ostringstream out_, err_;
  Output output_{out_, err_};
};

TEST_F(CheckTest, AGoodConfigurationSaysWhatItHas) {
  EXPECT_EQ(check_command({.config = write("hindcast.toml", kConfig)}, output_), kExitOk);
  EXPECT_NE(out_.str().find("is right: 1 source, 1 aggregate"), std::string::npos) << out_.str();
  EXPECT_NE(out_.str().find("replay route direct: "), std::string::npos) << out_.str();
  EXPECT_NE(out_.str().find("candles over trades at 1m"), std::string::npos);
}

TEST_F(CheckTest, AHistorySaysHowFarBackItCanBeRead) {
  std::string config = kConfig;
  const auto with = [&](const std::string& keep) {
    out_.str("");
    const std::string text = std::string(config).replace(config.find("[[aggregate]]"), 0,
                                                         "[source.history]\nkind = \"files\"\n"
                                                         "path = \"archive/{symbol}.ndjson\"\n" +
                                                             keep);
    EXPECT_EQ(check_command({.config = write("hindcast.toml", text)}, output_), kExitOk)
        << err_.str();
    return out_.str();
  };
  EXPECT_NE(with("").find("the history of trades keeps everything\n"), std::string::npos);
  EXPECT_NE(with("keep = \"7d\"\n").find("the history of trades keeps what is younger than 7d\n"),
            std::string::npos)
      << out_.str();
}

TEST_F(CheckTest, AWrongConfigurationIsNo) {
  EXPECT_EQ(check_command({.config = write("hindcast.toml", "[[source\n")}, output_), kExitNo);
}

TEST_F(CheckTest, ASampleShowsFiveMappedEventsAndWhatIsRefused) {
  std::string lines = "{\"i\":0,\"t\":\"2024-03-01T10:00:00Z\"}\n";
  for (int i = 1; i < 9; ++i)
    lines += R"({"i":)" + std::to_string(i) + R"(,"t":"2024-03-01T10:00:00Z","p":"1.50"})" + "\n";
  EXPECT_EQ(check_command(
                {.config = write("hindcast.toml", kConfig), .sample = write("BTC.ndjson", lines)},
                output_),
            kExitOk);
  EXPECT_NE(
      out_.str().find("key  time                 id  price\nBTC  2024-03-01 10:00:00  1     1.5\n"),
      std::string::npos)
      << out_.str();
  EXPECT_NE(
      out_.str().find("BTC  2024-03-01 10:00:00  5     1.5\nrefused: BTC.ndjson:1: missing-field"),
      std::string::npos)
      << out_.str();
}

TEST_F(CheckTest, ASampleWithoutOneEventIsNo) {
  EXPECT_EQ(check_command({.config = write("hindcast.toml", kConfig),
                           .sample = write("BTC.ndjson", "rubbish\n")},
                          output_),
            kExitNo);
  EXPECT_EQ(check_command(
                {.config = write("hindcast.toml", kConfig), .sample = folder_.path() + "/nowhere"},
                output_),
            kExitNo);
  EXPECT_NE(err_.str().find("nowhere"), std::string::npos);
}

TEST_F(CheckTest, AnUnknownSourceNamesTheNearest) {
  const auto sample = write("BTC.ndjson", "{}\n");
  EXPECT_EQ(check_command(
                {.config = write("hindcast.toml", kConfig), .sample = sample, .source = "trade"},
                output_),
            kExitUsage);
  EXPECT_NE(err_.str().find("did you mean 'trades'?"), std::string::npos);
}

// What init writes, check takes, and with the same sample it shows events.
TEST_F(CheckTest, WhatInitGuessesIsRightForItsSample) {
  std::string lines = "time,sensor,seq,celsius\n";
  for (int i = 0; i < 50; ++i)
    lines += "2024-03-01T10:00:" + std::string(i < 10 ? "0" : "") + std::to_string(i) + "Z,s1," +
             std::to_string(i) + ",21.5\n";
  const auto sample = write("weather.csv", lines);
  const std::string config = folder_.path() + "/hindcast.toml";
  ASSERT_EQ(init_command({.sample = sample, .output = config}, output_), kExitOk) << err_.str();
  EXPECT_EQ(check_command({.config = config, .sample = sample}, output_), kExitOk)
      << out_.str() << err_.str();
  EXPECT_NE(out_.str().find("2024-03-01 10:00:04"), std::string::npos) << out_.str();
  EXPECT_EQ(init_command({.sample = sample, .output = config}, output_), kExitNo);
  EXPECT_NE(err_.str().find("is there already"), std::string::npos);
  EXPECT_EQ(init_command({.sample = sample, .output = config, .force = true}, output_), kExitOk);
}

TEST_F(CheckTest, ACompressedSampleIsReadUpToItsBound) {
  const std::string path = folder_.path() + "/a.ndjson.gz";
  gzFile file = gzopen(path.c_str(), "wb");
  const std::string text(1 << 20, 'x');
  ASSERT_EQ(gzwrite(file, text.data(), 1 << 20), 1 << 20);
  gzclose(file);
  const auto beginning = read_sample_file(path, ByteCount{1000}).value();
  EXPECT_EQ(beginning.bytes.size(), 1000u);
  EXPECT_FALSE(beginning.whole);
  const auto all = read_sample_file(path, 2_MiB).value();
  EXPECT_EQ(all.bytes, text);
  EXPECT_TRUE(all.whole);
}

}  // namespace
}  // namespace hindcast
