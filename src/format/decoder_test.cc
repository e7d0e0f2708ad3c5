#include "format/decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/decode_test_util.h"

namespace hindcast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kTrade = R"({"s":"EWR","t":1570752011620,"i":17,"p":"12.50"})";

// The shape of most feeds: a key, a time, an id, a decimal.
TEST(NdjsonDecoderTest, MappedFieldsBecomeColumns) {
  const auto out = decode(trades(FormatKind::kNdjson), kTrade);
  ASSERT_EQ(out.dead_text(), "");
  ASSERT_EQ(out.events.size(), 1u);
  EXPECT_EQ(out.events.keys[out.events.key[0]], "EWR");
  EXPECT_EQ(out.events.time[0], 1570752011620'000'000);
  EXPECT_EQ(out.events.id[0][0], 17);
  EXPECT_EQ(out.events.values[0][0], 1250000000);
}

TEST(NdjsonDecoderTest, OneBadLineDoesNotTakeTheOthersAlong) {
  const std::string body = std::string(kTrade) + "\n{\"s\":\"EWR\",\"t\":\n" + std::string(kTrade) +
                           "\r\n\n" + std::string(kTrade);
  const auto out = decode(trades(FormatKind::kNdjson), body);
  EXPECT_EQ(out.events.size(), 3u);
  ASSERT_EQ(out.dead.size(), 1u);
  EXPECT_EQ(out.dead[0].reason, "malformed");
  EXPECT_EQ(out.dead[0].place, "test:2");
  EXPECT_EQ(out.dead[0].raw, "{\"s\":\"EWR\",\"t\":");
}

struct BadRecord {
  const char* line;
  const char* reason;
  const char* detail;
};
class BadRecordTest : public testing::TestWithParam<BadRecord> {};

TEST_P(BadRecordTest, BecomesADeadLetterThatNamesFieldAndFix) {
  const auto out = decode(trades(FormatKind::kNdjson), GetParam().line);
  EXPECT_EQ(out.events.size(), 0u);
  ASSERT_EQ(out.dead.size(), 1u);
  EXPECT_EQ(out.dead[0].reason, GetParam().reason);
  EXPECT_THAT(out.dead[0].detail, HasSubstr(GetParam().detail));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadRecordTest,
    testing::Values(
        BadRecord{R"(hello)", "malformed", "an object or an array"},
        BadRecord{R"({"s":"A","t":1,"i":1,"p":1} {})", "malformed", "follows the record"},
        BadRecord{R"({"s":"A","t":1,"i":1,"p":1} x)", "malformed", "not valid JSON"},
        BadRecord{R"({"s":"A","t":1,"i":1,"p":1)", "malformed", "not valid JSON"},
        BadRecord{R"({"s":"A","t":1,"i":1,"p":1,"x":nope})", "malformed", "not valid JSON"},
        BadRecord{R"({"s":"A","t":1,"i":1,"p":01})", "malformed", "not valid JSON"},
        BadRecord{R"({"s":"A","t":1,"i":1})", "missing-field", "field 'p' (value): is missing"},
        BadRecord{R"({"s":"A","t":1,"i":1,"p":null})", "missing-field", "optional = true"},
        BadRecord{R"({"t":1,"i":1,"p":1})", "missing-field", "field 's' (key)"},
        BadRecord{R"({"s":"A","t":1,"i":1,"p":"12,5"})", "wrong-type",
                  "field 'p' (value): '12,5' is not a decimal(18,8); expected digits with '.'"},
        BadRecord{R"({"s":"A","t":1,"i":1,"p":true})", "wrong-type", "is no number"},
        BadRecord{R"({"s":"A","t":1,"i":1,"p":{"v":1}})", "wrong-type", "is no number"},
        BadRecord{R"({"s":"A","t":1,"i":1.5,"p":1})", "wrong-type", "is not a whole number"},
        BadRecord{R"({"s":"A","t":1,"i":1,"p":12345678901})", "overflow",
                  "too large for decimal(18,8)"},
        BadRecord{R"({"s":"A","t":1,"i":1,"p":0.123456789})", "overflow",
                  "too many fraction digits for decimal(18,8)"},
        BadRecord{R"({"s":"A","t":1,"i":1,"p":NaN})", "not-a-number", "send null"},
        BadRecord{R"({"s":"A","t":1,"i":1,"p":"-Infinity"})", "not-a-number", "send null"},
        BadRecord{R"({"s":"A","t":"yesterday","i":1,"p":1})", "bad-time", "a Unix time in ms"},
        BadRecord{R"({"s":"A","t":1570752011620000000,"i":1,"p":1})", "bad-time",
                  "is time_unit right?"},
        BadRecord{R"({"s":["A"],"t":1,"i":1,"p":1})", "wrong-type", "object or array"},
        BadRecord{"{\"s\":\"\xff\",\"t\":1,\"i\":1,\"p\":1}", "bad-utf8", "not valid JSON"}));

