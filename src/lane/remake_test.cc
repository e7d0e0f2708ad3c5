#include "lane/remake.h"

#include <gmock/gmock.h>

#include "lane/lane_test_util.h"
#include "lane/page_merge.h"
#include "lane/read_page.h"
#include "lane/subwindow_test_util.h"
#include "store/forwarding_store_test_util.h"

namespace hindcast::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Remembers the gaps of commits that took effect.
class GapStore final : public test::ForwardingStore {
 public:
  GapStore() : ForwardingStore(inner) {}
  void commit(Commit commit, Done<CommitResult> done) override {
    std::vector<Gap> gaps = commit.gaps;
    inner.commit(std::move(commit), [&](Result<CommitResult> result) {
      if (result && result->state == CommitState::kCommitted)
        opened.insert(opened.end(), gaps.begin(), gaps.end());
      done(std::move(result));
    });
  }

  MemoryStore inner;
  std::vector<Gap> opened;
};

/// Keys of one slot.
std::vector<std::string> neighbours(size_t count) {
  std::vector<std::string> out;
  for (int i = 0; out.size() < count; ++i) {
    std::string key = "k" + std::to_string(i);
    if (slot_of(key, 4) == 1) out.push_back(std::move(key));
  }
  return out;
}

class RemakeTest : public ::testing::Test {
 protected:
  explicit RemakeTest(LaneDriverOptions options = small_options())
      : options_(std::move(options)), driver_((complete(options_), options_), log_, store_) {
    driver_.start().value();
  }
  void complete(LaneDriverOptions& options) {
    options.lane.stream = kStream;
    options.lane.next_gap = [this] { return ++last_gap_; };
  }
  void events(const std::vector<Event>& list) {
    log_.append(Channel::kLive, {events_record(kLeft, list)},
                [](Result<std::vector<Position>> done) { ASSERT_TRUE(done.has_value()); });
  }
  void heartbeat(Duration to) {
    log_.append(Channel::kLive, {advance_record(kLeft, to)},
                [](Result<std::vector<Position>> done) { ASSERT_TRUE(done.has_value()); });
  }
  void run() {
    const Status status = driver_.run(kNow);
    ASSERT_TRUE(status.has_value()) << status.error().message;
  }
  /// Two keys of a slot, two events each in the page of 0 s, sealed.
  void seal_two_keys() {
    events({{.key = kA, .time = 1s, .id = 1, .value = 10},
            {.key = kA, .time = 2s, .id = 2, .value = 20},
            {.key = kB, .time = 6s, .id = 3, .value = 30},
            {.key = kB, .time = 7s, .id = 4, .value = 40}});
    heartbeat(20s);
    run();
  }
  void expect_closed_digests_agree() {
    heartbeat(24h);
    run();
    expect_digests_agree(store_);
  }
  PageParts page() { return store_.snapshot().value()->page(kPage, Lane::kLive).value(); }
  /// "count sum" of the key's row of 10 s; "" when there is none.
  std::string row(const std::string& key) {
    const Content content = stored_content(store_);
    const auto found = content.find({kFine, 10s, at(0s), key});
    if (found == content.end()) return "";
    return std::to_string(found->second.count) + " " + std::to_string(found->second.sum);
  }
  Version version(const std::string& key) {
    return store_.snapshot()
        .value()
        ->row({kFine, 10s, at(0s), kPartition, 1, key})
        .value()
        ->version;
  }

  const std::string kA = neighbours(2)[0], kB = neighbours(2)[1];
  const PageKey kPage{kPartition, at(0s), 1};
  GapId last_gap_ = 40;
  LaneDriverOptions options_;
  MemoryLog log_;
  GapStore store_;
  LaneDriver driver_;
};

