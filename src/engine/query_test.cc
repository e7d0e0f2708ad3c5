// Answers of a running engine: open, sealed and final, what was spilled, the past, limits.
#include "engine/engine_test_util.h"

namespace hindcast {
namespace {

class QueryTest : public EngineFixture {};

std::string minutes_of_trades(int from, int to) {
  std::string body;
  for (int m = from; m < to; ++m)
    body += trade(m + 1, kNoon + m * kMinute, std::to_string(10 + m), "1");
  return body;
}

// A rollup that is folded for the query is the one that is stored later: nobody can tell them
// apart.
TEST_F(QueryTest, AParentFoldedOnTheFlyEqualsTheOneThatIsStored) {
  open();
  push(minutes_of_trades(0, 5));
  heartbeat(kNoon + 3 * kMinute);  // three children stored, two open
  const auto open_parent = buckets(5min);
  ASSERT_EQ(open_parent.size(), 1U);
  EXPECT_EQ(open_parent[0].state, BucketState::kOpen);
  EXPECT_EQ(values(open_parent[0]), "10 14 5 5");
  heartbeat(kNoon + 5 * kMinute);
  const auto stored = buckets(5min);
  ASSERT_EQ(stored.size(), 1U);
  EXPECT_EQ(stored[0].state, BucketState::kFinal);
  EXPECT_EQ(values(stored[0]), values(open_parent[0]));
  EXPECT_EQ(stored[0].digest, open_parent[0].digest);
}

// What was written early to free memory is still ahead of the frontier: the bucket stays visible.
TEST_F(QueryTest, SpilledBucketsStayVisible) {
  adjust = [](Config& config) { config.limits.open_memory = ByteCount{1}; };
  open();
  push(minutes_of_trades(0, 2));
  engine_->wait_drained();
  ASSERT_EQ(buckets(1min).size(), 2U);
  EXPECT_EQ(buckets(1min)[0].state, BucketState::kOpen);
  EXPECT_EQ(values(buckets(5min)[0]), "10 11 2 2");
  EXPECT_EQ(engine_->keys("candles", "", 10).value(), (std::vector<std::string>{"BTC"}));
  EXPECT_EQ(engine_->events({.source = "trades"}).value().events.size(), 2U);
  push(minutes_of_trades(1, 3));  // one known already, one new
  heartbeat(kNoon + 5 * kMinute);
  EXPECT_EQ(values(buckets(5min)[0]), "10 12 3 3");
  EXPECT_EQ(source().tallies, (Tallies{.aggregated = 3, .duplicate = 1}));
  EXPECT_EQ(differences(), 0U);
}

TEST_F(QueryTest, TheStateFilterLooksBehindTheLimit) {
  open();
  push(minutes_of_trades(0, 5));
  heartbeat(kNoon + 3 * kMinute);
  const auto first_open =
      engine_->buckets({.aggregate = "candles", .state = BucketState::kOpen, .limit = 1}).value();
  ASSERT_EQ(first_open.buckets.size(), 1U);
  EXPECT_EQ(first_open.buckets[0].window.start, at_ms(kNoon + 3 * kMinute));
  EXPECT_TRUE(first_open.truncated);
  const auto final =
      engine_->buckets({.aggregate = "candles", .state = BucketState::kFinal, .limit = 3}).value();
  EXPECT_EQ(final.buckets.size(), 3U);
  EXPECT_FALSE(final.truncated);
}

// The filter asks for final ones; filling must not put zeros where an open one was left out.
TEST_F(QueryTest, FillingDoesNotReplaceWhatTheFilterLeavesOut) {
  open();
  push(minutes_of_trades(0, 1) + minutes_of_trades(3, 5));
  heartbeat(kNoon + 4 * kMinute);
  const auto filled =
      engine_->buckets({.aggregate = "candles", .state = BucketState::kFinal, .fill = Fill::kZero})
          .value()
          .buckets;
  ASSERT_EQ(filled.size(), 4U);
  EXPECT_TRUE(filled[1].filled && filled[2].filled);
  EXPECT_EQ(values(filled[3]), "13 13 1 1");
}

// What was published, not what would be folded from today's rows.
TEST_F(QueryTest, AsOfShowsWhatWasPublishedThen) {
  open();
  push(trade(1, kNoon, "10", "1"));
  heartbeat(kNoon + 5 * kMinute);
  const auto as_of = [&](Duration resolution, EventTime at) {
    return engine_->buckets({.aggregate = "candles", .resolution = resolution, .as_of = at})
        .value()
        .buckets;
  };
  const EventTime then(buckets(5min)[0].published_at.time_since_epoch());
  push(trade(2, kNoon + 10, "9", "1"));
  engine_->wait_drained();
  EXPECT_EQ(values(buckets(1min)[0]), "10 9 2 2");
  ASSERT_EQ(as_of(1min, then).size(), 1U);
  EXPECT_EQ(values(as_of(1min, then)[0]), "10 10 1 1");
  EXPECT_EQ(values(as_of(5min, then)[0]), "10 10 1 1");
  EXPECT_TRUE(as_of(1min, at_ms(0)).empty());
}

TEST_F(QueryTest, AsOfHasNoOpenRollups) {
  open();
  push(minutes_of_trades(0, 3));
  heartbeat(kNoon + 2 * kMinute);
  EXPECT_EQ(buckets(5min).size(), 1U);
  EXPECT_TRUE(engine_->buckets({.aggregate = "candles", .resolution = 5min, .as_of = at_ms(0)})
                  .value()
                  .buckets.empty());
}

// The page holds more events than the limit, all of them before the range.
TEST_F(QueryTest, EventsOfANarrowRangeAreFoundInALargePage) {
  open();
  std::string body;
  for (int i = 0; i < 50; ++i) body += trade(i, kNoon + i, "1", "1");
  push(body + trade(99, kNoon + 40'000, "7", "1"));
  heartbeat(kNoon + kMinute);
  const auto found =
      engine_->events({.source = "trades", .from = at_ms(kNoon + 30'000), .limit = 2}).value();
  EXPECT_EQ(found.events.size(), 1U);
  EXPECT_FALSE(found.truncated);
  EXPECT_TRUE(engine_->events({.source = "trades", .limit = 50}).value().truncated);
}

TEST_F(QueryTest, KeysAreListedInOrderWhereverTheirBucketsAre) {
  open();
  push(trade(1, kNoon, "1", "1", "OLD"));
  heartbeat(kNoon + 10 * kMinute);
  push(trade(2, kNoon + 10 * kMinute, "1", "1", "SEALED"));
  heartbeat(kNoon + 11 * kMinute);
  push(trade(3, kNoon + 12 * kMinute, "1", "1", "OPEN"));
  engine_->wait_drained();
  EXPECT_EQ(engine_->keys("candles", "", 10).value(),
            (std::vector<std::string>{"OLD", "OPEN", "SEALED"}));
  EXPECT_EQ(engine_->keys("candles", "OLD", 1).value(), (std::vector<std::string>{"OPEN"}));
}

// `--data-dir` on a stopped directory: what is in the store, also what is not sealed yet.
TEST_F(QueryTest, AStoppedDirectoryShowsWhatTheStoreHas) {
  open();
  push(minutes_of_trades(0, 5));
  heartbeat(kNoon + 3 * kMinute);
  close();
  const Config config = config_of(source_toml() + candles_toml(), folder_.path());
  const auto stopped = open_stopped(config, files_);
  ASSERT_TRUE(stopped) << stopped.error().message;
  const auto rows = (*stopped)->buckets({.aggregate = "candles"}).value().buckets;
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[2].state, BucketState::kFinal);
  const SystemStatus status = (*stopped)->status();
  EXPECT_EQ(status.state, "stopped");
  EXPECT_EQ(status.sources[0].tallies.aggregated, 3U);
  EXPECT_TRUE(status.sources[0].balanced());
  EXPECT_EQ((*stopped)->verify({}).value().differences_total, 0U);
  EXPECT_FALSE((*stopped)->ready());
}

}  // namespace
}  // namespace hindcast
