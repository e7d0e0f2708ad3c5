// What every store promises, as tests. A store's own test file instantiates them:
//
//   INSTANTIATE_TYPED_TEST_SUITE_P(Memory, StoreContractTest, MemoryWorld);
//
// A world has `Store& store()`, `reopen()` (close in good order, open again) and `kill()` (the
// process dies without closing, then opens again).
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "store/commit_rules.h"
#include "store/store_test_data.h"

namespace hindcast {

template <class World>
class StoreContractTest : public testing::Test {
 protected:
  Store& store() { return world_.store(); }
  World world_;
};
TYPED_TEST_SUITE_P(StoreContractTest);

TYPED_TEST_P(StoreContractTest, AnEmptyStoreHasNothing) {
  const auto s = snap(this->store());
  EXPECT_EQ(s->page(page_key(), Lane::kLive).value().head.version, Version{0});
  EXPECT_TRUE(s->page(page_key(), Lane::kLive).value().parts.empty());
  EXPECT_TRUE(rows_of(*s, all_rows()).empty());
  EXPECT_EQ(s->row(row_key("a")).value(), std::nullopt);
  EXPECT_TRUE(s->versions(row_key("a")).value().empty());
  EXPECT_TRUE(marks_of(*s).empty());
  EXPECT_EQ(s->checkpoint(kPartition).value(), std::nullopt);
  EXPECT_EQ(s->tallies(kSource).value(), Tallies{});
  EXPECT_TRUE(dead_letters_after(*s, {}).empty());
  EXPECT_TRUE(changes_after(*s, 0).empty());
  EXPECT_EQ(s->last_change(), ChangeNumber{0});
  EXPECT_EQ(this->store().get_meta("catalog").value(), std::nullopt);
}

TYPED_TEST_P(StoreContractTest, ACommitShowsAllThatItHolds) {
  Commit c{.id = 1, .published_at = kSeen};
  c.pages.push_back(page_add(page_key(), 0, "part one"));
  c.rows.push_back(row_of(row_key("a"), 1, "state"));
  c.marks.push_back(mark_of(kTen, {"a"}));
  c.tallies.push_back(
      {kSource, {.aggregated = 8, .duplicate = 1, .superseded = 2, .dead_lettered = 1}});
  c.dead.push_back(dead_letter(100, 3, "missing-field"));
  c.checkpoint = checkpoint_of(1, 500, kTen + 1min);
  c.checkpoint->exceptions.push_back({Position{0, 17}, 4});
  const Commit given = c;
  const CommitResult result = commit(this->store(), std::move(c));
  EXPECT_EQ(result.state, CommitState::kCommitted);
  EXPECT_EQ(result.last_change, ChangeNumber{2});

  const auto s = snap(this->store());
  const PageParts page = s->page(page_key(), Lane::kLive).value();
  EXPECT_EQ(page.head.version, Version{1});
  EXPECT_EQ(page.head.digest, (Digest{0, 8}));
  EXPECT_EQ(page.head.live_events, 8);
  EXPECT_EQ(page.head.rows, 8u);
  EXPECT_EQ(page.head.keys, 1u);
  EXPECT_EQ(page.parts, std::vector<Bytes>{"part one"});
  EXPECT_EQ(s->row(row_key("a")).value(), given.rows[0]);
  const std::vector<Mark> marks = marks_of(*s);
  ASSERT_EQ(marks.size(), 1u);
  EXPECT_EQ(marks[0].keys, std::vector<Bytes>{"a"});
  EXPECT_TRUE(s->mark_pending(kAggregate, 5min, kTen, kPartition, 0).value());
  EXPECT_EQ(s->tallies(kSource).value(), given.tallies[0].tallies);
  EXPECT_EQ(dead_letters_after(*s, {}), given.dead);
  EXPECT_EQ(s->checkpoint(kPartition).value(), given.checkpoint);
}

// A change that is announced but not there, or the other way round, is a wrong answer for ever.
TYPED_TEST_P(StoreContractTest, AConflictCommitsNothing) {
  commit(this->store(), {.id = 1, .pages = {page_add(page_key(), 0, "first")}});
  Commit stale{.id = 2};
  stale.pages.push_back(page_add(page_key(kTen + 1min), 0, "fine"));
  stale.pages.push_back(page_add(page_key(), 0, "prepared against nothing"));
  stale.rows.push_back(row_of(row_key("a"), 1, "state"));
  stale.marks.push_back(mark_of(kTen, {"a"}));
  stale.tallies.push_back({kSource, {.aggregated = 1}});
  stale.dead.push_back(dead_letter(1, 0, "overflow"));
  stale.checkpoint = checkpoint_of(1, 10, kTen);
  const CommitResult result = commit(this->store(), std::move(stale));
  EXPECT_EQ(result.state, CommitState::kConflict);
  EXPECT_EQ(result.conflicts, std::vector<PageKey>{page_key()});

  const auto s = snap(this->store());
  EXPECT_EQ(s->page(page_key(kTen + 1min), Lane::kLive).value().head.version, Version{0});
  EXPECT_EQ(s->page(page_key(), Lane::kLive).value().parts, std::vector<Bytes>{"first"});
  EXPECT_TRUE(rows_of(*s, all_rows()).empty());
  EXPECT_TRUE(marks_of(*s).empty());
  EXPECT_EQ(s->tallies(kSource).value(), Tallies{});
  EXPECT_TRUE(dead_letters_after(*s, {}).empty());
  EXPECT_EQ(s->checkpoint(kPartition).value(), std::nullopt);
  EXPECT_EQ(s->last_change(), ChangeNumber{0});
}

TYPED_TEST_P(StoreContractTest, PartsAddUpUntilTheyAreFolded) {
  commit(this->store(), {.id = 1, .pages = {page_add(page_key(), 0, "aa")}});
  commit(this->store(), {.id = 2, .pages = {page_add(page_key(), 1, "bbb")}});
  PageParts page = snap(this->store())->page(page_key(), Lane::kLive).value();
  EXPECT_EQ(page.head.version, Version{2});
  EXPECT_EQ(page.head.live_events, 5);
  EXPECT_EQ(page.head.digest, (Digest{0, 5}));
  EXPECT_EQ(page.head.keys, 2u);
  EXPECT_EQ(page.head.rows, 5u);
  EXPECT_EQ(page.parts, (std::vector<Bytes>{"aa", "bbb"}));
  EXPECT_EQ(page.head.parts[0].version, Version{1});
  EXPECT_EQ(page.head.parts[1].version, Version{2});

  PageAdd fold = page_add(page_key(), 2, "whole");
  fold.folds_parts = true;
  fold.new_keys = 3;
  commit(this->store(), {.id = 3, .pages = {fold}});
  page = snap(this->store())->page(page_key(), Lane::kReplay).value();
  EXPECT_EQ(page.head.version, Version{3});
  EXPECT_EQ(page.head.live_events, 5);
  EXPECT_EQ(page.head.digest, (Digest{0, 5}));
  EXPECT_EQ(page.head.keys, 3u);
  EXPECT_EQ(page.head.rows, 5u);
  EXPECT_EQ(page.parts, std::vector<Bytes>{"whole"});
}

// Many late events make many small parts beside a large one, which is not to be written again for
// them.
TYPED_TEST_P(StoreContractTest, TheYoungestPartsAreFoldedAndTheOldestStays) {
  commit(this->store(), {.id = 1, .pages = {page_add(page_key(), 0, "large")}});
  commit(this->store(), {.id = 2, .pages = {page_add(page_key(), 1, "bb")}});
  commit(this->store(), {.id = 3, .pages = {page_add(page_key(), 2, "c")}});
  const auto before = snap(this->store());
  PageAdd fold = page_add(page_key(), 3, "bbcd");  // with one event more than what it folds
  fold.folds_from = 1;
  fold.rows_gone = 3;
  fold.live_change = 1;
  fold.digest_change = {0, 1};
  fold.new_keys = 0;
  commit(this->store(), {.id = 4, .pages = {fold}});
  const auto after = snap(this->store());
  const PageParts page = after->page(page_key(), Lane::kLive).value();
  EXPECT_EQ(page.parts, (std::vector<Bytes>{"large", "bbcd"}));
  EXPECT_EQ(page.head.version, Version{4});
  EXPECT_EQ(page.head.live_events, 9);
  EXPECT_EQ(page.head.digest, (Digest{0, 9}));
  EXPECT_EQ(page.head.keys, 3u);
  EXPECT_EQ(page.head.rows, 9u);
  EXPECT_EQ(page.head.parts[0].version, Version{1});
  EXPECT_EQ(before->page(page_key(), Lane::kLive).value().parts,
            (std::vector<Bytes>{"large", "bb", "c"}));
}

TYPED_TEST_P(StoreContractTest, APartIsReadInPieces) {
  commit(this->store(), {.id = 1, .pages = {page_add(page_key(), 0, "first")}});
  commit(this->store(), {.id = 2, .pages = {page_add(page_key(), 1, "second")}});
  const auto s = snap(this->store());
  EXPECT_EQ(s->head(page_key(kTen + 1min), Lane::kLive).value().version, Version{0});
  const PageHead head = s->head(page_key(), Lane::kLive).value();
  ASSERT_EQ(head.parts.size(), 2u);
  EXPECT_EQ(head.version, Version{2});
  const auto bytes = [&](size_t part, uint64_t from, uint64_t size) {
    return s->part_bytes(page_key(), head.parts[part], from, size);
  };
  EXPECT_EQ(bytes(0, 0, 5).value(), "first");
  EXPECT_EQ(bytes(1, 0, 3).value(), "sec");
  EXPECT_EQ(bytes(1, 2, 4).value(), "cond");
  EXPECT_EQ(bytes(1, 6, 0).value(), "");
  EXPECT_EQ(bytes(1, 2, 5).error().code, ErrorCode::kCorruption);
  EXPECT_EQ(bytes(1, 7, 0).error().code, ErrorCode::kCorruption);
}

TYPED_TEST_P(StoreContractTest, OneCommitMayAddToAPageTwice) {
  Commit c{.id = 1};
  c.pages.push_back(page_add(page_key(), 0, "a"));
  c.pages.push_back(page_add(page_key(), 1, "b"));
  EXPECT_EQ(commit(this->store(), std::move(c)).state, CommitState::kCommitted);
  const PageParts page = snap(this->store())->page(page_key(), Lane::kLive).value();
  EXPECT_EQ(page.head.version, Version{2});
  EXPECT_EQ(page.parts, (std::vector<Bytes>{"a", "b"}));
}

// Commits that wait together are decided one after the other: the second was prepared against what
// the first makes, the third against what was there before both.
TYPED_TEST_P(StoreContractTest, CommitsGivenTogetherSeeEachOther) {
  auto first = give(this->store(), {.id = 1, .pages = {page_add(page_key(), 0, "a")}});
  auto second = give(this->store(), {.id = 2, .pages = {page_add(page_key(), 1, "b")}});
  auto third = give(this->store(), {.id = 3, .pages = {page_add(page_key(), 0, "c")}});
  EXPECT_EQ(first.get().value().state, CommitState::kCommitted);
  EXPECT_EQ(second.get().value().state, CommitState::kCommitted);
  EXPECT_EQ(third.get().value().state, CommitState::kConflict);
  EXPECT_EQ(snap(this->store())->page(page_key(), Lane::kLive).value().parts,
            (std::vector<Bytes>{"a", "b"}));
}

TYPED_TEST_P(StoreContractTest, AFormerOwnerIsFenced) {
  EXPECT_EQ(commit(this->store(), {.id = 1, .checkpoint = checkpoint_of(5, 100)}).state,
            CommitState::kCommitted);
  Commit zombie{.id = 2};
  zombie.pages.push_back(page_add(page_key(), 0, "late"));
  zombie.checkpoint = checkpoint_of(4, 200);
  EXPECT_EQ(commit(this->store(), std::move(zombie)).state, CommitState::kFenced);
  EXPECT_EQ(snap(this->store())->checkpoint(kPartition).value(), checkpoint_of(5, 100));
  EXPECT_EQ(snap(this->store())->page(page_key(), Lane::kLive).value().head.version, Version{0});
  // Only checkpoints are fenced: a page is a join, so an old owner's late merge does no harm.
  EXPECT_EQ(commit(this->store(), {.id = 3, .pages = {page_add(page_key(), 0, "merge")}}).state,
            CommitState::kCommitted);
  const PartitionId other{2};
  EXPECT_EQ(
      commit(this->store(), {.id = 4, .checkpoint = checkpoint_of(1, 7, kMinEventTime, other)})
          .state,
      CommitState::kCommitted);
}

// The live lane and the drain of the replay log write for one partition, and neither waits for the
// other.
TYPED_TEST_P(StoreContractTest, TheDrainHasAStatementAndAFenceOfItsOwn) {
  Store& store = this->store();
  const DrainCheckpoint drain{.partition = kPartition,
                              .epoch = Epoch{3},
                              .applied = {0, 40},
                              .through = {0, 60},
                              .pages = {kTen, 2},
                              .merged = {{kSource, 12}}};
  commit(store, {.id = 1, .checkpoint = checkpoint_of(5, 100)});
  EXPECT_EQ(commit(store, {.id = 2, .lane = Lane::kReplay, .drain_checkpoint = drain}).state,
            CommitState::kCommitted);
  EXPECT_EQ(snap(store)->drain_checkpoint(kPartition).value(), drain);
  EXPECT_EQ(snap(store)->drain_checkpoint(PartitionId{2}).value(), std::nullopt);
  EXPECT_EQ(snap(store)->checkpoint(kPartition).value(), checkpoint_of(5, 100));
  DrainCheckpoint zombie = drain;
  zombie.epoch = Epoch{2};
  const Commit late{.id = 3, .pages = {page_add(page_key(), 0, "x")}, .drain_checkpoint = zombie};
  EXPECT_EQ(commit(store, late).state, CommitState::kFenced);
  EXPECT_EQ(snap(store)->page(page_key(), Lane::kLive).value().head.version, Version{0});
  this->world_.reopen();
  EXPECT_EQ(snap(this->store())->drain_checkpoint(kPartition).value(), drain);
  EXPECT_EQ(commit(this->store(), late).state, CommitState::kFenced);
}

// A checkpoint says that all commits before it are in the store. When one of them met a conflict,
// the ones queued behind it must not say so, or a crash loses its events.
TYPED_TEST_P(StoreContractTest, ARefusedCommitTakesThoseThatFollowItAlong) {
  Store& store = this->store();
  commit(store, {.id = 9, .pages = {page_add(page_key(), 0, "a replay was faster")}});
  auto one = give(store, {.id = 1, .checkpoint = checkpoint_of(1, 10)});
  auto two = give(store, {.id = 2,
                          .pages = {page_add(page_key(), 0, "x")},
                          .checkpoint = checkpoint_of(1, 20),
                          .after = 1});
  auto three = give(store, {.id = 3, .checkpoint = checkpoint_of(1, 30), .after = 2});
  auto four = give(store, {.id = 4, .checkpoint = checkpoint_of(1, 40), .after = 3});
  EXPECT_EQ(one.get().value().state, CommitState::kCommitted);
  EXPECT_EQ(two.get().value().conflicts, std::vector<PageKey>{page_key()});
  const CommitResult third = three.get().value();
  EXPECT_EQ(third.state, CommitState::kConflict);
  EXPECT_TRUE(third.conflicts.empty());
  EXPECT_EQ(four.get().value().state, CommitState::kConflict);
  EXPECT_EQ(snap(store)->checkpoint(kPartition).value(), checkpoint_of(1, 10));
  EXPECT_EQ(commit(store, {.id = 5,
                           .pages = {page_add(page_key(), 1, "x")},
                           .checkpoint = checkpoint_of(1, 20),
                           .after = 1})
                .state,
            CommitState::kCommitted);
  EXPECT_EQ(commit(store, {.id = 6, .checkpoint = checkpoint_of(1, 30), .after = 5}).state,
            CommitState::kCommitted);
}

TYPED_TEST_P(StoreContractTest, AnOldVersionOfARowStaysReadable) {
  Store& store = this->store();
  const RowKey at = row_key("EWR/UA");
  commit(store, {.id = 1, .rows = {row_of(at, 1, "one")}});
  commit(store, {.id = 2, .rows = {row_of(at, 4, "four")}});
  commit(store, {.id = 3, .rows = {row_of(at, 5, "five")}});
  commit(store, {.id = 4, .rows = {row_of(row_key("EWR/U"), 1, "another key")}});
  const auto s = snap(store);
  EXPECT_EQ(s->row(at).value(), row_of(at, 5, "five"));
  EXPECT_EQ(s->versions(at).value(),
            (std::vector<Row>{row_of(at, 4, "four"), row_of(at, 1, "one")}));
  EXPECT_TRUE(s->versions(row_key("EWR/U")).value().empty());
  EXPECT_TRUE(s->versions(row_key("EWR")).value().empty());
}

TYPED_TEST_P(StoreContractTest, TwoVersionsOfARowInOneGroupAreBothKept) {
  Store& store = this->store();
  const RowKey at = row_key("a");
  auto one = give(store, {.id = 1, .rows = {row_of(at, 1, "one")}});
  auto two = give(store, {.id = 2, .rows = {row_of(at, 2, "two")}});
  auto three = give(store, {.id = 3, .rows = {row_of(at, 3, "three")}});
  three.get().value();
  EXPECT_EQ(snap(store)->row(at).value(), row_of(at, 3, "three"));
  EXPECT_EQ(snap(store)->versions(at).value(),
            (std::vector<Row>{row_of(at, 2, "two"), row_of(at, 1, "one")}));
}

TYPED_TEST_P(StoreContractTest, RowsComeInOrderOfTimePlaceAndKey) {
  const std::vector<Row> in_order = {
      row_of(row_key("b", kTen - 1min), 1, "before"),
      row_of(row_key("", kTen, 0), 1, "empty key"),
      row_of(row_key("a", kTen, 0), 1, "s"),
      row_of(row_key(Bytes("a\0b", 3), kTen, 0), 1, "zero byte inside"),
      row_of(row_key("a\xff", kTen, 0), 1, "high byte"),
      row_of(row_key("b", kTen, 0), 1, "s"),
      row_of(row_key("a", kTen, 1), 1, "slot 1"),
      row_of(row_key("a", kTen, 300), 1, "slot 300"),
      row_of(row_key("a", kTen, 0, PartitionId{2}), 1, "partition 2"),
      row_of(row_key("a", kTen + 1min), 1, "after"),
  };
  Commit c{.id = 1};
  for (size_t i = 0; i < in_order.size(); ++i)
    c.rows.push_back(in_order[(i * 7) % in_order.size()]);
  c.rows.push_back(row_of(row_key("a", kTen, 0, kPartition, 5min), 1, "another resolution"));
  Row other = row_of(row_key("a"), 1, "another aggregate");
  other.at.aggregate = AggregateId{2};
  c.rows.push_back(other);
  // Before 1970 too: negative times sort below.
  c.rows.push_back(
      row_of(row_key("a", event_time_ns(-60'000'000'000), 0, kPartition, 1h), 1, "1969"));
  c.rows.push_back(row_of(row_key("a", event_time_ns(0), 0, kPartition, 1h), 1, "1970"));
  commit(this->store(), std::move(c));

  const auto s = snap(this->store());
  EXPECT_EQ(rows_of(*s, all_rows()), in_order);
  EXPECT_EQ(rows_of(*s, all_rows(1h)).size(), 2u);
  EXPECT_EQ(rows_of(*s, all_rows(1h))[0].state, "1969");
  RowQuery q = all_rows();
  q.range = {kTen, kTen + 1min};
  EXPECT_EQ(rows_of(*s, q), std::vector<Row>(in_order.begin() + 1, in_order.end() - 1));
  q.range = {kTen, kTen};
  EXPECT_TRUE(rows_of(*s, q).empty());
  size_t seen = 0;
  s->rows(all_rows(), [&](const Row&) { return ++seen < 3; }).value();
  EXPECT_EQ(seen, 3u) << "a callback that says false ends the scan";
}

TYPED_TEST_P(StoreContractTest, ANarrowQueryFindsWhatAScanFinds) {
  Commit c{.id = 1};
  for (int minute = 0; minute < 12; ++minute) {
    for (uint32_t partition = 1; partition <= 3; ++partition) {
      for (uint16_t slot = 0; slot < 4; ++slot) {
        for (const char* key : {"a", "ab", "b"}) {
          if ((minute * 7 + static_cast<int>(partition) * 3 + slot + key[0]) % 3 == 0)
            continue;  // holes
          c.rows.push_back(
              row_of(row_key(key, kTen + minute * 1min, slot, PartitionId{partition}), 1, key));
        }
      }
    }
  }
  commit(this->store(), std::move(c));
  const auto s = snap(this->store());
  const std::vector<Row> all = rows_of(*s, all_rows());
  size_t found = 0;
  for (const Window range :
       {Window{kMinEventTime, kMaxEventTime}, Window{kTen + 3min, kTen + 9min}}) {
    for (uint32_t partition = 1; partition <= 4; ++partition) {
      const auto expect = [&](const RowQuery& q) {
        std::vector<Row> expected;
        for (const Row& row : all) {
          if (range.contains(row.at.bucket) && row.at.partition == *q.partition &&
              (!q.slot || row.at.slot == *q.slot) && (!q.key || row.at.key == *q.key)) {
            expected.push_back(row);
          }
        }
        EXPECT_EQ(rows_of(*s, q), expected);
        found += expected.size();
      };
      RowQuery q = all_rows();
      q.range = range;
      q.partition = PartitionId{partition};
      expect(q);
      for (uint16_t slot = 0; slot < 5; ++slot) {
        q.slot = slot;
        q.key.reset();
        expect(q);
        for (const char* key : {"a", "ab", "b", "c"}) {
          q.key = key;
          expect(q);
        }
      }
    }
  }
  EXPECT_GT(found, 500u);
  for (const Row& row : all) EXPECT_EQ(s->row(row.at).value(), row);
}

TYPED_TEST_P(StoreContractTest, HeadsComeInOrderAndInRange) {
  Commit c{.id = 1};
  for (const EventTime window : {kTen + 1min, kTen, kTen - 1min, event_time_ns(-60'000'000'000)}) {
    for (const uint16_t slot : {uint16_t{2}, uint16_t{0}, uint16_t{300}}) {
      c.pages.push_back(page_add(page_key(window, slot), 0, "p"));
    }
  }
  c.pages.push_back(page_add(page_key(kTen, 0, PartitionId{2}), 0, "p"));
  commit(this->store(), std::move(c));
  const auto s = snap(this->store());
  std::vector<PageKey> found;
  for (const PageHead& h : heads_of(*s, {kPartition, {kMinEventTime, kMaxEventTime}}))
    found.push_back(h.key);
  EXPECT_EQ(found.size(), 12u);
  EXPECT_TRUE(std::is_sorted(found.begin(), found.end()));
  found.clear();
  for (const PageHead& h : heads_of(*s, {kPartition, {kTen, kTen + 1min}, 0, 3}))
    found.push_back(h.key);
  EXPECT_EQ(found, (std::vector<PageKey>{page_key(kTen, 0), page_key(kTen, 2)}));
  size_t seen = 0;
  s->heads({kPartition, {kMinEventTime, kMaxEventTime}}, [&](const PageHead&) {
     return ++seen < 2;
   }).value();
  EXPECT_EQ(seen, 2u);
}

TYPED_TEST_P(StoreContractTest, MarksAreReadOldestFirstAndDeletedExactly) {
  Store& store = this->store();
  commit(store, {.id = 1, .marks = {mark_of(kTen, {"a", "b"}), mark_of(kTen, {}, 1)}});
  commit(store,
         {.id = 2, .marks = {mark_of(kTen, {"a"}), mark_of(kTen, {"z"}, 0, PartitionId{2})}});
  std::vector<Mark> marks = marks_of(*snap(store));
  ASSERT_EQ(marks.size(), 3u);
  EXPECT_EQ(marks[0].keys, (std::vector<Bytes>{"a", "b"}));
  EXPECT_TRUE(marks[1].keys.empty());
  EXPECT_EQ(marks[2].keys, std::vector<Bytes>{"a"});
  EXPECT_EQ(marks[2].cause, (Cause{Cause::Kind::kLate, 0}));
  size_t seen = 0;
  snap(store)->marks(kPartition, [&](const Mark&) { return ++seen < 2; }).value();
  EXPECT_EQ(seen, 2u);
  // A mark for the same parent that came after the roller's snapshot must stay.
  commit(store, {.id = 3, .marks_done = {marks[0].id, marks[1].id}});
  const auto s = snap(store);
  marks = marks_of(*s);
  ASSERT_EQ(marks.size(), 1u);
  EXPECT_EQ(marks[0].keys, std::vector<Bytes>{"a"});
  EXPECT_TRUE(s->mark_pending(kAggregate, 5min, kTen, kPartition, 0).value());
  EXPECT_FALSE(s->mark_pending(kAggregate, 5min, kTen, kPartition, 1).value());
  EXPECT_FALSE(s->mark_pending(kAggregate, 5min, kTen + 5min, kPartition, 0).value());
  EXPECT_FALSE(s->mark_pending(kAggregate, 1h, kTen, kPartition, 0).value());
  EXPECT_TRUE(s->mark_pending(kAggregate, 5min, kTen, PartitionId{2}, 0).value());
  // Done twice (a roller that did not see its answer) is done.
  EXPECT_EQ(commit(store, {.id = 4, .marks_done = {marks[0].id, marks[0].id, 999}}).state,
            CommitState::kCommitted);
  EXPECT_TRUE(marks_of(*snap(store)).empty());
}

TYPED_TEST_P(StoreContractTest, ANameOfAMarkIsNeverUsedAgain) {
  Store& store = this->store();
  commit(store, {.id = 1, .marks = {mark_of(kTen, {"a"})}});
  const uint64_t first = marks_of(*snap(store)).at(0).id;
  commit(store, {.id = 2, .marks_done = {first}});
  this->world_.reopen();
  commit(this->store(), {.id = 3, .marks = {mark_of(kTen, {"a"})}});
  EXPECT_GT(marks_of(*snap(this->store())).at(0).id, first);
}

TYPED_TEST_P(StoreContractTest, TalliesAddUpOverCommitsAndSources) {
  Store& store = this->store();
  auto one = give(store, {.id = 1, .tallies = {{kSource, {.aggregated = 5, .duplicate = 1}}}});
  auto two =
      give(store,
           {.id = 2, .tallies = {{kSource, {.aggregated = 7}}, {SourceId{2}, {.superseded = 3}}}});
  two.get().value();
  commit(store,
         {.id = 3, .tallies = {{kSource, {.dead_lettered = 2}}, {kSource, {.aggregated = 1}}}});
  EXPECT_EQ(snap(store)->tallies(kSource).value(),
            (Tallies{.aggregated = 13, .duplicate = 1, .dead_lettered = 2}));
  EXPECT_EQ(snap(store)->tallies(SourceId{2}).value(), (Tallies{.superseded = 3}));
  this->world_.reopen();
  commit(this->store(), {.id = 4, .tallies = {{kSource, {.aggregated = 1}}}});
  EXPECT_EQ(snap(this->store())->tallies(kSource).value(),
            (Tallies{.aggregated = 14, .duplicate = 1, .dead_lettered = 2}));
}

TYPED_TEST_P(StoreContractTest, DeadLettersAreFoundByPositionAfterTheLastSeen) {
  Store& store = this->store();
  commit(
      store,
      {.id = 1, .dead = {dead_letter(20, 0, "c"), dead_letter(3, 1, "b"), dead_letter(3, 0, "a")}});
  DeadLetterFact other = dead_letter(4, 0, "of another source");
  other.source = SourceId{2};
  commit(store, {.id = 2, .dead = {other}});
  const auto s = snap(store);
  EXPECT_EQ(dead_letters_after(*s, {}),
            (std::vector{dead_letter(3, 0, "a"), dead_letter(3, 1, "b"), dead_letter(20, 0, "c")}));
  EXPECT_EQ(dead_letters_after(*s, {Position{0, 3}, 0}),
            (std::vector{dead_letter(3, 1, "b"), dead_letter(20, 0, "c")}));
  EXPECT_TRUE(dead_letters_after(*s, {Position{0, 20}, 0}).empty());
}

TYPED_TEST_P(StoreContractTest, ChangesAreNumberedDenselyInOrderOfCommits) {
  Store& store = this->store();
  Commit c{.id = 1, .cause = {Cause::Kind::kReplay, 7}, .published_at = kSeen};
  c.rows = {row_of(row_key("a"), 1, "s"), row_of(row_key("b"), 1, "s"),
            row_of(row_key("c", kTen, 1), 1, "s"), row_of(row_key("a", kTen + 1min), 1, "s")};
  c.checkpoint = checkpoint_of(1, 10, kTen + 2min);
  EXPECT_EQ(commit(store, std::move(c)).last_change, ChangeNumber{3});
  // A commit without rows and with the frontier where it was announces nothing.
  EXPECT_EQ(commit(store, {.id = 2, .checkpoint = checkpoint_of(1, 20, kTen + 2min)}).last_change,
            ChangeNumber{3});
  commit(store, {.id = 3, .rows = {row_of(row_key("a"), 2, "s")}});

  const std::vector<Change> changes = changes_after(*snap(store), 0);
  ASSERT_EQ(changes.size(), 4u);
  for (size_t i = 0; i < changes.size(); ++i) EXPECT_EQ(changes[i].number, ChangeNumber{i + 1});
  EXPECT_EQ(changes[0].cause, (Cause{Cause::Kind::kReplay, 7}));
  EXPECT_EQ(changes[0].published_at, kSeen);
  EXPECT_EQ(changes[0].kind, Change::Kind::kRows);
  EXPECT_EQ(changes[0].aggregate, kAggregate);
  EXPECT_EQ(changes[0].resolution, Duration(1min));
  EXPECT_EQ(changes[0].version, Version{1});
  EXPECT_EQ(changes[0].rows, (std::vector<std::pair<Bytes, EventTime>>{
                                 {"a", kTen}, {"b", kTen}, {"a", kTen + 1min}}));
  EXPECT_EQ(changes[1].slot, 1);
  EXPECT_EQ(changes[1].rows, (std::vector<std::pair<Bytes, EventTime>>{{"c", kTen}}));
  EXPECT_EQ(changes[2].kind, Change::Kind::kFrontier);
  EXPECT_EQ(changes[2].partition, kPartition);
  EXPECT_EQ(changes[2].frontier, kTen + 2min);
  EXPECT_EQ(changes[3].version, Version{2});
  EXPECT_EQ(changes_after(*snap(store), 3).size(), 1u);
  EXPECT_EQ(snap(store)->last_change(), ChangeNumber{4});
}

TYPED_TEST_P(StoreContractTest, ACommitWithManyRowsAnnouncesThemInPieces) {
  Commit c{.id = 1};
  for (size_t i = 0; i < 2 * kRowsPerChange + 1; ++i)
    c.rows.push_back(row_of(row_key("k" + std::to_string(i)), 1, "s"));
  commit(this->store(), std::move(c));
  const std::vector<Change> changes = changes_after(*snap(this->store()), 0);
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_EQ(changes[0].rows.size(), kRowsPerChange);
  EXPECT_EQ(changes[1].rows.size(), kRowsPerChange);
  EXPECT_EQ(changes[2].rows, (std::vector<std::pair<Bytes, EventTime>>{{"k2000", kTen}}));
}

TYPED_TEST_P(StoreContractTest, ASnapshotStandsStill) {
  Store& store = this->store();
  commit(store, {.id = 1,
                 .pages = {page_add(page_key(), 0, "old")},
                 .rows = {row_of(row_key("a"), 1, "old")},
                 .marks = {mark_of(kTen, {"a"})},
                 .tallies = {{kSource, {.aggregated = 1}}},
                 .checkpoint = checkpoint_of(1, 10)});
  const auto before = snap(store);
  PageAdd fold = page_add(page_key(), 1, "new");
  fold.folds_parts = true;
  commit(store, {.id = 2,
                 .pages = {fold},
                 .rows = {row_of(row_key("a"), 2, "new"), row_of(row_key("b"), 1, "new")},
                 .marks_done = {marks_of(*before).at(0).id},
                 .tallies = {{kSource, {.aggregated = 1}}},
                 .checkpoint = checkpoint_of(1, 20)});
  EXPECT_EQ(before->page(page_key(), Lane::kLive).value().parts, std::vector<Bytes>{"old"});
  EXPECT_EQ(rows_of(*before, all_rows()), std::vector<Row>{row_of(row_key("a"), 1, "old")});
  EXPECT_TRUE(before->versions(row_key("a")).value().empty());
  EXPECT_EQ(marks_of(*before).size(), 1u);
  EXPECT_TRUE(before->mark_pending(kAggregate, 5min, kTen, kPartition, 0).value());
  EXPECT_EQ(before->tallies(kSource).value().aggregated, 1u);
  EXPECT_EQ(before->checkpoint(kPartition).value(), checkpoint_of(1, 10));
  EXPECT_EQ(before->last_change(), ChangeNumber{1});
  EXPECT_EQ(changes_after(*before, 0).size(), 1u);
  EXPECT_EQ(snap(store)->page(page_key(), Lane::kLive).value().parts, std::vector<Bytes>{"new"});
  EXPECT_EQ(rows_of(*snap(store), all_rows()).size(), 2u);
}

TYPED_TEST_P(StoreContractTest, WhatWasAnsweredIsThereAfterTheProcessDies) {
  Commit c{.id = 1, .published_at = kSeen};
  c.pages = {page_add(page_key(), 0, "part one"),
             page_add(page_key(kTen, 1), 0, Bytes(100'000, 'x'))};
  c.rows = {row_of(row_key("a"), 1, "one")};
  c.marks = {mark_of(kTen, {"a"})};
  c.tallies = {{kSource, {.aggregated = 8}}};
  c.dead = {dead_letter(100, 3, "missing-field")};
  c.checkpoint = checkpoint_of(1, 500, kTen);
  commit(this->store(), std::move(c));
  this->store().put_meta("catalog", "streams").value();
  commit(this->store(), {.id = 2,
                         .lane = Lane::kReplay,
                         .pages = {page_add(page_key(), 1, "part two")},
                         .rows = {row_of(row_key("a"), 2, "two")}});
  const auto expect_all = [&] {
    const auto s = snap(this->store());
    EXPECT_EQ(s->page(page_key(), Lane::kLive).value().parts,
              (std::vector<Bytes>{"part one", "part two"}));
    EXPECT_EQ(s->page(page_key(kTen, 1), Lane::kLive).value().parts,
              std::vector<Bytes>{Bytes(100'000, 'x')});
    EXPECT_EQ(s->row(row_key("a")).value(), row_of(row_key("a"), 2, "two"));
    EXPECT_EQ(s->versions(row_key("a")).value().size(), 1u);
    EXPECT_EQ(marks_of(*s).size(), 1u);
    EXPECT_EQ(s->tallies(kSource).value().aggregated, 8u);
    EXPECT_EQ(dead_letters_after(*s, {}).size(), 1u);
    EXPECT_EQ(s->checkpoint(kPartition).value(), checkpoint_of(1, 500, kTen));
    EXPECT_EQ(changes_after(*s, 0).size(), 3u);
    EXPECT_EQ(this->store().get_meta("catalog").value(), "streams");
  };
  expect_all();
  this->world_.kill();
  expect_all();
  this->world_.reopen();
  expect_all();
  // And the checks go on from there: versions, epochs and change numbers.
  EXPECT_EQ(commit(this->store(), {.id = 3, .pages = {page_add(page_key(), 1, "stale")}}).state,
            CommitState::kConflict);
  EXPECT_EQ(commit(this->store(), {.id = 4, .checkpoint = checkpoint_of(0, 1)}).state,
            CommitState::kFenced);
  EXPECT_EQ(commit(this->store(), {.id = 5, .rows = {row_of(row_key("b"), 1, "b")}}).last_change,
            ChangeNumber{4});
  EXPECT_EQ(commit(this->store(), {.id = 6, .checkpoint = checkpoint_of(1, 600, kTen)}).last_change,
            ChangeNumber{4})
      << "the frontier did not move";
}

TYPED_TEST_P(StoreContractTest, MetaIsReplacedWhole) {
  this->store().put_meta("catalog", "one").value();
  this->store().put_meta("catalog/2", "other").value();
  this->store().put_meta("catalog", Bytes("t\0wo", 4)).value();
  EXPECT_EQ(this->store().get_meta("catalog").value(), Bytes("t\0wo", 4));
  EXPECT_EQ(this->store().get_meta("catalog/2").value(), "other");
}

TYPED_TEST_P(StoreContractTest, CommitsOfOneLaneTakeEffectInOrder) {
  std::vector<std::future<Result<CommitResult>>> answers;
  for (uint64_t i = 0; i < 500; ++i) {
    Commit c{.id = i + 1, .lane = i % 3 == 0 ? Lane::kReplay : Lane::kLive};
    // One page per lane: each commit was prepared against the one before it.
    const uint64_t before = i % 3 == 0 ? i / 3 : i - i / 3 - 1;
    c.pages.push_back(page_add(page_key(kTen, i % 3 == 0 ? 1 : 0), before, std::to_string(i)));
    c.pages.back().folds_parts = true;
    answers.push_back(give(this->store(), std::move(c)));
  }
  for (auto& answer : answers) EXPECT_EQ(answer.get().value().state, CommitState::kCommitted);
  EXPECT_EQ(snap(this->store())->page(page_key(kTen, 0), Lane::kLive).value().parts,
            std::vector<Bytes>{"499"});
  EXPECT_EQ(snap(this->store())->page(page_key(kTen, 1), Lane::kLive).value().parts,
            std::vector<Bytes>{"498"});
  EXPECT_EQ(this->store().health().commits_waiting, 0u);
}

// Two that race for a page: exactly one wins each version, and the loser is told.
TYPED_TEST_P(StoreContractTest, ThreadsThatRaceLoseNothing) {
  Store& store = this->store();
  const auto worker = [&store](Lane lane) {
    for (int i = 0; i < 50; ++i) {
      while (true) {
        const uint64_t seen = snap(store)->page(page_key(), lane).value().head.version.value;
        PageAdd add = page_add(page_key(), seen, "x");
        add.folds_parts = seen % 8 == 7;
        if (add.folds_parts) add.live_change = static_cast<int64_t>(seen) + 1;
        const Commit c{
            .id = 1, .lane = lane, .pages = {add}, .tallies = {{kSource, {.aggregated = 1}}}};
        if (commit(store, c).state == CommitState::kCommitted) break;
      }
    }
  };
  {
    const std::jthread live(worker, Lane::kLive);
    const std::jthread replay(worker, Lane::kReplay);
  }
  const PageHead head = snap(store)->page(page_key(), Lane::kLive).value().head;
  EXPECT_EQ(head.version, Version{100});
  EXPECT_EQ(head.live_events, 100);
  EXPECT_EQ(snap(store)->tallies(kSource).value().aggregated, 100u);
}

TYPED_TEST_P(StoreContractTest, AClosedStoreHasAnsweredEverythingAndTakesNoMore) {
  std::vector<std::future<Result<CommitResult>>> answers;
  for (uint64_t i = 0; i < 20; ++i)
    answers.push_back(give(this->store(), {.id = i + 1, .pages = {page_add(page_key(), i, "x")}}));
  this->store().close().value();
  for (auto& answer : answers) EXPECT_EQ(answer.get().value().state, CommitState::kCommitted);
  const auto refused = give(this->store(), {.id = 21}).get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
}

REGISTER_TYPED_TEST_SUITE_P(
    StoreContractTest, AnEmptyStoreHasNothing, ACommitShowsAllThatItHolds, AConflictCommitsNothing,
    PartsAddUpUntilTheyAreFolded, TheYoungestPartsAreFoldedAndTheOldestStays, APartIsReadInPieces,
    OneCommitMayAddToAPageTwice, CommitsGivenTogetherSeeEachOther, AFormerOwnerIsFenced,
    TheDrainHasAStatementAndAFenceOfItsOwn, ARefusedCommitTakesThoseThatFollowItAlong,
    AnOldVersionOfARowStaysReadable, TwoVersionsOfARowInOneGroupAreBothKept,
    RowsComeInOrderOfTimePlaceAndKey, ANarrowQueryFindsWhatAScanFinds, HeadsComeInOrderAndInRange,
    MarksAreReadOldestFirstAndDeletedExactly, ANameOfAMarkIsNeverUsedAgain,
    TalliesAddUpOverCommitsAndSources, DeadLettersAreFoundByPositionAfterTheLastSeen,
    ChangesAreNumberedDenselyInOrderOfCommits, ACommitWithManyRowsAnnouncesThemInPieces,
    ASnapshotStandsStill, WhatWasAnsweredIsThereAfterTheProcessDies, MetaIsReplacedWhole,
    CommitsOfOneLaneTakeEffectInOrder, ThreadsThatRaceLoseNothing,
    AClosedStoreHasAnsweredEverythingAndTakesNoMore);

}  // namespace hindcast
