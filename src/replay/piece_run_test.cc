#include "replay/piece_run.h"

#include "lane/subwindow_test_util.h"

namespace hindcast::test {
namespace {

using Need = PieceRun::Need;

const std::vector<Event> kHistory = {{.key = "a", .time = 1s, .id = 1, .value = 10},
                                     {.key = "b", .time = 3s, .id = 3, .value = 30},
                                     {.key = "c", .time = 14s, .id = 4, .value = 40},
                                     {.key = "a", .time = 35s, .id = 5, .value = 50},
                                     {.key = "d", .time = 72s, .id = 6, .value = 60}};

HistoryChunk chunk(const std::vector<Event>& events, Duration covered_to) {
  HistoryChunk out;
  out.events = batch_of(events);
  out.covered_to = at(covered_to);
  out.spent = {.requests = 1, .bytes = ByteCount{100}};
  return out;
}
HistoryChunk the_end() {
  HistoryChunk out = chunk({}, 0s);
  out.end = true;
  return out;
}

class PieceRunTest : public ::testing::Test {
 protected:
  PieceRunOptions options() const {
    return {.subwindow = world_.options(), .piece = {at(0s), at(100s)}, .events_max = 2};
  }
  /// Until history is needed, or the end.
  void go_on(PieceRun& run) {
    for (;;) {
      if (run.need() == Need::kAllowance) {
        asked_for_.push_back(run.asks_for());
        run.allowed();
      } else if (!answer(run, world_.store, world_.asked)) {
        return;
      }
    }
  }
  void give(PieceRun& run, HistoryChunk history) {
    ASSERT_EQ(run.need(), Need::kHistory);
    run.give(std::move(history));
    go_on(run);
  }

  Replayed world_;
  std::vector<uint64_t> asked_for_;
};

TEST_F(PieceRunTest, ResultsCoverThePieceAndTheAccountsBalance) {
  world_.live({kHistory[0]});
  world_.advance(1'000s);
  PieceRun run(options());
  HistoryChunk first = chunk({kHistory[0], kHistory[1], kHistory[2]}, 14s);
  first.dead.push_back({.reason = "malformed"});
  give(run, std::move(first));
  ASSERT_EQ(run.take_results().size(), 1U);
  EXPECT_TRUE(run.take_results().empty()) << "each is handed over once";
  give(run, chunk({kHistory[3], kHistory[4]}, 72s));
  give(run, the_end());
  ASSERT_EQ(run.need(), Need::kDone);
  EXPECT_EQ(asked_for_, (std::vector<uint64_t>{2, 2, 1}));

  const std::vector<SubwindowResult> results = run.take_results();
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0].window, (Window{at(10s), at(70s)}));
  EXPECT_FALSE(results[0].certain);
  EXPECT_TRUE(results[0].wrote);
  EXPECT_EQ(results[0].counts.added, 2U);
  EXPECT_EQ(results[1].window, (Window{at(70s), at(100s)}));
  EXPECT_TRUE(results[1].certain);

