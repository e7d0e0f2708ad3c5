#include "lane/subwindow.h"

#include "lane/subwindow_test_util.h"

namespace hindcast::test {
namespace {

// Keys "a" to "d" in pages of 10 s; the second minute is one more page.
const std::vector<Event> kHistory = {{.key = "a", .time = 1s, .id = 1, .value = 10},
                                     {.key = "a", .time = 2s, .id = 2, .value = 20},
                                     {.key = "b", .time = 3s, .id = 3, .value = 30},
                                     {.key = "c", .time = 14s, .id = 4, .value = 40},
                                     {.key = "a", .time = 15s, .id = 5, .value = 50},
                                     {.key = "d", .time = 72s, .id = 6, .value = 60}};
constexpr uint64_t kPages = 5;  // a and b share none here

class SubwindowTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::set<PageKey> pages;
    for (const Event& e : kHistory) pages.insert(world_.page(align(e.time), e.key));
    ASSERT_EQ(pages.size(), kPages);
  }
  static Duration align(Duration time) { return time - time % 10s; }
  /// Another key of the same slot.
  std::string in_slot_of(const std::string& key) const {
    std::string other = "x0";
    for (int i = 0; world_.page(0s, other).slot != world_.page(0s, key).slot; ++i)
      other = "x" + std::to_string(i);
    return other;
  }
  /// The live lane sealed these, and everything before 1,000 s is behind its frontier.
  void sealed(const std::vector<Event>& events) {
    world_.live(events);
    world_.advance(1'000s);
  }
  void should_bring(const std::vector<Event>& events) {
    for (const Event& e : events) world_.model.add(kRight, e);
  }

  Replayed world_;
};

TEST_F(SubwindowTest, WhatIsMissingIsAddedWithRowsAndRollups) {
  sealed({kHistory[0]});
  const ReplayCounts counts = world_.replay(kHistory);
  should_bring(kHistory);
  world_.expect_as_modelled();
  EXPECT_EQ(counts.read, 6U);
  EXPECT_EQ(counts.added, 5U);
  EXPECT_EQ(counts.duplicate, 1U);
  EXPECT_EQ(counts.subwindows, 1U);
  EXPECT_EQ(counts.pages_changed, kPages);
  EXPECT_GT(counts.rows_changed, kPages);
  EXPECT_GT(counts.bytes_written, 0U);
  const auto page = world_.store.snapshot().value()->page(world_.page(0s, "a"), Lane::kReplay);
  EXPECT_EQ(page->head.version, Version{2});
  const auto row = world_.store.snapshot().value()->row(
      {kFine, 5s, at(0s), kPartition, world_.page(0s, "a").slot, "a"});
  EXPECT_EQ(to_string((*row)->cause), "replay 5");
  EXPECT_EQ((*row)->version, Version{2});
}

// Law L10: the heads are all that is looked at.
TEST_F(SubwindowTest, HistoryThatIsThereReadsNoPartAndCommitsNothing) {
  sealed(kHistory);
  const ChangeNumber before = world_.store.snapshot().value()->last_change();
  std::vector<Event> backwards(kHistory.rbegin(), kHistory.rend());
  const ReplayCounts counts = world_.replay(backwards);
  EXPECT_EQ(counts.duplicate, 6U);
  EXPECT_EQ(counts.skipped_keys, 5U);
  EXPECT_EQ(counts.bytes_written, 0U);
  EXPECT_EQ(world_.asked, (Asked{.heads = 1}));
  EXPECT_TRUE(world_.shorts.empty());
  EXPECT_EQ(world_.store.snapshot().value()->last_change(), before);
}

// Sums of keys decide within a page: of the equal ones no event is decoded.
TEST_F(SubwindowTest, OfAPageThatDiffersTheEqualKeysEndAtTheirSums) {
  const std::string other = in_slot_of("a");
  const Event missing{.key = other, .time = 4s, .id = 9, .value = 1};
  sealed({kHistory[0], kHistory[1], {.key = other, .time = 3s, .id = 8, .value = 2}});
  const ReplayCounts counts = world_.replay({kHistory[0], kHistory[1], missing});
  EXPECT_EQ(counts.skipped_keys, 1U);
  EXPECT_EQ(counts.duplicate, 2U);
  EXPECT_EQ(counts.added, 1U);
  EXPECT_EQ(lines(world_.shorts), other + " 00:00 1\n");
  should_bring({missing});
  world_.expect_as_modelled();  // law L9: what history lacks stays
}

TEST_F(SubwindowTest, RepetitionsInHistoryAreDuplicatesAndChangeNothing) {
  std::vector<Event> twice = kHistory;
  twice.insert(twice.end(), kHistory.begin(), kHistory.end());
  sealed({});
  ReplayCounts counts = world_.replay(twice);
  EXPECT_EQ(counts.added, 6U);
  EXPECT_EQ(counts.duplicate, 6U);
  should_bring(kHistory);
  world_.expect_as_modelled();
  counts = world_.replay(twice);
  EXPECT_EQ(counts.duplicate, 12U);
  EXPECT_EQ(world_.asked.commits, 0U);
  EXPECT_TRUE(world_.shorts.empty());
}

// The digest does not see tombstones, so a page with a delete is always looked at.
TEST_F(SubwindowTest, ADeleteInHistoryIsAppliedOnce) {
  sealed(kHistory);
  std::vector<Event> history = kHistory;
  history.push_back({.key = "a", .time = 2s, .id = 2, .op = Op::kDelete});
  history.push_back({.key = "a", .time = 2s, .id = 99, .op = Op::kDelete});  // of nothing
  ReplayCounts counts = world_.replay(history);
  EXPECT_EQ(counts.added, 2U);
  EXPECT_EQ(counts.superseded, 1U);
  EXPECT_EQ(counts.duplicate, 5U);
  should_bring(history);
  world_.expect_as_modelled();
  counts = world_.replay(history);
  EXPECT_EQ(counts.added, 0U);
  EXPECT_EQ(world_.asked.commits, 0U);
  EXPECT_TRUE(world_.shorts.empty());
  world_.replay(kHistory);  // nothing comes back
  EXPECT_EQ(world_.asked.commits, 0U);
  world_.expect_as_modelled();
}

// The hash of an event does not know its operation: alone in its page, and beside a key that
// differs, the delete has the sums of the live event.
TEST_F(SubwindowTest, ADeleteThatDiffersInNothingElseIsApplied) {
  const Event beside{.key = in_slot_of("a"), .time = 4s, .id = 9, .value = 1};
  for (const bool alone : {true, false}) {
    Replayed world;
    world.live({kHistory[0]});
    world.advance(1'000s);
    Event deleted = kHistory[0];
    deleted.op = Op::kDelete;
    std::vector<Event> history = {deleted};
    if (!alone) history.push_back(beside);
    EXPECT_EQ(world.replay(history).added, history.size());
    for (const Event& e : history) world.model.add(kRight, e);
    world.expect_as_modelled();
  }
}

TEST_F(SubwindowTest, AHigherRevisionWinsOnWhicheverSideItIs) {
  Event revised = kHistory[0], ours = kHistory[3];
  revised.revision = 1;
  revised.value = 11;
  ours.revision = 2;
  ours.value = 44;
  sealed({kHistory[0], ours});
  const ReplayCounts counts = world_.replay({kHistory[0], revised, kHistory[3]});
  EXPECT_EQ(counts.added, 1U);
  EXPECT_EQ(counts.superseded, 2U);
  should_bring({revised, kHistory[3]});
  world_.expect_as_modelled();
  EXPECT_TRUE(world_.shorts.empty()) << "an id that history has in another revision is not short";
}

TEST_F(SubwindowTest, OtherTimesKeysAndWhatIsNotBehindTheFrontierAreOutside) {
  world_.live({{.key = "a", .time = 1s, .id = 100}});
  world_.advance(20s);  // frontier
  SubwindowOptions options = world_.options();
  options.range = {at(2s), at(1'000s)};
  const std::vector<Bytes> keys = {"a", "c"};
  options.keys = &keys;
  const ReplayCounts counts = world_.replay(kHistory, std::move(options));
  EXPECT_EQ(counts.outside, 3U);  // a at 1 s, b, d at 72 s
  EXPECT_EQ(counts.added, 3U);
  EXPECT_TRUE(world_.shorts.empty()) << "of the first window only a part was asked for";
  EXPECT_EQ(world_
                .replay(kHistory,
                        [&] {
                          SubwindowOptions no_frontier = world_.options();
                          no_frontier.frontiers.clear();
                          return no_frontier;
                        }())
                .outside,
            6U);
  EXPECT_EQ(world_.asked, Asked{});
}

TEST_F(SubwindowTest, WhatHistoryLacksIsToldByKeyAndNumber) {
  sealed(kHistory);
  // a lacks one of two in the first page; c has one too many; b's and d's pages are not there.
  const std::vector<Event> history = {
      kHistory[0], kHistory[3], kHistory[4], {.key = "c", .time = 13s, .id = 7, .value = 1}};
  world_.replay(history);
  EXPECT_EQ(lines(world_.shorts), lines([&] {
              std::vector<HistoryShort> expected = {{kPartition, "a", {at(0s), at(10s)}, 1},
                                                    {kPartition, "b", {at(0s), at(10s)}, 1},
                                                    {kPartition, "d", {at(70s), at(80s)}, 1}};
              std::ranges::sort(expected, {}, [&](const HistoryShort& s) {
                return std::pair(s.window, slot_of(s.key, 4));
              });
              return expected;
            }()));
  EXPECT_EQ(world_.shorts.front().partition, kPartition);
  should_bring(history);
  world_.expect_as_modelled();

  world_.replay(history, world_.options(), {{at(10s), at(20s)}});
  EXPECT_TRUE(world_.shorts.empty()) << "told of whole windows only";

  const std::vector<Bytes> keys = {"d"};
  SubwindowOptions options = world_.options();
  options.keys = &keys;
  world_.replay({}, std::move(options));
  EXPECT_EQ(lines(world_.shorts), "d 01:10 1\n");
  EXPECT_LT(world_.asked.parts, kPages) << "pages where the key cannot be are not read";
}

TEST_F(SubwindowTest, NothingToReplayIsDoneAtOnce) {
  sealed(kHistory);
  const ReplayCounts counts = world_.replay({}, world_.options(), {});
  EXPECT_EQ(counts, (ReplayCounts{.subwindows = 1}));
  EXPECT_EQ(world_.asked, Asked{});
}

// Without the decision the higher content hash wins, which may be either.
TEST_F(SubwindowTest, ARepairDecidesForHistoryWhereItDiffers) {
  Event ours_revised = kHistory[4];
  ours_revised.revision = 1;
  ours_revised.value = 51;
  std::vector<Event> live = kHistory, history = kHistory;
  live[4] = ours_revised;
  live[0].value = 11;                                                      // wrong here
  live.push_back({.key = "b", .time = 4s, .id = 77, .value = 1});          // only here
  live.push_back({.key = "d", .time = 73s, .id = 78, .op = Op::kDelete});  // deleted here
  history.push_back({.key = "d", .time = 73s, .id = 78, .value = 5});
  history.push_back({.key = "c", .time = 16s, .id = 79, .value = 6});  // only in history
  sealed(live);

  SubwindowOptions options = world_.options();
  options.decision = 9;
  options.cause = {Cause::Kind::kRepair, 9};
  ReplayCounts counts = world_.replay(history, options);
  EXPECT_EQ(counts.added, 3U);       // a's value, d's return, c's new one
  EXPECT_EQ(counts.superseded, 1U);  // by our higher revision
  EXPECT_EQ(counts.duplicate, 4U);
  EXPECT_EQ(lines(world_.shorts), "b 00:00 1\n");

  NaiveModel expected;
  for (const Event& e : history) expected.add(kLeft, e);
  expected.add(kLeft, ours_revised);
  expected.add(kLeft, live[6]);
  expect_equal(stored_content(world_.store), expected.content());
  expect_digests_agree(world_.store);

  // Both again: the repair finds nothing to do, and what was wrong does not come back.
  world_.replay(history, options);
  EXPECT_EQ(world_.asked.commits, 0U);
  world_.replay(live);
  EXPECT_EQ(world_.asked.commits, 0U);
}

// A page that a late event changed meanwhile is read and merged again, and no other.
TEST_F(SubwindowTest, OnlyThePagesInConflictAreReadAgain) {
  sealed({kHistory[0]});
  std::vector<EventBatch> batches;
  batches.push_back(batch_of(kHistory));
  Subwindow subwindow(world_.options(), std::move(batches), {});
  Asked asked;
  while (subwindow.need() != Subwindow::Need::kCommit) answer(subwindow, world_.store, asked);
  EXPECT_EQ(asked.parts, kPages);
  const Commit first = subwindow.take_commit();
  world_.live({kHistory[1]});  // late
  ASSERT_EQ(world_.driver.counts().conflicts, 0U);
  subwindow.committed({CommitState::kConflict, {world_.page(0s, "a")}, {}});
  ASSERT_EQ(subwindow.need(), Subwindow::Need::kParts);
  ASSERT_EQ(subwindow.parts().size(), 1U);
  EXPECT_EQ(subwindow.parts()[0].key, world_.page(0s, "a"));
  answer(subwindow, world_.store, asked);
  ASSERT_EQ(subwindow.need(), Subwindow::Need::kCommit);
  // The late event was all that this page lacked.
  EXPECT_EQ(subwindow.take_commit().pages.size(), first.pages.size() - 1);
  while (answer(subwindow, world_.store, asked)) {
  }
  EXPECT_EQ(asked.conflicts, 0U);
  EXPECT_EQ(subwindow.counts().duplicate, 2U);
  EXPECT_EQ(subwindow.counts().added, 4U);
  world_.driver.run(kNow).value();
  should_bring(kHistory);
  world_.expect_as_modelled();
}

TEST_F(SubwindowTest, ACommitHoldsOnePageAtLeastAndElseItsBytes) {
  sealed({});
  SubwindowOptions options = world_.options();
  options.commit_bytes_max = 1;
  world_.replay(kHistory, std::move(options));
  EXPECT_EQ(world_.asked.commits, kPages);
  should_bring(kHistory);
  world_.expect_as_modelled();
}

TEST_F(SubwindowTest, AnUnknownOutcomeIsSentAgainUnchanged) {
  sealed({});
  std::vector<EventBatch> batches;
  batches.push_back(batch_of(kHistory));
  Subwindow subwindow(world_.options(), std::move(batches), {});
  Asked asked;
  while (subwindow.need() != Subwindow::Need::kCommit) answer(subwindow, world_.store, asked);
  const Commit first = subwindow.take_commit();
  subwindow.committed({CommitState::kUnknown, {}, {}});
  ASSERT_EQ(subwindow.need(), Subwindow::Need::kCommit);
  const Commit again = subwindow.take_commit();
  ASSERT_EQ(again.pages.size(), first.pages.size());
  for (size_t i = 0; i < first.pages.size(); ++i)
    EXPECT_EQ(again.pages[i].part, first.pages[i].part);
  EXPECT_EQ(again.rows, first.rows);
  EXPECT_EQ(again.marks, first.marks);
}

TEST_F(SubwindowTest, AFencedCommitEndsIt) {
  sealed({});
  std::vector<EventBatch> batches;
  batches.push_back(batch_of(kHistory));
  Subwindow subwindow(world_.options(), std::move(batches), {});
  Asked asked;
  while (subwindow.need() != Subwindow::Need::kCommit) answer(subwindow, world_.store, asked);
  subwindow.take_commit();
  subwindow.committed({CommitState::kFenced, {}, {}});
  EXPECT_EQ(subwindow.need(), Subwindow::Need::kFailed);
  EXPECT_EQ(subwindow.failure().error().code, ErrorCode::kFenced);
}

TEST_F(SubwindowTest, AStoredPageThatCannotBeReadFailsByName) {
  sealed({kHistory[0]});
  const auto give = [&](const std::function<void(Bytes&)>& damage) {
    std::vector<EventBatch> batches;
    batches.push_back(batch_of({kHistory[0], kHistory[1]}));
    Subwindow subwindow(world_.options(), std::move(batches), {});
    Asked asked;
    answer(subwindow, world_.store, asked);
    PageParts page =
        world_.store.snapshot().value()->page(subwindow.parts()[0].key, Lane::kReplay).value();
    damage(page.parts[0]);
    subwindow.give_parts({page}, kNow);
    EXPECT_EQ(subwindow.need(), Subwindow::Need::kFailed);
    return subwindow.failure();
  };
  const Status directory = give([](Bytes& part) { part[12] ^= 1; });
  EXPECT_EQ(directory.error().code, ErrorCode::kCorruption);
  EXPECT_NE(directory.error().message.find("page 1970-01-01T00:00:00Z slot"), std::string::npos);
  EXPECT_EQ(give([](Bytes& part) { part.back() ^= 1; }).error().code, ErrorCode::kCorruption);
}

// More pages than have batches of their own at once, one event each.
TEST_F(SubwindowTest, ThousandsOfSparsePagesComeInOrder) {
  sealed({});
  world_.advance(100'000s);
  std::vector<Event> history;
  history.reserve(3'000);
  for (int i = 0; i < 3'000; ++i) {
    history.push_back({.key = "k" + std::to_string(i % 7),
                       .time = 10s * (i * 1'699 % 3'000),
                       .id = i,
                       .value = i});
  }
  SubwindowOptions options = world_.options();
  options.range.end = at(100'000s);
  EXPECT_EQ(world_.replay(history, options).added, 3'000U);
  EXPECT_LT(world_.asked.commits, 40U);
  should_bring(history);
  world_.expect_as_modelled();
  EXPECT_EQ(world_.replay(history, options).duplicate, 3'000U);
  EXPECT_EQ(world_.asked, (Asked{.heads = 1}));
}

}  // namespace
}  // namespace hindcast::test
