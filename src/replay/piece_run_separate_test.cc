// The route "separate": what differs goes through the replay log, and the drain brings it in.
#include "lane/replay_records.h"
#include "lane/subwindow_test_util.h"
#include "replay/piece_run.h"

namespace hindcast::test {
namespace {

using Need = PieceRun::Need;

const std::vector<Event> kHistory = {{.key = "a", .time = 1s, .id = 1, .value = 10},
                                     {.key = "b", .time = 3s, .id = 3, .value = 30},
                                     {.key = "c", .time = 14s, .id = 4, .value = 40},
                                     {.key = "a", .time = 35s, .id = 5, .value = 50},
                                     {.key = "d", .time = 72s, .id = 6, .value = 60}};

class PieceRunSeparateTest : public ::testing::Test {
 protected:
  /// The drain looks into the replay log when a process begins, too.
  void drain() {
    world_.driver.crash();
    world_.driver.start().value();
    world_.driver.run(kNow).value();
  }
  void append(std::vector<std::pair<PartitionId, EventBatch>> differing) {
    std::vector<LogAppend> records;
    for (const auto& [partition, rows] : differing) {
      appended_ += rows.size();
      put_replay_records(world_.schema, {.partition = partition, .source = kRight}, 5, rows,
                         records);
    }
    if (lose_) return;
    world_.log.append(Channel::kReplay, std::move(records),
                      [](Result<std::vector<Position>> done) { ASSERT_TRUE(done.has_value()); });
    drain();
  }
  /// All of history, as one piece.
  SubwindowResult replay(const std::vector<Event>& history) {
    world_.asked = {};
    appended_ = 0;
    asked_for_.clear();
    PieceRun run({.subwindow = world_.options(), .piece = {at(0s), at(100s)}, .separate = true});
    HistoryChunk all;
    all.events = batch_of(history);
    all.covered_to = at(100s);
    all.end = true;
    run.give(std::move(all));
    while (run.need() != Need::kDone) {
      if (run.need() == Need::kAllowance) {
        asked_for_.push_back(run.asks_for());
        run.allowed();
      } else if (run.need() == Need::kAppend) {
        append(run.take_differing());
        run.routed(lose_ ? ReplayCounts{}
                         : ReplayCounts{.added = by_drain_, .pages_changed = by_drain_});
      } else if (!answer(run, world_.store, world_.asked)) {
        ADD_FAILURE() << "stands";
        break;
      }
    }
    world_.driver.run(kNow).value();
    std::vector<SubwindowResult> results = run.take_results();
    EXPECT_EQ(results.size(), 1U);
    return results.empty() ? SubwindowResult{} : results.front();
  }
  void expect_all_there() {
    for (const Event& e : kHistory) world_.model.add(kRight, e);
    world_.expect_as_modelled();
  }

  Replayed world_;
  bool lose_ = false;
  uint64_t by_drain_ = 0, appended_ = 0;
  std::vector<uint64_t> asked_for_;
};

TEST_F(PieceRunSeparateTest, TheDrainBringsInWhatTheStoreLacks) {
  world_.live({kHistory[2]});
  world_.advance(1'000s);
  by_drain_ = 4;
  const SubwindowResult result = replay(kHistory);
  expect_all_there();
  EXPECT_EQ(appended_, 4U) << "a page that is there already is not appended";
  EXPECT_EQ(world_.asked.commits, 0U) << "the second turn only looks";
  EXPECT_EQ(result.through_log, 4U);
  EXPECT_TRUE(result.wrote);
  EXPECT_EQ(result.counts.read, 5U);
  EXPECT_EQ(result.counts.added, 4U);
  EXPECT_EQ(result.counts.duplicate, 1U);
  // The drain asks for what it merges; the reader only for the rest.
  EXPECT_EQ(asked_for_, (std::vector<uint64_t>{0, 1}));
}

TEST_F(PieceRunSeparateTest, WhatIsThereIsNeitherAppendedNorWritten) {
  world_.advance(1'000s);
  by_drain_ = 5;
  replay(kHistory);
  const uint64_t bytes = world_.store.health().bytes_written.value;
  const SubwindowResult again = replay(kHistory);
  EXPECT_EQ(appended_, 0U);
  EXPECT_EQ(again.counts.duplicate, 5U);
  EXPECT_FALSE(again.wrote);
  EXPECT_EQ(world_.store.health().bytes_written.value, bytes);
  EXPECT_EQ(asked_for_, (std::vector<uint64_t>{0, 5}));
}

// A damaged replay log, or one whose disk was exchanged: the position is passed, the events are not
// there. Nothing counts as done that is not.
TEST_F(PieceRunSeparateTest, WhatTheLogLostTheSecondTurnAdds) {
  world_.advance(1'000s);
  lose_ = true;
  const SubwindowResult result = replay(kHistory);
  expect_all_there();
  EXPECT_EQ(result.counts.added, 5U);
}

TEST_F(PieceRunSeparateTest, WhatHistoryLacksIsFoundAsOnTheDirectRoute) {
  world_.live({{.key = "b", .time = 3s, .id = 99, .value = 1}});
  world_.advance(1'000s);
  const SubwindowResult result = replay(kHistory);
  ASSERT_EQ(result.shorts.size(), 1U);
  EXPECT_EQ(result.shorts[0].window.start, at(0s));
  EXPECT_EQ(result.shorts[0].events, 1U);
}

}  // namespace
}  // namespace hindcast::test
