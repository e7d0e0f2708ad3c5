#include "progress/coverage.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

constexpr PartitionId kP0{0}, kP1{1};
const std::vector<PartitionId> kPartitions = {kP0, kP1};

Window between(int64_t from, int64_t to) {
  return {EventTime(Duration(from)), EventTime(Duration(to))};
}
Gap gap_of(GapId id, Window range, GapScope scope = {}) {
  Gap gap;
  gap.id = id;
  gap.range = range;
  gap.scope = std::move(scope);
  return gap;
}
GapOutcome outcome_of(GapId gap, Window range, GapOutcome::Kind kind, GapScope scope = {}) {
  GapOutcome outcome;
  outcome.gaps = {gap};
  outcome.range = range;
  outcome.kind = kind;
  outcome.scope = std::move(scope);
  return outcome;
}
GapScope keys_of(PartitionId partition, const std::vector<Bytes>& keys) {
  GapScope scope{.kind = GapScope::Kind::kKeys};
  for (const Bytes& key : keys) scope.keys.emplace_back(partition, key);
  return scope;
}
GapScope partition_scope(PartitionId partition) {
  return {.kind = GapScope::Kind::kPartition, .partition = partition};
}
Folded key_of(PartitionId partition, BytesView key) { return {partition, key}; }

// Law L5: no bucket is final while an open gap intersects it; closing it without data is told.
TEST(CoverageTest, AGapHoldsBackTheBucketsItTouchesUntilItIsClosed) {
  CoverageFacts facts{.gaps = {gap_of(1, between(15, 25))}};
  const auto at = [&](Window bucket) {
    return standing_of(true, false,
                       Coverage(facts, kPartitions).touching(bucket, key_of(kP0, "a")));
  };
  EXPECT_EQ(at(between(0, 10)), (BucketStanding{BucketState::kFinal, true}));
  EXPECT_EQ(at(between(10, 20)), (BucketStanding{BucketState::kSealed, false}));
  EXPECT_EQ(at(between(20, 30)), (BucketStanding{BucketState::kSealed, false}));
  EXPECT_EQ(at(between(25, 30)), (BucketStanding{BucketState::kFinal, true})) << "the end is open";

  facts.outcomes.push_back(outcome_of(1, between(10, 20), GapOutcome::Kind::kFilled));
  EXPECT_EQ(at(between(10, 20)), (BucketStanding{BucketState::kFinal, true}));
  EXPECT_EQ(at(between(20, 30)), (BucketStanding{BucketState::kSealed, false}));

  facts.outcomes.push_back(outcome_of(1, between(20, 25), GapOutcome::Kind::kUnfillable));
  EXPECT_EQ(at(between(20, 30)), (BucketStanding{BucketState::kFinal, false}));
}

TEST(CoverageTest, AFillOverridesUnfillableAndAccepted) {
  for (const auto kind : {GapOutcome::Kind::kUnfillable, GapOutcome::Kind::kAccepted}) {
    CoverageFacts facts{.gaps = {gap_of(1, between(0, 10))},
                        .outcomes = {outcome_of(1, between(0, 10), kind),
                                     outcome_of(1, between(0, 10), GapOutcome::Kind::kFilled)}};
    EXPECT_TRUE(Coverage(facts, kPartitions).holes().empty());
    std::swap(facts.outcomes[0], facts.outcomes[1]);
    EXPECT_TRUE(Coverage(facts, kPartitions).holes().empty()) << "facts have no order";
  }
}

// Undoing a replay takes its events out again, so what it filled is missing again.
TEST(CoverageTest, AFillIsVoidWhenItsJobOrOneItLeanedOnIsWithdrawn) {
  GapOutcome fill = outcome_of(1, between(0, 10), GapOutcome::Kind::kFilled);
  fill.job = 7;
  fill.leaned_on = {5};
  for (const uint64_t job : {5U, 6U, 7U}) {
    const CoverageFacts facts{
        .gaps = {gap_of(1, between(0, 10))}, .outcomes = {fill}, .withdrawn = {job}};
    EXPECT_EQ(Coverage(facts, kPartitions).holes().size(), job == 6 ? 0u : 1u) << job;
  }
}

// What opened after a read began was not looked for by it.
TEST(CoverageTest, AnOutcomeClosesOnlyTheGapsItNames) {
  const CoverageFacts facts{.gaps = {gap_of(1, between(0, 10)), gap_of(2, between(5, 10))},
                            .outcomes = {outcome_of(1, between(0, 10), GapOutcome::Kind::kFilled)}};
  EXPECT_EQ(Coverage(facts, kPartitions).touching(between(0, 10), {}).gaps, std::vector<GapId>{2});
}

