#include "format/sample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/config.h"

namespace hindcast {
namespace {

using testing::HasSubstr;
using testing::Not;

/// What is guessed must at least be a configuration.
std::string guessed(const std::string& path, std::string_view bytes) {
  const auto text = guess_config({path, bytes, true});
  if (!text) return "error: " + text.error().message;
  const auto outcome = parse_config(*text, "guessed.toml", "");
  EXPECT_TRUE(outcome.config) << to_string(outcome.problems, "guessed.toml") << *text;
  return *text;
}

TEST(SampleTest, NdjsonTradesGetKeyIdTimeAndDecimals) {
  const std::string text =
      guessed("trades.ndjson.gz",
              R"({"id":1001,"sym":"BTC","ts":1700000000123,"price":61234.5,"qty":"0.2500"}
{"id":1002,"sym":"ETH","ts":1700000000124,"price":3012.25,"qty":"1.0000"}
{"id":1003,"sym":"BTC","ts":1700000000124,"price":61234,"qty":null}
{"id":1004,"sym":"BTC","ts":1700000000125,"price":61234,"qty":"2"}
)");
  EXPECT_THAT(text, HasSubstr("name = \"trades\""));
  EXPECT_THAT(text, HasSubstr("format = \"ndjson\""));
  EXPECT_THAT(text, HasSubstr("key = \"sym\""));
  EXPECT_THAT(text, HasSubstr("id = { field = \"id\", type = \"int\" }"));
  EXPECT_THAT(text, HasSubstr("time = \"ts\""));
  EXPECT_THAT(text, HasSubstr("time_unit = \"ms\""));
  EXPECT_THAT(text, HasSubstr("price = { field = \"price\", type = \"decimal(18,2)\" }"));
  EXPECT_THAT(text,
              HasSubstr("qty = { field = \"qty\", type = \"decimal(18,4)\", optional = true }"));
}

TEST(SampleTest, CsvWithoutHeaderIsReadByNumberAndHasNoIdOfItsOwn) {
  const std::string text =
      guessed("in/nab.csv",
              "2014-04-01 00:00:00;a;19.761252\n2014-04-01 00:05:00;b;20.500833\n2014-04-01 "
              "00:10:00;a;19.9\n2014-04-01 00:10:00;a;19.9\n");
  EXPECT_THAT(text, HasSubstr("delimiter = \";\"\nheader = false"));
  EXPECT_THAT(text, HasSubstr("key = \"1\""));
  EXPECT_THAT(text, HasSubstr("id = { derive = \"position\" }"));
  EXPECT_THAT(text, HasSubstr("time_unit = \"%Y-%m-%d %H:%M:%S\""));
  EXPECT_THAT(text, HasSubstr("value_2 = { field = \"2\", type = \"decimal(18,6)\" }"));
}

TEST(SampleTest, AHeaderWithQuotesAndNaIsUnderstood) {
  const std::string text =
      guessed("x.csv",
              "\"host\"\t\"time\"\t\"bytes\"\n\"a, b\"\t807256800\t1713\nc\t807256804\tNA\n\"a, "
              "b\"\t807256805\t3\n\"c\"\t807256806\t4\n");
  EXPECT_THAT(text, HasSubstr("delimiter = \"\\t\"\nheader = true\nnull = \"NA\""));
  EXPECT_THAT(text, HasSubstr("key = \"host\""));
  EXPECT_THAT(text, HasSubstr("time_unit = \"s\""));
  EXPECT_THAT(text, HasSubstr("type = \"decimal(18,0)\", optional = true"));
}

TEST(SampleTest, AnEnvelopeIsTakenApart) {
  const std::string text = guessed("quakes.json", R"({"type":"FeatureCollection","features":[
    {"id":"nc1","properties":{"time":1746366000000,"mag":1.2,"net":"nc"}},
    {"id":"nc2","properties":{"time":1746366000100,"mag":null,"net":"nc"}},
    {"id":"ci3","properties":{"time":1746366000100,"mag":2,"net":"ci"}},
    {"id":"nc4","properties":{"time":1746366000200,"mag":1,"net":"nc"}}]})");
  EXPECT_THAT(text, HasSubstr("each = \"features\""));
  EXPECT_THAT(text, HasSubstr("id = \"id\""));
  EXPECT_THAT(text, HasSubstr("key = \"properties.net\""));
  EXPECT_THAT(text, HasSubstr("time = \"properties.time\""));
  EXPECT_THAT(
      text,
      HasSubstr("mag = { field = \"properties.mag\", type = \"decimal(18,1)\", optional = true }"));
}

TEST(SampleTest, AnArrayOfArraysIsReadByNumber) {
  const std::string text =
      guessed("XRP-trades.json", R"([[1570752011620,"13519807",null,"sell",0.00141342,23.0],
[1570752011620,"13519808",null,"buy",0.00141266,54.0],[1570752011621,"13519809",null,"sell",0.1,54.5],[1570752011621,"13519810",null,"sell",0.1,54.5]])");
  EXPECT_THAT(text, HasSubstr("name = \"XRP-trades\""));
  EXPECT_THAT(text, HasSubstr("format = \"json\""));
  EXPECT_THAT(text, HasSubstr("time = \"0\""));
  EXPECT_THAT(text, HasSubstr("id = { field = \"1\", type = \"int\" }"));
  EXPECT_THAT(text, HasSubstr("key = \"3\""));
}

// An id need only tell apart what has one key and one instant: the counter of a device is one,
// though every device has a 1.
TEST(SampleTest, ACounterThatEveryDeviceHasIsAnId) {
  const std::string text =
      guessed("frames.ndjson",
              R"({"device":"a","fcnt":1,"reported_at":1630589706147,"_timestamp":1630589706724}
{"device":"b","fcnt":1,"reported_at":1630589706147,"_timestamp":1630589706725}
{"device":"a","fcnt":2,"reported_at":1630589706148,"_timestamp":1630589706726}
{"device":"b","fcnt":1,"reported_at":1630589706149,"_timestamp":1630589706727}
)");
  EXPECT_THAT(text, HasSubstr("key = \"device\""));
  EXPECT_THAT(text, HasSubstr("id = { field = \"fcnt\", type = \"int\" }"));
  EXPECT_THAT(text, HasSubstr("time = \"reported_at\""));
}

TEST(SampleTest, WithoutATimeThereIsNothingToConfigure) {
  EXPECT_THAT(guessed("x.csv", "a,b\n1,2\n3,4\n"),
              HasSubstr("no field of the sample looks like a time; its fields are a (1), b (2)"));
  EXPECT_THAT(guessed("x.csv", " \n"), HasSubstr("empty"));
  EXPECT_THAT(guessed("x.json", "{{{"), HasSubstr("no records"));
}

}  // namespace
}  // namespace hindcast