// It used to retry for ever, and with it everything late of its partition.
TEST_F(RemakeTest, ALateEventGoesIntoADamagedPageAndWhatWasLostIsAGap) {
  seal_two_keys();
  EXPECT_EQ(row(kA), "2 30");
  store_.inner.flip(kPage, 0, page().parts[0].size() - 10);  // the only chunk
  events({{.key = kA, .time = 3s, .id = 5, .value = 1}});
  run();
  EXPECT_TRUE(page().whole());
  EXPECT_EQ(row(kA), "1 1");
  EXPECT_EQ(row(kB), "") << "no event of it is left";
  EXPECT_EQ(version(kA), Version{2});
  EXPECT_EQ(version(kB), Version{2});
  expect_closed_digests_agree();

  ASSERT_EQ(store_.opened.size(), 1u);
  const Gap& gap = store_.opened[0];
  EXPECT_EQ(gap.id, 41u);
  EXPECT_EQ(gap.stream, kStream);
  EXPECT_EQ(gap.cause, Gap::Cause::kCorruption);
  EXPECT_EQ(gap.range, (Window{at(0s), at(10s)}));
  EXPECT_EQ(gap.scope.kind, GapScope::Kind::kKeys);
  EXPECT_THAT(gap.scope.keys, ElementsAre(std::pair(kPartition, kA), std::pair(kPartition, kB)));
  EXPECT_THAT(gap.detail, HasSubstr("part 0: byte"));
  EXPECT_EQ(gap.opened_at, kNow);
}

TEST_F(RemakeTest, WhatWasLostComesBackFromHistory) {
  seal_two_keys();
  store_.inner.flip(kPage, 0, page().parts[0].size() - 10);
  events({{.key = kA, .time = 3s, .id = 5, .value = 1}});
  run();
  // As a replay would bring it.
  events({{.key = kA, .time = 1s, .id = 1, .value = 10},
          {.key = kA, .time = 2s, .id = 2, .value = 20},
          {.key = kB, .time = 6s, .id = 3, .value = 30},
          {.key = kB, .time = 7s, .id = 4, .value = 40}});
  run();
  EXPECT_EQ(row(kA), "3 31");
  EXPECT_EQ(row(kB), "2 70");
  EXPECT_EQ(version(kB), Version{3});
  expect_closed_digests_agree();
}

TEST_F(RemakeTest, WithoutADirectoryNobodyKnowsWhichKeysLost) {
  seal_two_keys();
  store_.inner.flip(kPage, 0, 12);
  events({{.key = kA, .time = 3s, .id = 5, .value = 1}});
  run();
  ASSERT_EQ(store_.opened.size(), 1u);
  EXPECT_EQ(store_.opened[0].scope.kind, GapScope::Kind::kPartition);
  EXPECT_EQ(store_.opened[0].scope.partition, kPartition);
  EXPECT_EQ(row(kA), "1 1");
  EXPECT_EQ(row(kB), "") << "its stored row says that it was there";
}

TEST_F(RemakeTest, APageWhoseHeadIsLostGoesOnBehindTheVersionsOfItsRows) {
  seal_two_keys();
  events({{.key = kB, .time = 8s, .id = 6, .value = 5}});
  run();
  EXPECT_EQ(version(kB), Version{2});
  store_.inner.lose_head(kPage);
  events({{.key = kA, .time = 3s, .id = 5, .value = 1}});
  run();
  EXPECT_EQ(page().head.version, Version{3});
  EXPECT_EQ(version(kA), Version{3});
  EXPECT_EQ(row(kA), "1 1");
  EXPECT_EQ(row(kB), "");
  ASSERT_EQ(store_.opened.size(), 1u);
  EXPECT_EQ(store_.opened[0].scope.kind, GapScope::Kind::kPartition);
  expect_closed_digests_agree();
}

// Only the damaged part's events are lost; rows that come out the same are not put again.
TEST_F(RemakeTest, TheOtherPartsOfADamagedPageStay) {
  seal_two_keys();
  events({{.key = kB, .time = 8s, .id = 6, .value = 5}});
  run();
  ASSERT_EQ(page().parts.size(), 2u);
  store_.inner.flip(kPage, 1, page().parts[1].size() - 10);
  events({{.key = kB, .time = 9s, .id = 7, .value = 100}});
  run();
  EXPECT_EQ(row(kA), "2 30");
  EXPECT_EQ(version(kA), Version{1}) << "not touched";
  EXPECT_EQ(row(kB), "3 170");
  ASSERT_EQ(store_.opened.size(), 1u);
  EXPECT_THAT(store_.opened[0].scope.keys, ElementsAre(std::pair(kPartition, kB)));
}

