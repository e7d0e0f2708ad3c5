// What a lane knows to be missing, and that no commit leaves it behind. Times are in seconds.
#include <gmock/gmock.h>

#include "lane/lane_test_util.h"
#include "lane/live_lane.h"

namespace hindcast::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A lane without store or log: its commits are looked at, and answered by hand.
class LaneGapsTest : public ::testing::Test {
 protected:
  LaneGapsTest() {
    options_ = small_options().lane;
    options_.delays = {{kLeft, 2s}, {kRight, 0s}};
    options_.next_gap = [this]() -> Result<GapId> {
      if (no_numbers_) return unavailable("the store is gone");
      return ++last_gap_;
    };
  }
  void start(LaneFacts facts = {}) { lane_.emplace(options_, checkpoint_, std::move(facts)); }
  Status apply(LogAppend record) {
    const Position at{0, ++position_};
    return lane_->apply({{{at, record.header, std::move(record.payload)}}, at});
  }
  void events(SourceId source, const std::vector<Event>& list) {
    apply(events_record(source, list)).value();
  }
  /// Numbers n at n seconds.
  void numbers(const std::vector<int64_t>& list, const std::string& key = "a") {
    std::vector<Event> out;
    out.reserve(list.size());
    for (const int64_t n : list) out.push_back({.key = key, .time = n * 1s, .id = n});
    events(kLeft, out);
  }
  /// The one commit that these effects hold; it is in the store then.
  Commit committed(Effects effects) {
    EXPECT_EQ(effects.commits.size(), 1U);
    Commit commit = std::move(effects.commits.at(0));
    checkpoint_ = commit.checkpoint;
    (void)lane_->committed(commit.id, {}, kNow);
    return commit;
  }
  Commit flushed() { return committed(lane_->flush_late(kNow)); }
  Commit sealed() { return committed(lane_->seal_slice(1_MiB, kNow)); }
  static LogDamage damage(uint64_t from, uint64_t to) {
    return {{0, from}, {0, to}, "segment 3, byte 4096"};
  }

  LiveLaneOptions options_;
  std::optional<LiveLane> lane_;
  std::optional<Checkpoint> checkpoint_;
  uint64_t position_ = 0;
  GapId last_gap_ = 0;
  bool no_numbers_ = false;
};

// ── told by the log ─────────────────────────────────────────────────────────────────────────────

// Readers must hear of an outage while nothing else happens: nothing is sealed then.
TEST_F(LaneGapsTest, AGapIsCommittedThoughNothingElseHappens) {
  start();
  const Gap gap = outage(5, 10s);
  apply(gap_record({.opened = gap})).value();
  EXPECT_TRUE(lane_->has_late());
  EXPECT_THAT(lane_->gaps(), ElementsAre(gap));
  const Commit commit = flushed();
  EXPECT_THAT(commit.gaps, ElementsAre(gap));
  EXPECT_EQ(commit.checkpoint->applied, (Position{0, 1}));
  EXPECT_FALSE(lane_->has_late());
  apply(gap_record({.bound = GapBound{5, at(60s)}})).value();
  EXPECT_THAT(lane_->bounds(), ElementsAre(GapBound{5, at(60s)}));
  EXPECT_THAT(flushed().bounds, ElementsAre(GapBound{5, at(60s)}));
}

// Law L5. The gap stands before the events that let the frontier pass it, so it is known by then.
TEST_F(LaneGapsTest, ACommitThatMovesTheFrontierCarriesEveryGapBeforeIt) {
  start();
  events(kLeft, {{.key = "a", .time = 1s, .id = 1}});
  apply(gap_record({.opened = outage(5, 1s)})).value();
  apply(gap_record({.bound = GapBound{5, at(50s)}})).value();
  events(kLeft, {{.key = "a", .time = 50s, .id = 2}});
  const Commit commit = sealed();
  EXPECT_GT(commit.checkpoint->frontier.window, at(1s));
  EXPECT_THAT(commit.gaps, ElementsAre(outage(5, 1s)));
  EXPECT_THAT(commit.bounds, ElementsAre(GapBound{5, at(50s)}));
}

TEST_F(LaneGapsTest, AGapThatIsSettledIsNotToldAgainByARestart) {
  start();
  events(kLeft, {{.key = "a", .time = 1s, .id = 1}});
  apply(gap_record({.opened = outage(5, 1s)})).value();
  (void)flushed();
  start();
  position_ = 0;
  events(kLeft, {{.key = "a", .time = 1s, .id = 1}});
  apply(gap_record({.opened = outage(5, 1s)})).value();
  EXPECT_FALSE(lane_->recovering());
  EXPECT_THAT(lane_->gaps(), IsEmpty());
}

TEST_F(LaneGapsTest, AGapRecordThatCannotBeReadIsNamed) {
  start();
  LogAppend damaged = gap_record({.opened = outage(5, 1s)});
  damaged.payload.resize(4);
  EXPECT_THAT(apply(std::move(damaged)).error().message, HasSubstr("log record 0:1"));
}

// ── holes in numbers ────────────────────────────────────────────────────────────────────────────

