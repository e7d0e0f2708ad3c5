#include "net/path_template.h"

#include <gtest/gtest.h>

#include "base/sim_files.h"

namespace hindcast {
namespace {

TEST(PathTemplateTest, NamesTakeAsLittleAsTheyCanFromTheLeft) {
  EXPECT_EQ(match_component("{symbol}-{date}.csv", "BTC-2024-03-01.csv"),
            (PathParts{{"symbol", "BTC"}, {"date", "2024-03-01"}}));
  EXPECT_EQ(match_component("{day}_trade_{contract}.csv", "20131007_trade_gc_201312.csv"),
            (PathParts{{"day", "20131007"}, {"contract", "gc_201312"}}));
}

TEST(PathTemplateTest, ANameIsNeverEmptyAndRepeatsAreEqual) {
  EXPECT_EQ(match_component("{a}.csv", ".csv"), std::nullopt);
  EXPECT_EQ(match_component("{a}-{a}", "x-x"), (PathParts{{"a", "x"}}));
  EXPECT_EQ(match_component("{a}-{a}", "x-y"), std::nullopt);
}

TEST(PathTemplateTest, StarMatchesNothingOrMoreAndQuestionMarkOne) {
  EXPECT_TRUE(match_component("*.csv", "a.csv"));
  EXPECT_TRUE(match_component("a*.csv", "a.csv"));
  EXPECT_TRUE(match_component("*-*", "a-b-c"));
  EXPECT_TRUE(match_component("part?", "part7"));
  EXPECT_FALSE(match_component("part?", "part"));
  EXPECT_FALSE(match_component("*.csv", "a.csv.gz"));
}

TEST(PathTemplateTest, ASampleThatLiesElsewhereStillGivesItsParts) {
  EXPECT_EQ(match_end("/srv/{day}/{symbol}.csv", "/srv/20240301/BTC.csv"),
            (PathParts{{"symbol", "BTC"}, {"day", "20240301"}}));
  EXPECT_EQ(match_end("/srv/data/{symbol}.csv", "BTC.csv"), (PathParts{{"symbol", "BTC"}}));
  EXPECT_EQ(match_end("/srv/{symbol}.csv", "/srv/BTC.txt"), std::nullopt);
}

// Read in byte order, day 10 would come before day 9, and nine days would be behind the watermark.
TEST(PathTemplateTest, DigitsCompareAsNumbers) {
  EXPECT_TRUE(natural_less("day-9.csv", "day-10.csv"));
  EXPECT_FALSE(natural_less("day-10.csv", "day-9.csv"));
  EXPECT_TRUE(natural_less("a", "a1"));
  EXPECT_TRUE(natural_less("2024-02-28", "2024-03-01"));
  EXPECT_TRUE(natural_less("x07", "x7"));
  EXPECT_FALSE(natural_less("x7", "x07"));
  EXPECT_FALSE(natural_less("x7", "x7"));
}

class FindFilesTest : public testing::Test {
 protected:
  void make(const std::string& path) { ASSERT_TRUE(files_.open(path, OpenMode::kCreate)); }
  std::vector<std::string> find(const std::string& path_template) {
    std::vector<std::string> paths;
    const auto found = find_files(files_, path_template).value();
    for (const auto& file : found) paths.push_back(file.path);
    return paths;
  }
  SimFileSystem files_{1};
};

TEST_F(FindFilesTest, WildcardsInFoldersAndNames) {
  ASSERT_TRUE(files_.make_folder("/data/10"));
  ASSERT_TRUE(files_.make_folder("/data/9"));
  make("/data/10/BTC.csv");
  make("/data/9/ETH.csv");
  make("/data/9/.hidden.csv");
  make("/data/9/note.txt");
  make("/data/readme.csv");
  EXPECT_EQ(find("/data/{day}/{symbol}.csv"),
            (std::vector<std::string>{"/data/9/ETH.csv", "/data/10/BTC.csv"}));
  EXPECT_EQ(find("/data/9/ETH.csv"), std::vector<std::string>{"/data/9/ETH.csv"});
  EXPECT_TRUE(find("/nowhere/*.csv").empty());
}

TEST_F(FindFilesTest, AFolderWhoseNameMatchesIsNoFile) {
  ASSERT_TRUE(files_.make_folder("/data/old.csv"));
  make("/data/new.csv");
  EXPECT_EQ(find("/data/*.csv"), std::vector<std::string>{"/data/new.csv"});
}

TEST(FileNamesTest, ObjectIsThePartsOrTheBaseNameWithoutCompressionSuffix) {
  EXPECT_EQ(object_name({"/d/20131007/GC.csv.gz", {{"day", "20131007"}, {"symbol", "GC"}}}),
            "20131007/GC");
  EXPECT_EQ(object_name({"/d/trades.csv.gz", {}}), "trades.csv");
  EXPECT_EQ(object_name({"trades.csv", {}}), "trades.csv");
}

TEST(FileNamesTest, PeopleSeeThePathFromItsFirstWildcard) {
  EXPECT_EQ(display_name("/srv/data/{day}/*.csv", "/srv/data/20240301/a.csv"), "20240301/a.csv");
  EXPECT_EQ(display_name("/srv/data/a.csv", "/srv/data/a.csv"), "a.csv");
}

}  // namespace
}  // namespace hindcast