// A correction in the lost part makes the old value visible again: the gap says not to trust it.
TEST_F(RemakeTest, EvenADuplicateMakesADamagedPageAnew) {
  seal_two_keys();
  store_.inner.flip(kPage, 0, page().parts[0].size() - 10);
  events({{.key = kA, .time = 1s, .id = 1, .value = 10}});
  run();
  EXPECT_TRUE(page().whole());
  EXPECT_EQ(row(kA), "1 10");
  EXPECT_EQ(store_.opened.size(), 1u);
}

// Of two who meet the same damage one makes the page anew; the other conflicts and adds to it.
TEST_F(RemakeTest, AConflictOpensNoSecondGap) {
  seal_two_keys();
  store_.inner.flip(kPage, 0, page().parts[0].size() - 10);
  events({{.key = kA, .time = 3s, .id = 5, .value = 1}});
  using Step = LaneDriver::Step;
  driver_.take(Step::kApply, kNow).value();
  driver_.take(Step::kFlush, kNow).value();
  driver_.take(Step::kReadPages, kNow).value();
  // Somebody else is faster.
  const auto snapshot = store_.snapshot().value();
  PageParts read = read_for_merge(*snapshot, {kPage, {}}, Lane::kReplay, options_.lane.schema,
                                  options_.lane.aggregates)
                       .value();
  const MergeContext context{.schema = options_.lane.schema,
                             .aggregates = options_.lane.aggregates,
                             .cause = {Cause::Kind::kReplay, 1},
                             .now = kNow,
                             .stream = kStream,
                             .next_gap = options_.lane.next_gap};
  PageMerge merge =
      merge_page(context, kPage, EventBatch(options_.lane.schema), &read, RowsOf::kChanged).value();
  Commit commit{.id = 1, .lane = Lane::kReplay};
  commit.pages.push_back(*merge.add);
  commit.rows = merge.rows;
  commit.gaps.push_back(*merge.gap);
  store_.commit(std::move(commit), [](const Result<CommitResult>& result) {
    EXPECT_EQ(result.value().state, CommitState::kCommitted);
  });
  run();
  EXPECT_EQ(driver_.counts().conflicts, 1u);
  EXPECT_EQ(row(kA), "1 1");
  EXPECT_EQ(store_.opened.size(), 1u);
}

TEST_F(RemakeTest, WithoutIdsOfGapsTheLaneSaysWhereItStopped) {
  options_.lane.next_gap = nullptr;
  LaneDriver driver(options_, log_, store_);
  driver.start().value();
  events({{.key = kA, .time = 1s, .id = 1}});
  heartbeat(20s);
  ASSERT_TRUE(driver.run(kNow));
  store_.inner.flip(kPage, 0, page().parts[0].size() - 10);
  events({{.key = kA, .time = 3s, .id = 5}});
  const Status status = driver.run(kNow);
  EXPECT_EQ(status.error().code, ErrorCode::kCorruption);
  EXPECT_THAT(status.error().message, HasSubstr("part 0: byte"));
}

class SpillRemakeTest : public RemakeTest {
 protected:
  SpillRemakeTest()
      : RemakeTest([] {
          LaneDriverOptions options = small_options();
          options.lane.memory_max = ByteCount{1};  // every page is spilled at once
          return options;
        }()) {}
  void spill_one() {
    events({{.key = kA, .time = 1s, .id = 1, .value = 10}});
    run();
    ASSERT_EQ(page().parts.size(), 1u);
  }
};

