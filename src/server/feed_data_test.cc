#include "server/feed_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/feed_test_util.h"

namespace hindcast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string served(const FeedData& data, size_t record) {
  Bytes out;
  data.append(record, out);
  return out;
}

TEST(FeedDataTest, RecordsAreServedByTimeAndThoseOfOneInstantAsTheyStood) {
  const std::string text = feed_row("X", "B", 3000) + feed_row("X", "A", 1000) +
                           feed_row("Y", "B", 1000) + feed_row("X", "A", 2000);
  const FeedData data = read_feed({{"t", text}}, feed_mapping()).value();
  ASSERT_EQ(data.records.size(), 4u);
  EXPECT_EQ(served(data, 0), R"({"venue":"X","sym":"A","ts":1000,"price":1.5,"seq":1})");
  EXPECT_EQ(served(data, 1), R"({"venue":"Y","sym":"B","ts":1000,"price":1.5,"seq":1})");
  EXPECT_EQ(served(data, 2), R"({"venue":"X","sym":"A","ts":2000,"price":1.5,"seq":2})");
  EXPECT_EQ(served(data, 3), R"({"venue":"X","sym":"B","ts":3000,"price":1.5,"seq":2})");
  EXPECT_THAT(data.channels, ElementsAre("X", "Y"));
  EXPECT_THAT(data.keys, ElementsAre("A", "B"));
  EXPECT_THAT(data.of_key[data.find_key("B")], ElementsAre(1, 3));
  EXPECT_THAT(data.of_channel[data.find_channel("X")], ElementsAre(0, 2, 3));
  EXPECT_EQ(data.find_key("C"), SIZE_MAX);
}

TEST(FeedDataTest, SeveralFilesAreOneFeed) {
  const FeedData data =
      read_feed({{"a", feed_row("X", "A", 2000)}, {"b", feed_row("X", "A", 1000)}}, feed_mapping())
          .value();
  ASSERT_EQ(data.records.size(), 2u);
  EXPECT_EQ(data.records[0].time, second(1));
  EXPECT_EQ(data.records[1].seq, 2u);
}

TEST(FeedDataTest, RowsOfCsvBecomeObjectsWithTheNamesOfTheHeader) {
  FeedMapping mapping = feed_mapping();
  mapping.format = FormatKind::kCsv;
  mapping.delimiter = ';';
  mapping.key = {"venue", "sym"};
  mapping.id = "n";
  const FeedData data = read_feed({{"t.csv",
                                    "n;venue;sym;ts;note\r\n"
                                    "7;X;007;1000;\"a \"\"b\"\"; c\n\"\r\n"
                                    "\r\n"
                                    "8;X;A;2000;\n"}},
                                  mapping)
                            .value();
  ASSERT_EQ(data.records.size(), 2u);
  EXPECT_EQ(served(data, 0),
            R"({"n":7,"venue":"X","sym":"007","ts":1000,"note":"a \"b\"; c\n","seq":1})");
  EXPECT_EQ(served(data, 1), R"({"n":8,"venue":"X","sym":"A","ts":2000,"note":null,"seq":1})");
  EXPECT_THAT(data.keys, ElementsAre("X/007", "X/A"));
  EXPECT_EQ(data.records[1].id, 8u);
}

TEST(FeedDataTest, AnArrayOfObjectsIsReadLikeLines) {
  FeedMapping mapping = feed_mapping();
  mapping.channel = "";
  const FeedData data =
      read_feed({{"t", "[" + feed_row("X", "A", 1000) + "," + feed_row("X", "A", 2000) + "]"}},
                mapping)
          .value();
  EXPECT_EQ(data.records.size(), 2u);
  EXPECT_THAT(data.channels, ElementsAre("all"));
}

TEST(FeedDataTest, WhatCannotBeServedIsLeftOutAndCounted) {
  const FeedData data =
      read_feed({{"t",
                  "{\"sym\":\"A\"}\n[1]\nno\n{\"venue\":\"X\",\"ts\":1}\n{\"sym\":\"A\",\"ts\":"
                  "1}\n" +
                      feed_row("X", "A", 1000)}},
                feed_mapping())
          .value();
  EXPECT_EQ(data.records.size(), 1u);
  EXPECT_EQ(data.left_out, 5u);
  EXPECT_EQ(data.left_out_example, "t:1: field 'ts' is not a Unix time in ms");
}

TEST(FeedDataTest, WhatServesNothingIsAnError) {
  const auto none = read_feed({{"t", "{\"sym\":\"A\"}\n"}}, feed_mapping());
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("no record could be read; t:1: field 'ts'"));
  EXPECT_FALSE(read_feed({{"t", ""}}, feed_mapping()));
  FeedMapping csv = feed_mapping();
  csv.format = FormatKind::kCsv;
  EXPECT_THAT(read_feed({{"t", ""}}, csv).error().message, HasSubstr("no CSV header"));
}

TEST(FeedDataTest, AFieldCalledLikeTheSequenceNumberIsAnError) {
  const std::string text = R"({"venue":"X","sym":"A","ts":1,"seq":5})";
  const auto data = read_feed({{"t", text}}, feed_mapping());
  ASSERT_FALSE(data);
  EXPECT_THAT(data.error().message, HasSubstr("--seq-name"));
  FeedMapping other = feed_mapping();
  other.seq_name = "n";
  EXPECT_EQ(served(read_feed({{"t", text}}, other).value(), 0),
            R"({"venue":"X","sym":"A","ts":1,"seq":5,"n":1})");
}

}  // namespace
}  // namespace hindcast