  world_.driver.run(kNow).value();
  for (const Event& e : kHistory) world_.model.add(kRight, e);
  world_.expect_as_modelled();
}

TEST_F(PieceRunTest, AResultSaysWhatWasReadForItAndWhatIsShort) {
  const Event only_here{.key = "b", .time = 4s, .id = 9, .value = 1};
  world_.live({kHistory[0], only_here});
  world_.advance(1'000s);
  PieceRun run(options());
  HistoryChunk first = chunk({kHistory[0], kHistory[1], kHistory[2]}, 14s);
  first.dead.push_back({.reason = "malformed"});
  first.missing.push_back({{at(0s), at(10s)}, {}, "not kept"});
  give(run, std::move(first));
  const SubwindowResult result = run.take_results().at(0);
  EXPECT_EQ(result.window, (Window{at(0s), at(10s)}));
  EXPECT_EQ(lines(result.shorts), "b 00:00 1\n");
  EXPECT_EQ(result.dead.size(), 1U);
  EXPECT_EQ(result.missing.size(), 1U);
  ReplayCounts counts = result.counts;
  EXPECT_EQ(counts.read, 3U);
  EXPECT_EQ(counts.read, counts.added + counts.duplicate + counts.dead_lettered);
  EXPECT_EQ(counts.bytes_read, 100U);
  EXPECT_EQ(counts.requests, 1U);
  EXPECT_EQ(counts.subwindows, 1U);
}

// Law L10 over a whole piece.
TEST_F(PieceRunTest, AReplayOfWhatIsThereCommitsNothing) {
  world_.live(kHistory);
  world_.advance(1'000s);
  PieceRun run(options());
  give(run, chunk(kHistory, 72s));
  give(run, the_end());
  EXPECT_EQ(run.need(), Need::kDone);
  EXPECT_EQ(world_.asked.commits, 0U);
  EXPECT_EQ(world_.asked.parts, 0U);
  for (const SubwindowResult& result : run.take_results()) EXPECT_FALSE(result.wrote);
}

TEST_F(PieceRunTest, TheMemoryOfASubwindowThatFoundNothingNewIsGivenAwayOnce) {
  world_.live(kHistory);
  world_.advance(1'000s);
  PieceRun run(options());
  EXPECT_EQ(run.take_spare().memory(), 0U);
  give(run, chunk({kHistory[0], kHistory[1], kHistory[2]}, 14s));
  ASSERT_EQ(run.need(), Need::kHistory);
  const ByteCount before = run.memory();
  const size_t spare = run.take_spare().memory();
  EXPECT_GT(spare, 0U);
  EXPECT_EQ(run.memory(), ByteCount{before.value - spare});
  EXPECT_EQ(run.take_spare().memory(), 0U);
}

// What a dense window's parts did is told with the window.
TEST_F(PieceRunTest, ADenseWindowIsOneResultOfSeveralSubwindows) {
  world_.live({{.key = "a", .time = 4s, .id = 99}});  // not in history, which cannot be told here
  world_.advance(1'000s);
  PieceRunOptions dense = options();
  dense.dense_max = 2;
  PieceRun run(std::move(dense));
  HistoryChunk first = chunk({kHistory[0], kHistory[1]}, 3s);
  first.missing.push_back({{at(0s), at(10s)}, {}, "not kept"});
  give(run, std::move(first));
  EXPECT_TRUE(run.take_results().empty());
  EXPECT_EQ(run.memory(), ByteCount{});
  give(run, the_end());
  const SubwindowResult result = run.take_results().at(0);
  EXPECT_EQ(result.window, (Window{at(0s), at(100s)}));
  EXPECT_EQ(result.counts.added, 2U);
  EXPECT_EQ(result.counts.subwindows, 2U);
  EXPECT_EQ(result.counts.requests, 2U);
  EXPECT_EQ(result.missing.size(), 1U);
  EXPECT_TRUE(result.wrote);
  EXPECT_TRUE(result.shorts.empty());
}

TEST_F(PieceRunTest, AnEmptyHistoryIsAResultAndTellsWhatIsShort) {
  world_.live(kHistory);
  world_.advance(1'000s);
  PieceRun run(options());
  give(run, the_end());
  EXPECT_EQ(asked_for_, std::vector<uint64_t>{0});
  const SubwindowResult result = run.take_results().at(0);
  EXPECT_EQ(result.window, (Window{at(0s), at(100s)}));
  EXPECT_EQ(result.counts, (ReplayCounts{.subwindows = 1, .bytes_read = 100, .requests = 1}));
  EXPECT_EQ(result.shorts.size(), 5U);
}

TEST_F(PieceRunTest, ErrorsOfTheCursorAndOfItsOrderFailThePiece) {
  world_.advance(1'000s);
  PieceRun gone(options());
  gone.give(Error(corruption("truncated: a.csv.gz ends in the middle")));
  EXPECT_EQ(gone.need(), Need::kFailed);
  EXPECT_EQ(gone.failure(), corruption("truncated: a.csv.gz ends in the middle"));

  PieceRun unsorted(options());
  give(unsorted, chunk({kHistory[0], kHistory[1], kHistory[2]}, 14s));
  unsorted.give(chunk({kHistory[0]}, 14s));
  EXPECT_EQ(unsorted.need(), Need::kFailed);
  EXPECT_TRUE(unsorted.failure().message.starts_with("unsorted: "));
  EXPECT_EQ(unsorted.take_results().size(), 1U) << "what was committed before stays";
}

TEST_F(PieceRunTest, AStoredPageThatCannotBeReadFailsThePiece) {
  world_.live({kHistory[0]});
  world_.advance(1'000s);
  PieceRun run(options());
  run.give(chunk({kHistory[0], {.key = "a", .time = 2s, .id = 2}}, 14s));
  run.allowed();
  answer(run, world_.store, world_.asked);
  std::vector<PageParts> pages;
  for (const PageRead& read : run.parts()) {
    pages.push_back(world_.store.snapshot().value()->page(read.key, Lane::kReplay).value());
    for (Bytes& part : pages.back().parts) part.clear();
  }
  run.give_parts(std::move(pages), kNow);
  ASSERT_EQ(run.need(), Need::kFailed);
  EXPECT_EQ(run.failure().code, ErrorCode::kCorruption);
}

TEST_F(PieceRunTest, FrontiersThatMovedCountForTheNextSubwindow) {
  world_.advance(10s);
  PieceRun run(options());
  give(run, chunk({kHistory[0], kHistory[2]}, 30s));
  EXPECT_EQ(run.take_results().at(0).counts.outside, 1U);
  world_.advance(1'000s);
  run.set_frontiers(world_.options().frontiers);
  give(run, chunk({kHistory[3], kHistory[4]}, 100s));
  EXPECT_EQ(run.take_results().at(0).counts.added, 2U);
}

}  // namespace
}  // namespace hindcast::test