TEST(CoverageTest, AGapWithoutABoundReachesToTheEndOfTime) {
  CoverageFacts facts{.gaps = {gap_of(1, {EventTime(10ns), kMaxEventTime})}};
  EXPECT_TRUE(Coverage(facts, kPartitions).touching(between(1'000'000, 1'000'001), {}).open);
  facts.bounds = {{1, EventTime(20ns)}};
  EXPECT_TRUE(Coverage(facts, kPartitions).touching(between(20, 30), {}).nothing());
  EXPECT_TRUE(Coverage(facts, kPartitions).touching(between(19, 20), {}).open);
}

TEST(CoverageTest, ScopesMeetByPartitionAndKey) {
  const CoverageFacts facts{.gaps = {gap_of(1, between(0, 10), keys_of(kP0, {"a", "b"})),
                                     gap_of(2, between(0, 10), partition_scope(kP1))}};
  const Coverage coverage(facts, kPartitions);
  const auto gaps = [&](const Folded& folded) {
    return coverage.touching(between(0, 10), folded).gaps;
  };
  EXPECT_EQ(gaps(key_of(kP0, "a")), std::vector<GapId>{1});
  EXPECT_EQ(gaps(key_of(kP0, "c")), std::vector<GapId>{});
  EXPECT_EQ(gaps(key_of(kP1, "a")), std::vector<GapId>{2});
  EXPECT_EQ(gaps({.partition = kP0}), std::vector<GapId>{1});
  EXPECT_EQ(gaps({}), (std::vector<GapId>{1, 2}));
}

// A replay fills page by page, so a gap of the whole stream closes in pieces.
TEST(CoverageTest, AGapOfTheStreamIsFilledPartitionByPartitionAndKeyByKey) {
  CoverageFacts facts{
      .gaps = {gap_of(1, between(0, 10))},
      .outcomes = {outcome_of(1, between(0, 10), GapOutcome::Kind::kFilled, partition_scope(kP0))}};
  EXPECT_TRUE(Coverage(facts, kPartitions).touching(between(0, 10), {.partition = kP0}).nothing());
  EXPECT_TRUE(Coverage(facts, kPartitions).touching(between(0, 10), {.partition = kP1}).open);

  facts.outcomes.push_back(
      outcome_of(1, between(0, 10), GapOutcome::Kind::kFilled, keys_of(kP1, {"a"})));
  const Coverage coverage(facts, kPartitions);
  EXPECT_TRUE(coverage.touching(between(0, 10), key_of(kP1, "a")).nothing());
  EXPECT_TRUE(coverage.touching(between(0, 10), key_of(kP1, "b")).open);
  EXPECT_TRUE(coverage.touching(between(0, 10), {.partition = kP1}).open) << "other keys miss";

  facts.outcomes.push_back(
      outcome_of(1, between(0, 10), GapOutcome::Kind::kFilled, partition_scope(kP1)));
  EXPECT_TRUE(Coverage(facts, kPartitions).holes().empty());
}

TEST(StandingTest, FollowsFrontierThenGapsAndMarks) {
  const Touched none;
  Touched open;
  open.open = true;
  open.gaps = {1};
  EXPECT_EQ(standing_of(false, false, none).state, BucketState::kOpen);
  EXPECT_EQ(standing_of(false, true, open).state, BucketState::kOpen);
  EXPECT_EQ(standing_of(true, true, none), (BucketStanding{BucketState::kSealed, true}));
  EXPECT_EQ(standing_of(true, false, open), (BucketStanding{BucketState::kSealed, false}));
  EXPECT_EQ(standing_of(true, false, none), (BucketStanding{BucketState::kFinal, true}));
}

TEST(StandingTest, StatesAreSpelledAsTheApiSpellsThem) {
  EXPECT_EQ(to_string(BucketState::kOpen), "open");
  EXPECT_EQ(to_string(BucketState::kSealed), "sealed");
  EXPECT_EQ(to_string(BucketState::kFinal), "final");
  EXPECT_EQ(to_string(Hole::State::kAccepted), "accepted");
  EXPECT_EQ(to_string(Hole::State::kUnfillable), "unfillable");
  EXPECT_EQ(to_string(Hole::State::kOpen), "open");
}

}  // namespace
}  // namespace hindcast