TEST_F(LaneGapsTest, MissingNumbersAreAGapOfTheirKey) {
  options_.sequence = {.sources = {{kLeft, LaneSequence::Place::kId}}, .delay = 2s};
  start();
  numbers({7, 8, 9, 12, 13});
  EXPECT_THAT(lane_->gaps(), IsEmpty()) << "an event of 11 s may still come";
  numbers({15});
  const Commit commit = sealed();
  ASSERT_EQ(commit.gaps.size(), 1U);
  Gap expected;
  expected.id = 1;
  expected.stream = kStream;
  expected.range = {at(7s), at(14s) + 1ns};
  expected.scope = {GapScope::Kind::kKeys, {}, {{kPartition, "a"}}};
  expected.cause = Gap::Cause::kSequence;
  expected.detail = "numbers 10 to 11 are missing";
  expected.opened_at = kNow;
  expected.numbers = GapNumbers{.delay = 2s, .counts = {{"a", 10, 11}}};
  EXPECT_EQ(commit.gaps[0], expected);
  EXPECT_THAT(commit.sequences, ElementsAre(::testing::Field(&SequencePut::key, "a")))
      << "the judgement is not made again";
  numbers({16, 20});
  ASSERT_EQ(lane_->gaps().size(), 1U);
  EXPECT_EQ(lane_->gaps()[0].detail, "number 14 is missing");
}

TEST_F(LaneGapsTest, ACountOfTheStreamDoesNotCareForKeys) {
  options_.sequence = {.sources = {{kLeft, LaneSequence::Place::kId}}, .by_key = false};
  start();
  numbers({1}, "a");
  numbers({2}, "b");
  numbers({4, 9}, "a");
  ASSERT_EQ(lane_->gaps().size(), 1U);
  EXPECT_EQ(lane_->gaps()[0].scope, GapScope{});
  EXPECT_EQ(lane_->gaps()[0].detail, "number 3 is missing");
}

TEST_F(LaneGapsTest, NumbersMayStandInTheOrder) {
  options_.sequence = {.sources = {{kLeft, LaneSequence::Place::kOrder}}};
  start();
  EventBatch batch(small_schema());
  for (const int64_t n : {1, 2, 5, 9}) {
    batch.key.push_back(batch.keys.intern("a"));
    batch.time.push_back(Duration(n * 1s).count());
    batch.order.push_back(n == 9 ? 6 : n);
    batch.id[0].push_back(100 - n);
    batch.values[0].push_back(0);
  }
  apply({{kPartition, RecordKind::kEvents, kLeft, 4},
         encode_events(small_schema(), EventsRecord{}, batch, 0, 4)})
      .value();
  ASSERT_EQ(lane_->gaps().size(), 1U);
  EXPECT_EQ(lane_->gaps()[0].detail, "numbers 3 to 4 are missing");
}

TEST_F(LaneGapsTest, SourcesThatDoNotCountAreNotCounted) {
  options_.sequence = {.sources = {{kRight, LaneSequence::Place::kId}}};
  start();
  numbers({1, 5, 9, 30});
  EXPECT_THAT(lane_->gaps(), IsEmpty());
  EXPECT_THAT(sealed().sequences, IsEmpty());
}

// One gap per number would be a million rows that every query looks at.
TEST_F(LaneGapsTest, NumbersThatCountNothingAreOneGapOfTheRecord) {
  options_.sequence = {.sources = {{kLeft, LaneSequence::Place::kId}}};
  start();
  std::vector<int64_t> odd;
  for (int64_t n = 1; n < 201; n += 2) odd.push_back(n);
  numbers(odd);
  ASSERT_EQ(lane_->gaps().size(), 1U);
  EXPECT_EQ(lane_->gaps()[0].scope, (GapScope{GapScope::Kind::kKeys, {}, {{kPartition, "a"}}}));
  EXPECT_THAT(lane_->gaps()[0].numbers->counts, ElementsAre(GapNumbers::Count{"a", 2, 194}));
  EXPECT_EQ(lane_->gaps()[0].range.start, at(1s));
  EXPECT_EQ(lane_->gaps()[0].detail, "numbers are missing in 97 places of 1 count");
}

// A state is worth writing when its records will not be read again, which is once per window.
TEST_F(LaneGapsTest, ACountIsPutOncePerWindow) {
  options_.sequence = {.sources = {{kLeft, LaneSequence::Place::kId}}};
  start();
  size_t puts = 0;
  for (int64_t n = 1; n <= 100; ++n) {
    numbers({n});
    while (lane_->can_seal()) puts += sealed().sequences.size();
  }
  EXPECT_LE(puts, 12U) << "ten windows, and the start of the count";
  EXPECT_GE(puts, 9U);
}

TEST_F(LaneGapsTest, AGapWithoutANumberDropsTheLane) {
  options_.sequence = {.sources = {{kLeft, LaneSequence::Place::kId}}};
  start();
  no_numbers_ = true;
  numbers({1, 3, 9});
  EXPECT_TRUE(lane_->dropped());
  EXPECT_FALSE(lane_->can_seal());
  EXPECT_THAT(lane_->failure().error().message, HasSubstr("the store is gone"));
}