// 10 MB without a newline must neither be held nor stop what follows.
TEST(NdjsonDecoderTest, ALineLongerThanTheLimitIsOneDeadLetterAndIsNotHeld) {
  auto setup = trades(FormatKind::kNdjson);
  setup.source.format.line_max = ByteCount{100};
  Decoding decoding(setup);
  EXPECT_EQ(decoding.feed(std::string(60, 'x'), false), 0u);
  EXPECT_EQ(decoding.feed(std::string(160, 'x'), false), 160u);
  EXPECT_EQ(decoding.feed(std::string(1000, 'y'), false), 1000u);
  const std::string tail = "z\n" + std::string(kTrade) + "\n";
  EXPECT_EQ(decoding.feed(tail, true), tail.size());
  EXPECT_EQ(decoding.out.events.size(), 1u);
  ASSERT_EQ(decoding.out.dead.size(), 1u);
  EXPECT_EQ(decoding.out.dead[0].reason, "too-long");
  EXPECT_EQ(decoding.out.dead[0].raw.size(), 100u);
  EXPECT_EQ(decoding.decoder->row(), 2u);
}

TEST(JsonDecoderTest, ArraysOfArraysAreReadByNumber) {
  auto setup = trades(FormatKind::kJson);
  setup.source.event.key = {field("3")};
  setup.source.event.id = {field("1")};
  setup.source.event.time.field = field("0");
  setup.source.event.values = {field("4")};
  const auto out =
      decode(setup, R"([[1570752011620,"13519807",null,"sell",0.00141342,23.0,0.03250866],
    [1570752011620,"13519808",null,"buy",1e-7]])");
  ASSERT_EQ(out.dead_text(), "");
  EXPECT_THAT(out.events.id[0], ElementsAre(13519807, 13519808));
  EXPECT_THAT(out.events.values[0], ElementsAre(141342, 10));
}

TEST(JsonDecoderTest, AnArrayThatIsCutOffKeepsItsEventsAndSaysSo) {
  const auto out =
      decode(trades(FormatKind::kJson), "[" + std::string(kTrade) + "," + std::string(kTrade));
  EXPECT_EQ(out.events.size(), 2u);
  ASSERT_EQ(out.dead.size(), 1u);
  EXPECT_THAT(out.dead[0].detail, HasSubstr("cut off"));
}

TEST(JsonDecoderTest, EachTakesTheEventsOutOfAMessageAndMatchPassesOthersBy) {
  auto setup = trades(FormatKind::kNdjson);
  setup.source.format.each = "data.trades";
  setup.source.format.match = {{"e", "trade"}};
  const std::string body = R"({"e":"trade","data":{"trades":[)" + std::string(kTrade) + " , " +
                           std::string(kTrade) + "]}}\n" + R"({"e":"heartbeat"})" + "\n" +
                           R"({"e":"trade"})";
  const auto out = decode(setup, body);
  EXPECT_EQ(out.events.size(), 2u);
  EXPECT_EQ(out.counts.ignored, 1u);
  ASSERT_EQ(out.dead.size(), 1u);
  EXPECT_THAT(out.dead[0].detail, HasSubstr("data.trades"));
}

// ooo-network has dots in its column names.
TEST(CsvDecoderTest, AColumnNameWithDotsIsTakenLiterally) {
  auto setup = trades(FormatKind::kCsv);
  setup.source.format.delimiter = ';';
  setup.source.event.key = {field("S.Device.ID")};
  const auto out = decode(setup,
                          "\xEF\xBB\xBF\"S.Device.ID\";\"t\";\"i\";\"p\"\r\n\"dev_15\";1;2;"
                          "3\r\n\"a \"\"b\"\";\n\";4;5;6\r\n");
  ASSERT_EQ(out.dead_text(), "");
  ASSERT_EQ(out.events.size(), 2u);
  EXPECT_EQ(out.events.keys[out.events.key[0]], "dev_15");
  EXPECT_EQ(out.events.keys[out.events.key[1]], "a \"b\";\n");
}

