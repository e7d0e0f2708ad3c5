#include "lane/live_lane.h"

#include <gmock/gmock.h>

#include "lane/lane_test_util.h"

namespace hindcast::test {
namespace {

class LiveLaneTest : public ::testing::Test {
 protected:
  explicit LiveLaneTest(LaneDriverOptions options = small_options())
      : options_(std::move(options)), driver_(options_, log_, store_) {
    driver_.start().value();
  }
  void append(LogAppend record) {
    std::vector<LogAppend> batch;
    batch.push_back(std::move(record));
    log_.append(Channel::kLive, std::move(batch),
                [](Result<std::vector<Position>> done) { ASSERT_TRUE(done.has_value()); });
  }
  void events(SourceId source, const std::vector<Event>& list) {
    for (const Event& e : list) model_.add(source, e);
    append(events_record(source, list));
  }
  void run() {
    const Status status = driver_.run(kNow);
    ASSERT_TRUE(status.has_value()) << status.error().message;
  }
  /// Closes every bucket, runs to rest, and compares rows and accounts with the naive model.
  void finish() {
    append(advance_record(kLeft, 24h, Advance::Why::kEnd));
    append(advance_record(kRight, 24h, Advance::Why::kEnd));
    run();
    expect_equal(stored_content(store_), model_.content());
    expect_digests_agree(store_);
    for (const SourceId source : {kLeft, kRight}) {
      EXPECT_EQ(tallies(source).settled(), model_.received(source));
    }
  }
  Tallies tallies(SourceId source) { return snapshot()->tallies(source).value(); }
  std::shared_ptr<const Snapshot> snapshot() { return store_.snapshot().value(); }
  SourceState source(SourceId id) {
    for (const SourceState& state : driver_.lane().sources()) {
      if (state.source == id) return state;
    }
    return {};
  }

