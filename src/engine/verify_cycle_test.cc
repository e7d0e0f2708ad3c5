#include "engine/verify_cycle.h"

#include "engine/sealed_trades_test_util.h"

namespace hindcast {
namespace {

using testing::Each;

// Stretches of five minutes: the coarsest bucket.
class VerifyCycleTest : public SealedTrades {
 protected:
  VerifyCycleTest() : SealedTrades(15) { restart(); }
  void restart() {
    cycle_.emplace(catalog_, store_, 24h);
    cycle_->load().value();
  }
  bool step(Duration at = {}) {
    return cycle_
        ->step(ProcessingTime(1h) + at,
               [&](ByteCount bytes) {
                 read_ += bytes;
                 ++pages_;
                 return true;
               })
        .value();
  }
  int steps(Duration at = {}) {
    int count = 0;
    while (step(at)) ++count;
    return count;
  }
  VerifiedStatus status() { return cycle_->status().at("trades"); }
  static EventTime minute(int m) { return at_ms(kNoon + m * kMinute); }

  std::optional<VerifyCycle> cycle_;
  ByteCount read_;
  int pages_ = 0;
};

TEST_F(VerifyCycleTest, WhatIsFinalIsVerifiedStretchByStretchAndThenItRests) {
  EXPECT_EQ(status().through, std::nullopt);
  EXPECT_TRUE(step());
  EXPECT_EQ(status().through, minute(5));
  EXPECT_EQ(pages_, 5);
  EXPECT_EQ(status().bytes, read_);
  EXPECT_EQ(steps(), 2);
  EXPECT_EQ(status().through, minute(15));
  EXPECT_FALSE(step());
  EXPECT_EQ(pages_, 15);
}

TEST_F(VerifyCycleTest, AStretchIsVerifiedOnceAllOfItIsBehindTheFrontier) {
  steps();
  std::string more;
  for (int m = 15; m < 19; ++m) more += trade(100 + m, kNoon + m * kMinute, "10", "1");
  seal(decoded(more), 19);
  EXPECT_FALSE(step());
  seal(decoded(trade(200, kNoon + 19 * kMinute, "10", "1")), 20);
  EXPECT_EQ(steps(), 1);
  EXPECT_EQ(status().through, minute(20));
}

// A byte that decays after it was verified is found in the next cycle, and the border goes back to
// it until it is mended.
TEST_F(VerifyCycleTest, DecayIsFoundWithinOneCycle) {
  steps();
  store_.inner.flip(page(7), 0, 20);
  EXPECT_EQ(steps(23h), 0);
  EXPECT_EQ(steps(25h), 3);
  EXPECT_EQ(status().cycles, 1u);
  EXPECT_EQ(status().bad, 1u);
  EXPECT_EQ(status().through, minute(5));
  EXPECT_EQ(steps(26h), 0) << "one round a day";
  // Mended, as a late event would.
  const std::vector<LaneAggregate> aggregates = catalog_.lane_aggregates("trades");
  PageParts read = store_.snapshot().value()->page(page(7), Lane::kReplay).value();
  const MergeContext context{
      .schema = stream_.schema, .aggregates = aggregates, .cause = {}, .next_gap = [] {
        return GapId{1};
      }};
  PageMerge merge = merge_page(context, page(7), decoded(trade(8, kNoon + 7 * kMinute, "10", "1")),
                               &read, RowsOf::kAll)
                        .value();
  Commit commit{.id = 2};
  commit.pages.push_back(*merge.add);
  commit.rows = merge.rows;
  store_.commit(std::move(commit), [](const Result<CommitResult>&) {});
  EXPECT_EQ(steps(50h), 3);
  EXPECT_EQ(status().bad, 0u);
  EXPECT_EQ(status().through, minute(15));
}

TEST_F(VerifyCycleTest, ADifferenceInWhatIsFreshHoldsTheBorderAndNotTheRest) {
  store_.inner.lose_head(page(2));
  EXPECT_EQ(steps(), 3);
  EXPECT_EQ(status().through, minute(0));
  EXPECT_EQ(status().bad, 1u);
}

TEST_F(VerifyCycleTest, ARestartGoesOnWhereItStood) {
  step();
  step();
  restart();
  EXPECT_EQ(status().through, minute(10));
  EXPECT_EQ(steps(), 1);
  steps(25h);
  restart();
  EXPECT_EQ(steps(26h), 0) << "the cycle began an hour ago, in another life";
  store_.inner.lose_head(page(7));
  steps(60h);
  restart();
  EXPECT_EQ(status().bad, 1u);
  EXPECT_EQ(status().through, minute(5));
}

TEST_F(VerifyCycleTest, WhatCannotBeReadInTheMetaBeginsAnew) {
  steps();
  for (const Bytes& kept : {Bytes(), Bytes("\x07garbage"), Bytes(1, '\x01')}) {
    store_.put_meta("verified/trades", kept).value();
    restart();
    EXPECT_EQ(status().through, std::nullopt);
    EXPECT_EQ(steps(), 3);
  }
}

TEST_F(VerifyCycleTest, AStopLeavesTheStretchForLater) {
  int left = 7;
  const auto go_on = [&](ByteCount) { return left-- > 0; };
  EXPECT_TRUE(cycle_->step(ProcessingTime(1h), go_on).value());
  EXPECT_EQ(cycle_->step(ProcessingTime(1h), go_on).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(status().through, minute(5));
  EXPECT_EQ(steps(), 2);
}

// Years without data are stepped over at once.
TEST_F(VerifyCycleTest, EmptyTimeIsSteppedOver) {
  const int far = 3 * 365 * 24 * 60;
  seal(decoded(trade(300, kNoon + far * kMinute, "10", "1")), far + 5);
  EXPECT_EQ(steps(), 4);
  EXPECT_EQ(status().through, minute(far + 5));
}

TEST(VerifyCycleEmptyTest, AnEmptyStoreHasNothingToVerify) {
  const Config config = config_of(source_toml() + candles_toml(), "/nowhere");
  MemoryStore store;
  const Catalog catalog = Catalog::open(config, store, false).value();
  VerifyCycle cycle(catalog, store);
  ASSERT_TRUE(cycle.load());
  EXPECT_FALSE(cycle.step(ProcessingTime(1h), [](ByteCount) { return true; }).value());
  EXPECT_EQ(cycle.status().at("trades").through, std::nullopt);
}

class VerifierEngineTest : public EngineFixture {};

TEST_F(VerifierEngineTest, TheStatusTellsWhatWasVerifiedAlsoAfterARestart) {
  adjust = [](Config& config) { config.limits.verify_rate = 4_MiB; };
  open();
  std::string body;
  for (int m = 0; m < 6; ++m) body += trade(m + 1, kNoon + m * kMinute, "10", "1");
  push(body);
  heartbeat(kNoon + 6 * kMinute);
  close();  // the next one looks at once
  open();
  const auto through = [&] { return engine_->status().verified.at("trades").through; };
  while (through() != at_ms(kNoon + 5 * kMinute)) std::this_thread::yield();
  close();
  adjust = nullptr;
  open();
  EXPECT_EQ(through(), at_ms(kNoon + 5 * kMinute));
  close();
}

}  // namespace
}  // namespace hindcast