TEST(CsvDecoderTest, BadBytesMatterOnlyWhereTheyAreMapped) {
  const auto out =
      decode(trades(FormatKind::kCsv), "s,t,i,p,url\nA,1,1,1,caf\xe9\ncaf\xe9,1,2,1,x\n");
  EXPECT_EQ(out.events.size(), 1u);
  ASSERT_EQ(out.dead.size(), 1u);
  EXPECT_EQ(out.dead[0].reason, "bad-utf8");
  EXPECT_THAT(out.dead[0].detail, HasSubstr("'caf\\xe9'"));
  EXPECT_EQ(out.dead[0].place, "test:3");
}

TEST(CsvDecoderTest, AQuoteThatIsNeverClosedCostsOneLine) {
  const auto out = decode(trades(FormatKind::kCsv), "s,t,i,p\n\"A,1,1,1\nB,1,1,1\nC,1,1,1\n");
  EXPECT_EQ(out.events.size(), 2u);
  ASSERT_EQ(out.dead.size(), 1u);
  EXPECT_EQ(out.dead[0].raw, "\"A,1,1,1");
}

TEST(CsvDecoderTest, ARowWithMoreColumnsThanTheHeaderIsRefused) {
  const auto out = decode(trades(FormatKind::kCsv), "s,t,i,p\nA,1,1,1,5\nA,1,1,1,\n");
  EXPECT_EQ(out.events.size(), 1u);
  ASSERT_EQ(out.dead.size(), 1u);
  EXPECT_THAT(out.dead[0].detail, HasSubstr("5 columns, the header 4"));
}