  LaneDriverOptions options_;
  MemoryLog log_;
  MemoryStore store_;
  LaneDriver driver_;
  NaiveModel model_;
};

TEST_F(LiveLaneTest, RowsOfAnInOrderRunEqualTheNaiveFold) {
  for (int64_t i = 0; i < 500; ++i) {
    const std::string key = "k" + std::to_string(i % 7);
    events(kLeft, {{.key = key, .time = i * 1s, .id = i, .value = i}});
  }
  finish();
  EXPECT_EQ(tallies(kLeft).aggregated, 500U);
}

// With no delay, an event is behind as soon as a higher one was seen, inside one record too.
TEST_F(LiveLaneTest, BehindIsJudgedEventByEvent) {
  events(kLeft, {{.key = "a", .time = 1s, .id = 1},
                 {.key = "a", .time = 3s, .id = 2},
                 {.key = "a", .time = 2s, .id = 3},      // behind
                 {.key = "a", .time = 3s, .id = 4},      // equal is not behind
                 {.key = "a", .time = 2900ms, .id = 5},  // behind
                 {.key = "a", .time = 5s, .id = 6}});
  events(kLeft, {{.key = "b", .time = 4s, .id = 7}});  // behind
  run();
  EXPECT_EQ(source(kLeft).behind, 3U);
  EXPECT_EQ(source(kLeft).late, 0U);
  finish();
}

class DelayedTest : public LiveLaneTest {
 protected:
  DelayedTest()
      : LiveLaneTest([] {
          LaneDriverOptions options = small_options();
          options.lane.delays = {{kLeft, 5s}, {kRight, 0s}};
          return options;
        }()) {}
};

TEST_F(DelayedTest, BehindCountsFromTheWatermarkNotFromTheHighestEvent) {
  events(kLeft, {{.key = "a", .time = 10s, .id = 1},
                 {.key = "a", .time = 5s, .id = 2},        // at the watermark
                 {.key = "a", .time = 4999ms, .id = 3}});  // behind
  run();
  EXPECT_EQ(source(kLeft).behind, 1U);
  EXPECT_EQ(driver_.lane().watermark(), at(5s));
}

TEST_F(LiveLaneTest, TheSlowerOfTwoSourcesHoldsTheFrontier) {
  events(kLeft, {{.key = "a", .time = 1s, .id = 1}});
  events(kRight, {{.key = "a", .time = 2s, .id = 2}});
  events(kLeft, {{.key = "a", .time = 100s, .id = 3}});
  run();
  EXPECT_EQ(driver_.lane().watermark(), at(2s));
  EXPECT_EQ(driver_.lane().frontier().window, at(0s));
  append(advance_record(kRight, 60s, Advance::Why::kIdle));
  run();
  EXPECT_EQ(driver_.lane().frontier().window, at(100s));
  finish();
}

TEST_F(LiveLaneTest, LateEventMakesANewVersion) {
  events(kLeft, {{.key = "a", .time = 1s, .id = 1, .value = 10}});
  events(kLeft, {{.key = "a", .time = 25s, .id = 2}});
  run();
  const RowKey at_first{kFine, 10s, at(0s), kPartition, slot_of("a", 4), "a"};
  EXPECT_EQ(snapshot()->row(at_first).value()->version, Version{1});
  events(kLeft, {{.key = "a", .time = 2s, .id = 3, .value = 5}});
  run();
  const Row row = snapshot()->row(at_first).value().value();
  EXPECT_EQ(row.version, Version{2});
  EXPECT_EQ(row.events, 2U);
  EXPECT_EQ(row.cause.kind, Cause::Kind::kLate);
  EXPECT_EQ(source(kLeft).late, 1U);
  finish();
}

// Law L10: what is there already writes no page, no row and no mark.
TEST_F(LiveLaneTest, LateDuplicateChangesNothingButTheAccounts) {
  events(kLeft, {{.key = "a", .time = 1s, .id = 1, .value = 10}});
  events(kLeft, {{.key = "a", .time = 125s, .id = 2}});
  run();
  const ChangeNumber before = snapshot()->last_change();
  events(kLeft, {{.key = "a", .time = 1s, .id = 1, .value = 10}});
  run();
  EXPECT_EQ(snapshot()->last_change(), before);
  EXPECT_EQ(tallies(kLeft).duplicate, 1U);
  finish();
}

TEST_F(LiveLaneTest, TombstoneEmptiesTheRowAndItsParents) {
  events(kLeft, {{.key = "a", .time = 1s, .id = 1, .value = 10}});
  events(kLeft, {{.key = "b", .time = 400s, .id = 2}});
  run();
  events(kLeft, {{.key = "a", .time = 1s, .id = 1, .revision = 1, .op = Op::kDelete}});
  run();
  const uint16_t slot = slot_of("a", 4);
  for (const Duration resolution : {Duration(5s), Duration(10s), Duration(1min), Duration(5min)}) {
    const Row row =
        snapshot()->row({kFine, resolution, at(0s), kPartition, slot, "a"}).value().value();
    EXPECT_EQ(row.events, 0U);
    EXPECT_EQ(row.digest, Digest{});
    EXPECT_EQ(row.version, Version{2});
  }
  finish();
}

TEST_F(LiveLaneTest, TheFrontierFollowsTheWatermarkOverEmptyWindows) {
  events(kLeft, {{.key = "a", .time = 1s, .id = 1}});
  run();
  append(advance_record(kLeft, 995s));
  run();
  EXPECT_EQ(snapshot()->checkpoint(kPartition).value()->frontier, (Frontier{at(990s), 0}));
}

TEST_F(LiveLaneTest, DeadLettersAreKeptAndCountedOnce) {
  model_.dead(kLeft, 3);
  append(dead_record(kLeft, 3));
  run();
  driver_.start().value();
  run();
  EXPECT_EQ(tallies(kLeft).dead_lettered, 3U);
  size_t kept = 0;
  snapshot()
      ->dead_letters(kLeft, {},
                     [&](const DeadLetterFact&) {
                       ++kept;
                       return true;
                     })
      .value();
  EXPECT_EQ(kept, 3U);
  finish();
}

TEST_F(LiveLaneTest, ARecordThatCannotBeReadBecomesDeadLetters) {
  LogAppend damaged =
      events_record(kLeft, {{.key = "a", .time = 1s, .id = 1}, {.key = "b", .time = 1s, .id = 2}});
  damaged.payload = "nonsense";
  model_.dead(kLeft, 2);
  append(std::move(damaged));
  events(kLeft, {{.key = "a", .time = 2s, .id = 3}});
  finish();
  EXPECT_EQ(tallies(kLeft).dead_lettered, 2U);
}

// A refused commit takes its marks with it. The page that met the conflict had left one before; the
// other had not.
TEST_F(LiveLaneTest, AConflictIsMergedAgainAndLosesNoMark) {
  std::string other = "b";
  while (slot_of(other, 4) == slot_of("a", 4)) other += "b";
  events(kLeft, {{.key = "a", .time = 1s, .id = 1, .value = 10}});
  events(kLeft, {{.key = "a", .time = 15s, .id = 2}});
  run();
  events(kLeft,
         {{.key = "a", .time = 2s, .id = 3, .value = 5}, {.key = other, .time = 2s, .id = 4}});
  using Step = LaneDriver::Step;
  for (const Step step : {Step::kApply, Step::kFlush, Step::kReadPages})
    driver_.take(step, kNow).value();
  store_.commit(rewrite(*snapshot(), {kPartition, at(0s), slot_of("a", 4)}),
                [](Result<CommitResult> done) { ASSERT_EQ(done->state, CommitState::kCommitted); });
  run();
  EXPECT_EQ(driver_.counts().conflicts, 1U);
  finish();
  EXPECT_EQ(tallies(kLeft).aggregated, 4U);
}

// Every 32nd late merge or so rewrites the page as one part; its head stays exact.
TEST_F(LiveLaneTest, ManyLateMergesFoldThePagesParts) {
  events(kLeft, {{.key = "a", .time = 1s, .id = 0, .value = 1}});
  events(kLeft, {{.key = "b", .time = 25s, .id = 1}});
  run();
  for (int64_t i = 2; i < 102; ++i) {
    events(kLeft, {{.key = "a", .time = 2s, .id = i, .value = i}});
    run();
  }
  const PageParts page =
      snapshot()->page({kPartition, at(0s), slot_of("a", 4)}, Lane::kLive).value();
  EXPECT_LE(page.parts.size(), kPartsMax);
  EXPECT_EQ(page.head.rows, 101U);
  EXPECT_EQ(page.head.live_events, 101);
  EXPECT_EQ(page.head.keys, 1U);
  EXPECT_EQ(page.head.version, Version{101});
  finish();
}

class SpillTest : public LiveLaneTest {
 protected:
  SpillTest()
      : LiveLaneTest([] {
          LaneDriverOptions options = small_options();
          options.lane.reread_max =
              ByteCount{2'000};  // a few records: most pages are spilled before they are sealed
          options.lane.part_rows_max = 8;
          return options;
        }()) {}
};

TEST_F(SpillTest, PagesThatWereSpilledSealLikeOthers) {
  append({{kPartition, RecordKind::kConnected, kRight, 0}, encode(Connection{})});
  for (int64_t i = 0; i < 300; ++i) {
    events(kLeft,
           {{.key = "k" + std::to_string(i % 5), .time = i * 50ms, .id = i / 2, .value = i / 2}});
    run();
  }
  EXPECT_FALSE(snapshot()->checkpoint(kPartition).value()->spilled.empty());
  EXPECT_EQ(stored_content(store_).size(),
            0U);  // nothing is sealed while kRight holds the watermark
  finish();
  EXPECT_TRUE(snapshot()->checkpoint(kPartition).value()->spilled.empty());
}

class ReplayBoundTest : public LiveLaneTest {
 protected:
  ReplayBoundTest()
      : LiveLaneTest([] {
          LaneDriverOptions options = small_options();
          options.lane.late_as_replay = 30s;
          options.drain_pages_max = 2;
          return options;
        }()) {}
  /// Takes the lane's steps until `last` was taken.
  void run_until(LaneDriver::Step last) {
    using Step = LaneDriver::Step;
    for (int i = 0; i < 1'000; ++i) {
      for (const Step step : {Step::kAnswer, Step::kCommitLive, Step::kAppended, Step::kAppend,
                              Step::kReadPages, Step::kFlush, Step::kSeal, Step::kApply}) {
        if (!driver_.can(step)) continue;
        driver_.take(step, kNow).value();
        if (step == last) return;
        break;
      }
    }
    FAIL() << "the step never came";
  }
};

TEST_F(ReplayBoundTest, AncientEventsGoThroughTheReplayLog) {
  events(kLeft, {{.key = "a", .time = 100s, .id = 1}});
  run();
  events(kLeft, {{.key = "a", .time = 1s, .id = 2, .value = 4},
                 {.key = "a", .time = 75s, .id = 3, .value = 2}});
  run();
  EXPECT_EQ(source(kLeft).replayed, 1U);  // the other one is an ordinary late event
  EXPECT_EQ(source(kLeft).late, 2U);
  const DrainCheckpoint drained = snapshot()->drain_checkpoint(kPartition).value().value();
  EXPECT_THAT(drained.merged, ::testing::ElementsAre(std::pair(kLeft, 1U)));
  finish();
}

// The event is durable in the replay log, but no checkpoint says so: after the crash it is still
// the live log's, and what was appended is void. Else it would count twice.
TEST_F(ReplayBoundTest, ACrashBetweenAppendAndCheckpointCountsOnce) {
  events(kLeft, {{.key = "a", .time = 100s, .id = 1}});
  run();
  events(kLeft, {{.key = "a", .time = 1s, .id = 2}, {.key = "b", .time = 2s, .id = 3}});
  run_until(LaneDriver::Step::kAppend);
  driver_.start().value();
  run();
  EXPECT_EQ(log_.read(kPartition, Channel::kReplay, {}, 1_MiB).value().records.size(),
            1U);  // the void one is trimmed
  EXPECT_EQ(source(kLeft).replayed, 2U);
  finish();
  EXPECT_EQ(tallies(kLeft).aggregated, 3U);
  EXPECT_EQ(tallies(kLeft).duplicate, 0U);
}

TEST_F(ReplayBoundTest, ABatchOfManyPagesIsDrainedInPiecesAndGoesOnAfterACrash) {
  events(kLeft, {{.key = "a", .time = 200s, .id = 1}});
  run();
  std::vector<Event> ancient;
  for (int64_t i = 0; i < 12; ++i)
    ancient.push_back({.key = "k" + std::to_string(i), .time = i * 10s, .id = i, .value = i});
  events(kLeft, ancient);
  using Step = LaneDriver::Step;
  int drained = 0;
  for (size_t i = 0; drained < 2 && i < 1'000; ++i) {
    const auto step = static_cast<Step>(i % LaneDriver::kSteps);
    if (!driver_.can(step)) continue;
    driver_.take(step, kNow).value();
    drained += step == Step::kCommitReplay;
  }
  const DrainCheckpoint half = snapshot()->drain_checkpoint(kPartition).value().value();
  EXPECT_GT(half.through, half.applied);
  driver_.start().value();
  finish();
  EXPECT_EQ(tallies(kLeft).aggregated, 13U);
}

TEST_F(LiveLaneTest, ANewerOwnerFencesTheLane) {
  events(kLeft, {{.key = "a", .time = 1s, .id = 1}});
  run();
  LaneDriver newer(options_, log_, store_);
  newer.start().value();
  append(advance_record(kLeft, 100s));
  newer.run(kNow).value();
  EXPECT_EQ(driver_.run(kNow).error().code, ErrorCode::kFenced);
  EXPECT_TRUE(driver_.lane().dropped());
}

TEST_F(LiveLaneTest, OpenPagesShowWhatIsBuffered) {
  events(kLeft, {{.key = "a", .time = 1s, .id = 1, .value = 3},
                 {.key = "a", .time = 1s, .id = 1, .value = 3},
                 {.key = "a", .time = 2s, .id = 2, .revision = 1, .op = Op::kDelete}});
  run();
  const uint16_t slot = slot_of("a", 4);
  EXPECT_THAT(driver_.lane().open_pages({at(0s), at(1h)}, std::nullopt),
              ::testing::ElementsAre(PageKey{kPartition, at(0s), slot}));
  EXPECT_EQ(driver_.lane().open_page(at(0s), slot).size(), 1U);
  EXPECT_EQ(driver_.lane().open_range(), (Window{at(0s), at(10s)}));
  EXPECT_GT(driver_.lane().memory().value, 0U);
}

}  // namespace
}  // namespace hindcast::test
