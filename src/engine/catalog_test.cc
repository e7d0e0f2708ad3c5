#include "engine/catalog.h"

#include "engine/engine_test_util.h"
#include "store/memory_store.h"

namespace hindcast {
namespace {

Result<Catalog> open(Store& store, const std::string& toml, bool read_only = false) {
  return Catalog::open(config_of(toml, "/nowhere"), store, read_only);
}

// Everything stored refers to numbers: they may not depend on what else the configuration holds.
TEST(CatalogTest, NumbersStayWhenTheConfigurationGrows) {
  MemoryStore store;
  const Catalog before = open(store, source_toml() + candles_toml()).value();
  std::string other = source_toml("kind = \"http\"\npartitions = 3\n");
  other.replace(other.find("trades"), 6, "alerts");
  std::string candles = candles_toml();
  candles.insert(candles.find("bucket"), "sources = [\"trades\"]\n");
  const Catalog after = open(store, other + source_toml() + candles).value();
  EXPECT_EQ(after.streams().at("trades").id, before.streams().at("trades").id);
  EXPECT_EQ(after.streams().at("trades").partitions, before.streams().at("trades").partitions);
  EXPECT_EQ(after.sources().at("trades"), before.sources().at("trades"));
  EXPECT_EQ(after.aggregates().at("candles").id, before.aggregates().at("candles").id);
  ASSERT_EQ(after.streams().at("alerts").partitions.size(), 3U);
  EXPECT_NE(after.streams().at("alerts").partitions.front(),
            after.streams().at("trades").partitions.front());
}

// Stored pages cannot be read with another schema; the message says what differs and what to do.
TEST(CatalogTest, AChangedShapeIsRefused) {
  MemoryStore store;
  ASSERT_TRUE(open(store, source_toml() + candles_toml()));
  const auto changed = open(store, source_toml("kind = \"http\"\nslots = 32\n") + candles_toml());
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(changed.error().message.find("slots 16"), std::string::npos);
  EXPECT_NE(changed.error().message.find("slots 32"), std::string::npos);
}

// The rows of the old definition stay what they were; the new one does not write over them.
TEST(CatalogTest, AChangedAggregateGetsANewNumberAndTheOldOneBackItsOwn) {
  MemoryStore store;
  const auto id = [&](const std::string& last) {
    return open(store, source_toml() + candles_toml(last)).value().aggregates().at("candles").id;
  };
  const AggregateId sum = id("volume = \"sum(qty)\"\n");
  EXPECT_NE(id("volume = \"max(qty)\"\n"), sum);
  EXPECT_EQ(id("volume = \"sum(qty)\"\n"), sum);
}

TEST(CatalogTest, ReadingOnlyMakesNoNumbers) {
  MemoryStore store;
  const auto unknown = open(store, source_toml() + candles_toml(), /*read_only=*/true);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(open(store, source_toml() + candles_toml()));
  EXPECT_TRUE(open(store, source_toml() + candles_toml(), /*read_only=*/true));
}

// A replay process has no store: it knows what the daemon read.
TEST(CatalogTest, ItOpensAgainByItsNumbersAlone) {
  MemoryStore store;
  open(store, source_toml() + candles_toml("volume = \"max(qty)\"\n")).value();  // numbers differ
  const std::string toml = source_toml() + candles_toml();
  const Catalog catalog = open(store, toml).value();
  const Catalog again = Catalog::open(config_of(toml, "/nowhere"), catalog.numbers()).value();
  EXPECT_EQ(again.numbers(), catalog.numbers());
  EXPECT_EQ(again.sources(), catalog.sources());
  EXPECT_EQ(again.streams().at("trades").partitions, catalog.streams().at("trades").partitions);
  EXPECT_EQ(again.aggregates().at("candles").id, catalog.aggregates().at("candles").id);
  const auto unknown = Catalog::open(config_of(toml, "/nowhere"), {});
  EXPECT_EQ(unknown.error().code, ErrorCode::kNotFound);
}

// A bucket longer than the page window is a rollup: rows of the page window lie beneath it.
TEST(CatalogTest, LevelsBeginWithThePageWindow) {
  MemoryStore store;
  const Catalog catalog =
      open(store, source_toml("kind = \"http\"\npage_window = \"1m\"\n") + candles_toml()).value();
  const AggregateEntry& candles = catalog.aggregates().at("candles");
  EXPECT_EQ(candles.levels, (std::vector<Duration>{1min, 5min}));
  EXPECT_EQ(candles.page_levels, 1U);
  const std::vector<LaneAggregate> lane = catalog.lane_aggregates("trades");
  ASSERT_EQ(lane.size(), 1U);
  EXPECT_EQ(lane[0].parent, Duration(5min));
}

}  // namespace
}  // namespace hindcast