// ── damage to the log ───────────────────────────────────────────────────────────────────────────

TEST_F(LaneGapsTest, DamageIsAGapUntilTheNextEvents) {
  start();
  events(kLeft, {{.key = "a", .time = 20s, .id = 1}});
  events(kRight, {{.key = "a", .time = 30s, .id = 2}});
  lane_->lost(damage(2, 9));
  position_ = 9;
  Gap gap = flushed().gaps.at(0);
  EXPECT_EQ(gap.range, (Window{at(18s), kMaxEventTime})) << "what the slower source may have sent";
  EXPECT_EQ(gap.scope, (GapScope{GapScope::Kind::kPartition, kPartition, {}}));
  EXPECT_EQ(gap.cause, Gap::Cause::kCorruption);
  EXPECT_THAT(gap.detail, HasSubstr("from 0:2 to 0:9: segment 3, byte 4096"));
  events(kLeft, {{.key = "a", .time = 40s, .id = 3}});
  EXPECT_THAT(sealed().bounds, ElementsAre(GapBound{gap.id, at(42s) + 1ns}));
}

// The frontier may pass before an event comes again: at a heartbeat, for instance.
TEST_F(LaneGapsTest, AHeartbeatBehindDamageDoesNotPassIt) {
  start();
  events(kLeft, {{.key = "a", .time = 20s, .id = 1}});
  lane_->lost(damage(1, 9));
  position_ = 9;
  apply(advance_record(kLeft, 100s)).value();
  const Commit commit = sealed();
  EXPECT_EQ(commit.checkpoint->frontier.window, at(100s));
  EXPECT_EQ(commit.gaps.at(0).range, (Window{at(18s), kMaxEventTime}));
}

TEST_F(LaneGapsTest, DamageIsToldOnceOverAllLives) {
  start();
  events(kLeft, {{.key = "a", .time = 20s, .id = 1}});
  lane_->lost(damage(1, 9));
  lane_->lost(damage(1, 9));
  position_ = 9;
  EXPECT_EQ(lane_->gaps().size(), 1U);
  const Gap gap = flushed().gaps.at(0);
  start({.sequences = {}, .damage = {gap}});
  position_ = 0;
  events(kLeft, {{.key = "a", .time = 20s, .id = 1}});
  lane_->lost(damage(1, 9));
  EXPECT_THAT(lane_->gaps(), IsEmpty());
  position_ = 9;
  events(kLeft, {{.key = "a", .time = 40s, .id = 2}});
  EXPECT_THAT(lane_->bounds(), ElementsAre(GapBound{gap.id, at(42s) + 1ns})) << "also by this life";
}

// Records that were applied once and cannot be read again take with them what was not sealed.
TEST_F(LaneGapsTest, DamageBelowWhatWasAppliedTakesOpenBuckets) {
  start();
  events(kLeft, {{.key = "a", .time = 5s, .id = 1}});
  events(kLeft, {{.key = "a", .time = 25s, .id = 2}});
  (void)sealed();
  start();
  ASSERT_TRUE(lane_->recovering());
  lane_->lost(damage(2, 2));
  lane_->apply({{}, {0, 2}}).value();
  const Commit commit = flushed();
  EXPECT_EQ(commit.gaps.at(0).range, (Window{at(20s), at(27s) + 1ns}));
  events(kLeft, {{.key = "a", .time = 90s, .id = 3}});
  EXPECT_THAT(lane_->bounds(), IsEmpty()) << "its right edge was known";
}

TEST_F(LaneGapsTest, DamageBeforeTheFirstEventIsUnboundedBelow) {
  start();
  lane_->lost(damage(1, 9));
  EXPECT_EQ(lane_->gaps().at(0).range, (Window{kMinEventTime, kMaxEventTime}));
}

TEST(LaneFactsTest, DamageOfThePartitionIsReadWithItsFurthestBound) {
  MemoryStore store;
  Commit commit;
  Gap mine;
  mine.stream = kStream;
  mine.cause = Gap::Cause::kCorruption;
  mine.range = {at(1s), kMaxEventTime};
  mine.scope = {GapScope::Kind::kPartition, kPartition, {}};
  for (mine.id = 1; mine.id <= 2; ++mine.id) commit.gaps.push_back(mine);
  Gap other = mine;
  other.scope.partition = PartitionId{8};
  commit.gaps.push_back(other);
  commit.gaps.push_back(outage(9, 1s));
  commit.bounds = {{1, at(9s)}, {1, at(5s)}};
  store.commit(commit, [](const Result<CommitResult>&) {});
  const LaneFacts facts = read_lane_facts(*store.snapshot().value(), kStream, kPartition).value();
  ASSERT_EQ(facts.damage.size(), 2U);
  EXPECT_EQ(facts.damage[0].range.end, at(9s));
  EXPECT_EQ(facts.damage[1].range.end, kMaxEventTime);
}

}  // namespace
}  // namespace hindcast::test
