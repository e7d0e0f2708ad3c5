#include "cli/table.h"

#include <gtest/gtest.h>

#include <sstream>

namespace hindcast {
namespace {

Table example() {
  Table table;
  table.column("key", Table::Align::kLeft);
  table.column("events");
  table.row({"Zürich", "7"});
  table.row({"a,\"b\"", "1200"});
  return table;
}

TEST(TableTest, ColumnsAlignByCharactersNotBytes) {
  std::ostringstream out;
  example().print(out);
  EXPECT_EQ(out.str(),
            "key     events\n"
            "Zürich       7\n"
            "a,\"b\"     1200\n");
}

TEST(TableTest, CsvQuotesWhatItMust) {
  std::ostringstream out;
  example().print_csv(out);
  EXPECT_EQ(out.str(), "key,events\r\nZürich,7\r\n\"a,\"\"b\"\"\",1200\r\n");
}

// A dead letter holds what a producer sent; it must not move the operator's cursor.
TEST(TableTest, ControlCharactersAreNotPrinted) {
  Table table;
  table.column("raw", Table::Align::kLeft);
  table.row({"\x1b[2Jx\n"});
  std::ostringstream out;
  table.print(out);
  EXPECT_EQ(out.str(), "raw\n?[2Jx?\n");
}

TEST(TableTest, NumbersTimesAndSizesForPeople) {
  EXPECT_EQ(with_commas("1234567"), "1,234,567");
  EXPECT_EQ(with_commas("123"), "123");
  EXPECT_EQ(with_commas("1.5"), "1.5");
  EXPECT_EQ(short_time("2024-03-01T10:00:00Z"), "2024-03-01 10:00:00");
  EXPECT_EQ(short_time(""), "-");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
}

TEST(TableTest, DurationsHaveTheirTwoLargestUnits) {
  EXPECT_EQ(human_duration(Duration(0)), "0s");
  EXPECT_EQ(human_duration(Duration(1500ms)), "1.5s");
  EXPECT_EQ(human_duration(Duration(60s)), "1m");
  EXPECT_EQ(human_duration(Duration(150s)), "2m30s");
  EXPECT_EQ(human_duration(Duration(3600s + 1s)), "1h");
  EXPECT_EQ(human_duration(Duration(25h + 59min)), "1d1h");
}

}  // namespace
}  // namespace hindcast
