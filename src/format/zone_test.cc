#include "format/zone.h"

#include <gtest/gtest.h>

#include "base/host.h"
#include "base/time.h"

namespace hindcast {
namespace {

int64_t civil(int64_t y, unsigned mo, unsigned d, int h, int mi = 0) {
  return days_from_civil(y, mo, d) * 86400 + h * 3600 + mi * 60;
}

class NewYork : public testing::Test {
 protected:
  void SetUp() override {
    auto loaded = Zone::load("America/New_York");
    if (!loaded) GTEST_SKIP() << loaded.error().message;
    zone = *loaded;
  }
  Zone zone;
};

TEST_F(NewYork, SummerAndWinterDiffer) {
  EXPECT_EQ(zone.to_unix(civil(2013, 10, 7, 9, 30)), civil(2013, 10, 7, 13, 30));
  EXPECT_EQ(zone.to_unix(civil(2013, 12, 7, 9, 30)), civil(2013, 12, 7, 14, 30));
}

// 2013-11-03 02:00 EDT became 01:00 EST: 01:30 was there twice.
TEST_F(NewYork, ATimeThatExistsTwiceIsTheFirst) {
  EXPECT_EQ(zone.to_unix(civil(2013, 11, 3, 1, 30)), civil(2013, 11, 3, 5, 30));
}

// 2013-03-10 02:00 EST became 03:00 EDT: 02:30 was not there.
TEST_F(NewYork, ATimeThatWasSkippedCountsOn) {
  EXPECT_EQ(zone.to_unix(civil(2013, 3, 10, 2, 30)), civil(2013, 3, 10, 7, 30));
}

// The table of the file ends in 2037; the rule behind it goes on.
TEST_F(NewYork, TheRuleGoesOnWhereTheTableEnds) {
  EXPECT_EQ(zone.to_unix(civil(2100, 7, 1, 12)), civil(2100, 7, 1, 16));
  EXPECT_EQ(zone.to_unix(civil(2100, 1, 1, 12)), civil(2100, 1, 1, 17));
  EXPECT_EQ(zone.offset_at(civil(2100, 3, 14, 7) - 1), -5 * 3600);
  EXPECT_EQ(zone.offset_at(civil(2100, 3, 14, 7)), -4 * 3600);
  EXPECT_EQ(zone.offset_at(civil(2100, 11, 7, 6) - 1), -4 * 3600);
  EXPECT_EQ(zone.offset_at(civil(2100, 11, 7, 6)), -5 * 3600);
}

TEST(ZoneTest, SouthOfTheEquatorSummerSpansTheTurnOfTheYear) {
  const auto zone = Zone::load("Australia/Sydney");
  if (!zone) GTEST_SKIP() << zone.error().message;
  EXPECT_EQ(zone->offset_at(civil(2100, 1, 1, 0)), 11 * 3600);
  EXPECT_EQ(zone->offset_at(civil(2100, 7, 1, 0)), 10 * 3600);
}

TEST(ZoneTest, UtcNeedsNoFile) { EXPECT_EQ(Zone::load("UTC").value().to_unix(12345), 12345); }

TEST(ZoneTest, AnUnknownNameSaysWhereItWasLookedFor) {
  const auto zone = Zone::load("America/Nowhere");
  ASSERT_FALSE(zone);
  EXPECT_EQ(zone.error().message,
            "time zone 'America/Nowhere': there is no file /usr/share/zoneinfo/America/Nowhere "
            "(names look like "
            "\"America/New_York\"; the package tzdata has them)");
  EXPECT_FALSE(Zone::load("../../etc/passwd"));
}

TEST(ZoneTest, ATruncatedFileIsRefusedAtEveryLength) {
  const auto bytes = read_host_file("/usr/share/zoneinfo/America/New_York", 1 << 20);
  if (!bytes) GTEST_SKIP() << bytes.error().message;
  ASSERT_TRUE(Zone::parse(*bytes));
  const size_t footer = bytes->rfind('\n', bytes->size() - 2);
  for (size_t size = 0; size < footer; ++size)
    EXPECT_FALSE(Zone::parse(std::string_view(*bytes).substr(0, size))) << size;
}

}  // namespace
}  // namespace hindcast
