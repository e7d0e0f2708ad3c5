#include "net/json_writer.h"

#include <gtest/gtest.h>

#include <limits>

namespace hindcast {
namespace {

TEST(JsonWriterTest, CommasStandBetweenValuesOnEveryLevel) {
  Bytes out;
  JsonWriter json(out);
  json.begin_object().field("a", uint64_t{1}).key("b").begin_array();
  json.number(int64_t{-2})
      .begin_object()
      .end_object()
      .begin_array()
      .null()
      .boolean(true)
      .end_array();
  json.end_array().field("c", "x").end_object();
  EXPECT_EQ(out, R"({"a":1,"b":[-2,{},[null,true]],"c":"x"})");
}

TEST(JsonWriterTest, DoublesReadBackAsTheSame) {
  Bytes out;
  JsonWriter json(out);
  json.begin_array()
      .number(0.1)
      .number(1e300)
      .number(2.0)
      .number(std::numeric_limits<double>::quiet_NaN())
      .end_array();
  EXPECT_EQ(out, "[0.1,1e+300,2,null]");
}

TEST(JsonWriterTest, ControlCharactersAndQuotesAreEscaped) {
  Bytes out;
  append_json_string(out, std::string_view("\"\\\n\x01\0z", 6));
  EXPECT_EQ(out, R"("\"\\\n\u0001\u0000z")");
}

// A dead letter shows what a producer sent, whatever that was; the answer must still be JSON.
TEST(JsonWriterTest, InvalidUtf8BecomesReplacementCharacters) {
  Bytes out;
  append_json_string(out, "a\xC3\xA4\xF0\x9F\x98\x80 \xFF \xC3 \xED\xA0\x80");
  EXPECT_EQ(out,
            "\"a\xC3\xA4\xF0\x9F\x98\x80 \xEF\xBF\xBD \xEF\xBF\xBD "
            "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace hindcast