TEST_F(SpillRemakeTest, ASpilledPageThatIsDamagedIsSpilledToAgainAndSealed) {
  spill_one();
  store_.inner.flip(kPage, 0, page().parts[0].size() - 10);
  events({{.key = kA, .time = 2s, .id = 2, .value = 20}});
  run();
  EXPECT_TRUE(page().whole());
  ASSERT_EQ(store_.opened.size(), 1u);
  EXPECT_THAT(store_.opened[0].scope.keys, ElementsAre(std::pair(kPartition, kA)));
  heartbeat(20s);
  run();
  EXPECT_EQ(row(kA), "1 20");
}

TEST_F(SpillRemakeTest, ASpilledPageThatIsDamagedIsSealedWithWhatIsLeft) {
  spill_one();
  store_.inner.lose_head(kPage);
  heartbeat(20s);
  run();
  EXPECT_EQ(driver_.lane().frontier().window, at(20s));
  EXPECT_EQ(row(kA), "");
  EXPECT_TRUE(page().whole());
  ASSERT_EQ(store_.opened.size(), 1u);
  EXPECT_EQ(store_.opened[0].scope.kind, GapScope::Kind::kPartition);
}

class DrainRemakeTest : public RemakeTest {
 protected:
  DrainRemakeTest()
      : RemakeTest([] {
          LaneDriverOptions options = small_options();
          options.lane.late_as_replay = 1min;
          return options;
        }()) {}
};

TEST_F(DrainRemakeTest, TheReplayLogIsMergedIntoADamagedPage) {
  seal_two_keys();
  heartbeat(10min);
  run();
  store_.inner.flip(kPage, 0, page().parts[0].size() - 10);
  events({{.key = kA, .time = 3s, .id = 5, .value = 1}});
  run();
  EXPECT_EQ(driver_.counts().drained, 1u);
  EXPECT_EQ(row(kA), "1 1");
  ASSERT_EQ(store_.opened.size(), 1u);
  expect_digests_agree(store_);
}

EventBatch rows_of(const std::vector<Event>& list) {
  EventBatch batch(small_schema());
  decode_events(small_schema(), events_record(kLeft, list).payload, batch).value();
  return sort_unique(small_schema(), batch);
}

// ── replays ─────────────────────────────────────────────────────────────────────────────────────