// lean-gc-futures: no header, key from the path, identity by position, the last row written twice.
TEST(CsvDecoderTest, TheRepeatedLastRowIsNoEventAndEqualRowsBeforeItAre) {
  const auto setup = gold_ticks();
  const std::string body =
      "1,1313.8,1,usa,,0\n1,1313.8,1,usa,,0\n5,1314,2,usa,,0\n5,1314,2,usa,,0\n";
  const auto out = decode(setup, body);
  ASSERT_EQ(out.dead_text(), "");
  ASSERT_EQ(out.events.size(), 3u);
  EXPECT_EQ(out.counts.ignored, 1u);
  EXPECT_EQ(out.events.keys[0], "gc_201312");
  EXPECT_EQ(out.events.texts[static_cast<uint32_t>(out.events.id[0][0])], "20131007_201312");
  EXPECT_THAT(out.events.id[1], ElementsAre(1, 2, 3));
  EXPECT_THAT(out.events.order, ElementsAre(1, 2, 3));
  EXPECT_EQ(out.events.time[2], 1381104000'000'000'000 + 5'000'000);
}

TEST(CsvDecoderTest, ALastRowThatRepeatsNothingIsAnEvent) {
  const auto out = decode(gold_ticks(), "1,1313.8,1,usa,,0\n5,1314,2,usa,,0\n\n");
  EXPECT_EQ(out.events.size(), 2u);
  EXPECT_EQ(out.counts.ignored, 0u);
}

// What is decoded must not depend on where a read happens to end, nor on a restart between two
// reads.
TEST(DecoderTest, CutsAndResumesChangeNothing) {
  const std::string csv = "s,t,i,p\n\"A\n\",1,1,1\n\nB,1,2,x\r\n\"C,1,3,3\nD,1,4,4\nD,1,4,4\n" +
                          std::string(90, 'w') + ",1,5,5\nE,1,6,6\nE,1,6,6\n";
  const std::string trade(kTrade);
  const std::string json = "\xEF\xBB\xBF[" + trade + ", " + trade + " " + trade + ",{\"s\":\"" +
                           std::string(120, 'w') + "]\"}, nope,[1],\n" + trade + "]";
  const std::string lines =
      trade + "\n" + std::string(300, '{') + "\n\n" + trade + "\r\n{}\n" + trade;
  for (const auto& [kind, body] : {std::pair{FormatKind::kCsv, csv},
                                   {FormatKind::kJson, json},
                                   {FormatKind::kNdjson, lines}}) {
    for (const bool repeated : {false, true}) {
      if (repeated && kind == FormatKind::kJson) continue;
      auto setup = trades(kind);
      setup.source.format.line_max = ByteCount{80};
      setup.source.last_row_repeated = repeated;
      const std::string whole = decode(setup, body).to_string();
      for (size_t step = 1; step < body.size(); ++step) {
        for (const bool resumes : {false, true}) {
          EXPECT_EQ(decode_in_steps(setup, body, step, resumes).to_string(), whole)
              << "step " << step << (resumes ? ", resumed" : "");
        }
      }
    }
  }
}

TEST(DecoderTest, ATombstoneCarriesNoValues) {
  auto setup = trades(FormatKind::kNdjson);
  setup.source.event.op = field("op");
  setup.source.event.revision = field("r");
  const auto out = decode(setup, R"({"s":"A","t":1,"i":1,"p":1,"op":"u","r":1})"
                                 "\n"
                                 R"({"s":"A","t":1,"i":1,"op":"delete","r":2})");
  ASSERT_EQ(out.dead_text(), "");
  ASSERT_EQ(out.events.size(), 2u);
  EXPECT_EQ(out.events.op_at(0), Op::kUpsert);
  EXPECT_EQ(out.events.op_at(1), Op::kDelete);
  EXPECT_EQ(out.events.nulls_at(1), 1u);
  EXPECT_THAT(out.events.revision, ElementsAre(1, 2));
}

TEST(DecoderTest, TimesOutsideTheAcceptedWindowOrTooFarAheadAreRefused) {
  auto setup = trades(FormatKind::kNdjson);
  setup.source.accept = Window{event_time_ns(1'000'000), event_time_ns(5'000'000)};
  setup.source.max_ahead = Duration(2'000'000);
  setup.arrival = ProcessingTime(Duration(1'500'000));
  const auto out = decode(setup, R"({"s":"A","t":1,"i":1,"p":1})"
                                 "\n"
                                 R"({"s":"A","t":0,"i":1,"p":1})"
                                 "\n"
                                 R"({"s":"A","t":4,"i":1,"p":1})");
  EXPECT_EQ(out.events.size(), 1u);
  ASSERT_EQ(out.dead.size(), 2u);
  EXPECT_EQ(out.dead[0].reason, "outside-accept");
  EXPECT_EQ(out.dead[1].reason, "too-far-ahead");
}

TEST(DecoderTest, ContentIsTheIdentityOfWhatHasNone) {
  auto setup = trades(FormatKind::kNdjson);
  setup.source.event.identity = setup.schema.identity = IdentityKind::kContent;
  setup.source.event.id.clear();
  setup.schema.id = {PartType::kInt, PartType::kInt};
  const auto out = decode(setup, R"({"s":"A","t":1,"p":1})"
                                 "\n"
                                 R"({"s":"A","t":1,"p":"1.0"})"
                                 "\n"
                                 R"({"s":"A","t":1,"p":2})");
  ASSERT_EQ(out.events.size(), 3u);
  EXPECT_EQ(compare_ids(setup.schema, out.events, 0, out.events, 1), 0);
  EXPECT_NE(compare_ids(setup.schema, out.events, 0, out.events, 2), 0);
}

// An optional column that was renamed would be null in every row, and nobody would notice.
TEST(DecoderTest, AHeaderSaysWhichColumnsItLacks) {
  DecodeSetup setup = trades(FormatKind::kCsv);
  const auto missing = [&](BytesView text) {
    Decoding decoding(setup);
    decoding.feed(text, false);
    return decoding.decoder->missing_columns();
  };
  EXPECT_EQ(missing("s,t,i,p\n"), std::vector<std::string>{});
  EXPECT_EQ(missing("s,t,i,price\n"), std::vector<std::string>{"p"});
  EXPECT_EQ(missing("s,t,i"), std::vector<std::string>{});  // not read yet
  setup.source.event.values = {field("3")};
  EXPECT_EQ(missing("s,t,i,x\n"), std::vector<std::string>{});
  EXPECT_EQ(missing("s,t,i\n"), std::vector<std::string>{"3"});
  setup.source.format.header = false;
  EXPECT_EQ(missing("s,t,i\n"), std::vector<std::string>{});
}

TEST(DecoderTest, NullIsAnArrayWithoutEvents) {
  for (const FormatKind kind : {FormatKind::kJson, FormatKind::kNdjson}) {
    DecodeSetup setup = trades(kind);
    setup.source.format.each = "data";
    const Decoded out = decode(setup, R"({"data":null})");
    EXPECT_EQ(out.counts.dead, 0u);
    EXPECT_EQ(out.counts.events, 0u);
    EXPECT_EQ(decode(setup, R"({"data":17})").counts.dead, 1u);
  }
}

}  // namespace
}  // namespace hindcast
