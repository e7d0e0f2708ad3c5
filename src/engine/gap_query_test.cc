// What readers see of gaps: law L5, in every kind of answer.
#include <algorithm>

#include "base/rng.h"
#include "engine/engine_test_util.h"

namespace hindcast {
namespace {

EventTime minute(int n) { return at_ms(kNoon + n * kMinute); }

std::string trades_of(const std::string& symbol, int from, int to) {
  std::string body;
  for (int m = from; m < to; ++m)
    body += trade(m + 1, kNoon + m * kMinute, std::to_string(10 + m), "1", symbol);
  return body;
}

class GapQueryTest : public EngineFixture {
 protected:
  GapId open_gap(int from, int to, std::vector<std::string> keys = {}) {
    return engine_
        ->open_gap({.source = "trades",
                    .from = minute(from),
                    .to = minute(to),
                    .keys = std::move(keys),
                    .detail = "said so"})
        .value();
  }
  /// One letter per bucket: Open, Sealed, Final; small when it is not complete.
  std::string states(BucketQuery query) {
    query.aggregate = "candles";
    std::string out;
    const BucketAnswer answer = engine_->buckets(query).value();
    for (const Bucket& b : answer.buckets) {
      const char letter = "OSF"[static_cast<size_t>(b.state)];
      out += b.complete ? letter : static_cast<char>(letter + ('a' - 'A'));
    }
    return out;
  }
  std::string state_of(GapId id) { return engine_->gaps({.id = id}).value().at(0).state; }
};

TEST_F(GapQueryTest, ABucketThatAnOpenGapTouchesIsSealedAndAnAcceptedOneFinalButIncomplete) {
  open();
  push(trades_of("BTC", 0, 6));
  heartbeat(kNoon + 5 * kMinute);
  EXPECT_EQ(states({}), "FFFFFO");
  const GapId gap = open_gap(1, 3);
  EXPECT_EQ(states({}), "FssFFO");
  EXPECT_EQ(states({.resolution = 5min}), "sO");
  EXPECT_EQ(state_of(gap), "open");
  engine_->accept_gap(gap, "the exchange lost it too").value();
  EXPECT_EQ(states({}), "FffFFO");
  EXPECT_EQ(states({.resolution = 5min}), "fO");
  EXPECT_EQ(state_of(gap), "accepted");
  EXPECT_TRUE(engine_->gaps({.open_only = true}).value().empty());
}

TEST_F(GapQueryTest, AGapAheadOfTheFrontierMakesOpenBucketsIncomplete) {
  open();
  push(trades_of("BTC", 0, 4));
  heartbeat(kNoon + 2 * kMinute);
  open_gap(1, 4);
  EXPECT_EQ(states({}), "Fsoo");
  heartbeat(kNoon + 5 * kMinute);
  EXPECT_EQ(states({}), "Fsss");
}

TEST_F(GapQueryTest, AGapOfSomeKeysLeavesTheOthersFinal) {
  open(source_toml("kind = \"http\"\npartitions = 2\n") + candles_toml());
  push(trades_of("BTC", 0, 3) + trades_of("ETH", 0, 3));
  heartbeat(kNoon + 5 * kMinute);
  open_gap(0, 2, {"ETH", "ETH", "XRP"});
  EXPECT_EQ(states({.key = "BTC"}), "FFF");
  EXPECT_EQ(states({.key = "ETH"}), "ssF");
  EXPECT_EQ(states({.key = "ETH", .resolution = 5min}), "s");
  EXPECT_EQ(engine_->gaps({}).value().at(0).gap.scope.keys.size(), 2U) << "each key once";
}

TEST_F(GapQueryTest, TheStateFilterSeesWhatAGapMakesOfABucket) {
  open();
  push(trades_of("BTC", 0, 10));
  heartbeat(kNoon + 8 * kMinute);
  open_gap(2, 4);
  EXPECT_EQ(states({.state = BucketState::kFinal}), "FFFFFF");
  EXPECT_EQ(states({.state = BucketState::kSealed}), "ss");
  EXPECT_EQ(states({.state = BucketState::kOpen}), "OO");
  EXPECT_EQ(states({.resolution = 5min, .state = BucketState::kFinal}), "");
  EXPECT_EQ(states({.resolution = 5min, .state = BucketState::kSealed}), "s");
  // The limit counts what the filter lets through.
  EXPECT_EQ(states({.state = BucketState::kSealed, .limit = 1}), "s");
  EXPECT_EQ(states({.state = BucketState::kFinal, .limit = 4}), "FFFF");
}

TEST_F(GapQueryTest, WindowsWithoutEventsFollowTheSameRule) {
  open();
  push(trades_of("BTC", 0, 1) + trades_of("BTC", 6, 7) + trades_of("ETH", 0, 1));
  heartbeat(kNoon + 6 * kMinute);
  open_gap(2, 3);
  open_gap(4, 5, {"BTC"});
  const BucketQuery btc{.key = "BTC", .from = minute(0), .to = minute(8), .fill = Fill::kZero};
  EXPECT_EQ(states(btc), "FFsFsFOO");
  BucketQuery both = btc;
  both.key.reset();
  EXPECT_EQ(states(both),
            "FFsFsFOO"
            "FFsFFFOO");
  both.state = BucketState::kSealed;
  EXPECT_EQ(states(both), "sss");
}

// Nobody knows when an outcome came, and a number that was published over a hole should not pass
// for a whole one.
TEST_F(GapQueryTest, ThePastIsShownWithTheGapsOfToday) {
  open();
  push(trades_of("BTC", 0, 3));
  heartbeat(kNoon + 5 * kMinute);
  const EventTime then(buckets(1min)[2].published_at.time_since_epoch());
  open_gap(1, 2);
  EXPECT_EQ(states({.as_of = then}), "FsF");
}

TEST_F(GapQueryTest, AGapAndItsNumberSurviveARestart) {
  open();
  push(trades_of("BTC", 0, 3));
  heartbeat(kNoon + 5 * kMinute);
  const GapId first = open_gap(0, 1), second = open_gap(1, 2);
  engine_->accept_gap(first, "known").value();
  close();
  open();
  EXPECT_EQ(states({}), "fsF");
  EXPECT_GT(open_gap(2, 3), second);
  close();
  const auto stopped =
      open_stopped(config_of(source_toml() + candles_toml(), folder_.path()), files_).value();
  const std::vector<GapEntry> gaps = stopped->gaps({.source = "trades"}).value();
  ASSERT_EQ(gaps.size(), 3U);
  EXPECT_EQ(gaps[2].state, "accepted");
  EXPECT_EQ(gaps[2].outcomes.at(0).detail, "known");
  const auto refused = stopped->open_gap({.source = "trades", .from = minute(0), .to = minute(1)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(stopped->accept_gap(1, "x").error().code, ErrorCode::kUnavailable);
}

TEST_F(GapQueryTest, OpeningAndAcceptingAreAnnounced) {
  open();
  push(trades_of("BTC", 0, 1));
  heartbeat(kNoon + 5 * kMinute);
  const std::vector<Change> before = engine_->changes({}, 1'000).value();
  const GapId gap = open_gap(0, 1);
  engine_->accept_gap(gap, "known").value();
  engine_->accept_gap(gap, "known").value();  // said already: says nothing
  const std::vector<Change> changes = engine_->changes(before.back().number, 1'000).value();
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0].kind, Change::Kind::kGapOpened);
  EXPECT_EQ(changes[0].gap->detail, "said so");
  EXPECT_EQ(changes[1].kind, Change::Kind::kGapClosed);
  EXPECT_EQ(changes[1].outcome->kind, GapOutcome::Kind::kAccepted);
  EXPECT_NE(changes[1].published_at, ProcessingTime{});
}

TEST_F(GapQueryTest, ARequestThatMakesNoSenseIsRefusedWithTheReason) {
  open(source_toml("kind = \"http\"\npartitions = 2\n") + candles_toml());
  const auto refused = [&](const GapRequest& request) {
    const auto answer = engine_->open_gap(request);
    EXPECT_FALSE(answer);
    return answer ? "" : answer.error().message;
  };
  EXPECT_EQ(refused({.source = "trade", .from = minute(0), .to = minute(1)}),
            "no source 'trade' (did you mean 'trades'?)");
  EXPECT_EQ(refused({.source = "trades", .from = minute(1), .to = minute(1)}),
            "'from' must be before 'to'");
  EXPECT_NE(
      refused({.source = "trades", .from = minute(0), .to = minute(1), .keys = {R"(["A","B"])"}}),
      "");
  EXPECT_EQ(engine_->accept_gap(99, "x").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(engine_->gaps({.source = "nope"}).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(engine_->gaps({}).value().empty()) << "nothing was opened";
}

// Any gaps, in any order, against the definition: asked instant by instant and key by key.
TEST_F(GapQueryTest, EveryAnswerAgreesWithTheDefinition) {
  struct Known {
    GapId id;
    int from, to;
    std::vector<std::string> keys;
    bool accepted = false;
  };
  constexpr int kMinutes = 20, kClosed = 15;
  const std::vector<std::string> symbols = {"BTC", "ETH", "XRP"};
  open(source_toml("kind = \"http\"\npartitions = 2\nwatermark = { delay = \"5m\" }\n") +
       candles_toml());
  push(trades_of("BTC", 0, kMinutes) + trades_of("ETH", 0, 4) + trades_of("ETH", 9, kMinutes) +
       trades_of("XRP", 0, 1) + trades_of("XRP", kMinutes - 1, kMinutes));
  heartbeat(kNoon + kClosed * kMinute);

  Rng rng(7);
  std::vector<Known> known;
  const auto expected = [&](const Bucket& bucket) {
    bool open = false, any = false;
    for (const Known& gap : known) {
      if (!bucket.window.intersects({minute(gap.from), minute(gap.to)})) continue;
      if (!gap.keys.empty() && std::ranges::count(gap.keys, bucket.key) == 0) continue;
      any = true;
      open |= !gap.accepted;
    }
    const bool behind = bucket.window.end <= minute(kClosed);
    const BucketState state = !behind ? BucketState::kOpen
                              : open  ? BucketState::kSealed
                                      : BucketState::kFinal;
    return BucketStanding{state, !any};
  };
  for (int round = 0; round < 40; ++round) {
    if (!known.empty() && rng.chance(0.4)) {
      Known& gap = known[rng.below(known.size())];
      engine_->accept_gap(gap.id, "round").value();
      gap.accepted = true;
    } else {
      const int from = static_cast<int>(rng.below(kMinutes));
      std::vector<std::string> keys;
      for (const std::string& symbol : symbols) {
        if (rng.chance(0.3)) keys.push_back(symbol);
      }
      const int to = from + 1 + static_cast<int>(rng.below(4));
      known.push_back({open_gap(from, to, keys), from, to, keys});
    }
    for (const Duration resolution : {Duration(1min), Duration(5min)}) {
      for (const Fill fill : {Fill::kNone, Fill::kZero}) {
        BucketQuery query{.aggregate = "candles", .resolution = resolution, .fill = fill};
        const std::vector<Bucket> all = engine_->buckets(query).value().buckets;
        for (const Bucket& bucket : all) {
          EXPECT_EQ((BucketStanding{bucket.state, bucket.complete}), expected(bucket))
              << bucket.key << " " << to_rfc3339(bucket.window.start) << " " << round;
        }
        for (const auto state : {BucketState::kOpen, BucketState::kSealed, BucketState::kFinal}) {
          query.state = state;
          const auto found = engine_->buckets(query).value().buckets;
          EXPECT_EQ(found.size(),
                    static_cast<size_t>(std::ranges::count(all, state, &Bucket::state)));
        }
      }
    }
  }
}

}  // namespace
}  // namespace hindcast