class ReplayRemakeTest : public ::testing::Test {
 protected:
  ReplayRemakeTest() {
    world_.live(events_);
    world_.advance(1'000s);
  }
  SubwindowOptions options() {
    SubwindowOptions out = world_.options();
    out.stream = kStream;
    out.next_gap = [this] { return ++gaps_; };
    return out;
  }
  PageParts stored() { return world_.store.snapshot().value()->page(page_, Lane::kReplay).value(); }

  const std::string kA = neighbours(2)[0], kB = neighbours(2)[1];
  const std::vector<Event> events_ = {{.key = kA, .time = 1s, .id = 1, .value = 10},
                                      {.key = kB, .time = 2s, .id = 2, .value = 20}};
  Replayed world_;
  const PageKey page_ = world_.page(0s, kA);
  GapId gaps_ = 0;
};

// Directory and head cannot be compared any more, so the whole page is merged anew.
TEST_F(ReplayRemakeTest, AReplayBringsBackWhatADamagedPageLost) {
  const size_t size = stored().parts[0].size();
  for (const size_t byte : {size_t{12}, size - 10}) {
    world_.store.flip(page_, 0, byte);
    // A head that agrees ends the compare: a key that history has anew makes it look.
    std::vector<Event> history = events_;
    history.push_back({.key = kA, .time = 3s, .id = static_cast<int64_t>(byte), .value = 1});
    const ReplayCounts counts = world_.replay(history, options());
    EXPECT_EQ(counts.read, 3U);
    EXPECT_EQ(counts.pages_changed, 1U);
    EXPECT_TRUE(stored().whole());
  }
  EXPECT_EQ(gaps_, 2U);
}

TEST_F(ReplayRemakeTest, APageWhoseHeadIsLostIsBroughtBackWhole) {
  world_.store.lose_head(page_);
  const ReplayCounts counts = world_.replay(events_, options());
  EXPECT_EQ(counts.added, 2U);
  EXPECT_EQ(gaps_, 1U);
  EXPECT_TRUE(stored().whole());
  EXPECT_EQ(stored().head.version, Version{2});
  world_.expect_as_modelled();
  EXPECT_EQ(world_.replay(events_, options()).pages_changed, 0U) << "again: nothing";
}

TEST_F(ReplayRemakeTest, WithoutIdsOfGapsTheSubwindowFailsAndSaysWhere) {
  world_.store.lose_head(page_);
  std::vector<EventBatch> batches;
  batches.push_back(rows_of(events_));
  Subwindow subwindow(world_.options(), std::move(batches), Replayed::everything());
  Asked asked;
  while (answer(subwindow, world_.store, asked)) {
  }
  EXPECT_EQ(subwindow.need(), Subwindow::Need::kFailed);
  EXPECT_THAT(subwindow.failure().error().message, HasSubstr("the head is lost"));
}

// ── remains ─────────────────────────────────────────────────────────────────────────────────────

Bytes part_of(const std::vector<Event>& list) {
  const EventBatch rows = rows_of(list);
  return encode_part(small_schema(), rows, page_changes(small_schema(), rows, {}).changes);
}

// A record whose label alone is damaged: everything is read, nothing is lost, and no gap is opened.
TEST(RemainsTest, APartThatReadsWellInSpiteOfItsDamageLosesNothing) {
  PageParts page;
  page.parts = {part_of({{.key = "a", .id = 1}}), part_of({{.key = "b", .id = 2}})};
  page.head.parts.resize(2);
  page.damaged = {{1, "parts-000001: the label"}};
  const Remains remains = remains_of(small_schema(), page);
  EXPECT_EQ(remains.rows.size(), 2u);
  EXPECT_FALSE(remains.lost_events());
  EXPECT_THAT(remains.damage, ElementsAre("parts-000001: the label"));
  EXPECT_THAT(remains.unread_parts, ElementsAre(1u));
}

// What the store did not notice, the part's own checksums do; the place is named all the same.
TEST(RemainsTest, DamageThatTheStoreDidNotSeeIsNamedByFileAndByte) {
  PageParts page;
  page.parts = {part_of({{.key = "a", .id = 1}})};
  page.parts[0].back() ^= 1;
  page.head.parts = {{.file = 12, .offset = 444, .size = page.parts[0].size(), .version = {}}};
  const Remains remains = remains_of(small_schema(), page);
  EXPECT_TRUE(remains.rows.empty());
  EXPECT_THAT(remains.lost_keys, ElementsAre("a"));
  EXPECT_THAT(remains.damage,
              ElementsAre("part file 12, part at byte 444: checksum mismatch in a chunk"));
  EXPECT_EQ(read_page(small_schema(), page).error(),
            corruption("part file 12, part at byte 444: part: checksum mismatch in a chunk"));
}

TEST(RemainsTest, ManyLostKeysMakeAGapOfTheWholePartition) {
  Remains remains;
  for (int i = 0; i < 2'000; ++i) remains.lost_keys.push_back("k" + std::to_string(10'000 + i));
  remains.damage = {"one", "two", "three", "four"};
  const Gap gap = gap_of(remains, small_schema(), kStream, {kPartition, at(10s), 2});
  EXPECT_EQ(gap.scope.kind, GapScope::Kind::kPartition);
  EXPECT_TRUE(gap.scope.keys.empty());
  EXPECT_EQ(gap.range, (Window{at(10s), at(20s)}));
  EXPECT_EQ(gap.detail, "one; two; three; and 1 more");
}

TEST(RemainsTest, ALostHeadIsNoEmptyPage) {
  PageParts page;
  page.head.damage = "store, table heads: malformed head";
  EXPECT_TRUE(remains_of(small_schema(), page).more_lost);
  EXPECT_EQ(read_page(small_schema(), page).error().code, ErrorCode::kCorruption);
  EXPECT_EQ(key_totals(page).error().code, ErrorCode::kCorruption);
}

}  // namespace
}  // namespace hindcast::test
