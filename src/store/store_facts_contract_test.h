// What every store promises of facts of coverage, counts of sequences and jobs, as tests; worlds as
// in store_contract_test.h.
//
//   INSTANTIATE_TYPED_TEST_SUITE_P(Memory, StoreFactsContractTest, MemoryWorld);
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "store/store_test_data.h"

namespace hindcast {

inline std::vector<Change::Kind> kinds_after(const Snapshot& snapshot, uint64_t after) {
  std::vector<Change::Kind> out;
  for (const Change& change : changes_after(snapshot, after)) out.push_back(change.kind);
  return out;
}
inline std::vector<ReplayJob> jobs_of(const Snapshot& snapshot) {
  std::vector<ReplayJob> out;
  snapshot
      .jobs([&](const ReplayJob& job) {
        out.push_back(job);
        return true;
      })
      .value();
  return out;
}

template <class World>
class StoreFactsContractTest : public testing::Test {
 protected:
  Store& store() { return world_.store(); }
  World world_;
};
TYPED_TEST_SUITE_P(StoreFactsContractTest);

TYPED_TEST_P(StoreFactsContractTest, AnEmptyStoreKnowsNothing) {
  const auto s = snap(this->store());
  EXPECT_TRUE(s->coverage(kStream).value().gaps.empty());
  EXPECT_EQ(s->gap(1).value(), std::nullopt);
  EXPECT_TRUE(s->sequences(kPartition).value().empty());
  EXPECT_TRUE(jobs_of(*s).empty());
  EXPECT_EQ(s->job(1).value(), std::nullopt);
}

TYPED_TEST_P(StoreFactsContractTest, FactsAreFoundByTheirStream) {
  Store& store = this->store();
  const Gap one = gap_of(1), two = gap_of(2), other = gap_of(3, kTen, kTen + 1min, StreamId{258});
  commit(store, {.id = 1, .gaps = {two, other, one}});
  const GapOutcome filled = outcome_of({1, 2}), elsewhere = outcome_of({3}, StreamId{258});
  commit(store, {.id = 2, .outcomes = {filled, elsewhere}});

  const auto s = snap(store);
  const CoverageFacts facts = s->coverage(kStream).value();
  EXPECT_EQ(facts.gaps, (std::vector{one, two}));
  ASSERT_EQ(facts.outcomes.size(), 1u);
  GapOutcome expected = filled;
  expected.id = facts.outcomes[0].id;
  EXPECT_EQ(facts.outcomes[0], expected);
  EXPECT_TRUE(facts.withdrawn.empty());
  EXPECT_EQ(s->coverage(StreamId{258}).value().gaps, std::vector{other});
  EXPECT_EQ(s->coverage(StreamId{258}).value().outcomes.size(), 1u);
  EXPECT_TRUE(s->coverage(StreamId{2}).value().gaps.empty());
  EXPECT_EQ(s->gap(2).value(), two);
  EXPECT_EQ(s->gap(3).value(), other);
  EXPECT_EQ(s->gap(4).value(), std::nullopt);
}

// Each partition's lane commits the gap that its log tells of, so all but the first say nothing
// new: neither may their record replace the fact, nor may subscribers hear of it again.
TYPED_TEST_P(StoreFactsContractTest, AGapIsTakenAndAnnouncedOnce) {
  Store& store = this->store();
  const Gap gap = gap_of(1);
  Gap changed = gap;
  changed.detail = "said differently";
  auto first = give(store, {.id = 1, .gaps = {gap}});
  auto second = give(store, {.id = 2, .gaps = {changed}});
  first.get().value();
  second.get().value();
  commit(store, {.id = 3, .gaps = {changed, changed}});
  this->world_.reopen();
  commit(this->store(), {.id = 4, .gaps = {changed}});
  const auto s = snap(this->store());
  EXPECT_EQ(s->gap(1).value(), gap);
  EXPECT_EQ(s->coverage(kStream).value().gaps, std::vector{gap});
  const std::vector<Change> changes = changes_after(*s, 0);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].kind, Change::Kind::kGapOpened);
  EXPECT_EQ(changes[0].gap, gap);
}

TYPED_TEST_P(StoreFactsContractTest, OnlyAFurtherBoundCounts) {
  Store& store = this->store();
  const auto bounds = [&] { return snap(this->store())->coverage(kStream).value().bounds; };
  commit(store, {.id = 1, .gaps = {open_gap_of(1)}});
  commit(store, {.id = 2, .bounds = {{1, kTen + 2min}}});
  EXPECT_EQ(bounds(), (std::vector<GapBound>{{1, kTen + 2min}}));
  auto same = give(store, {.id = 3, .bounds = {{1, kTen + 2min}}});
  auto nearer = give(store, {.id = 4, .bounds = {{1, kTen + 1min}}});
  same.get().value();
  nearer.get().value();
  EXPECT_EQ(bounds(), (std::vector<GapBound>{{1, kTen + 2min}}));
  this->world_.reopen();
  Commit several{.id = 5};
  several.bounds = {{1, kTen + 1min}, {1, kTen + 3min}, {1, kTen + 3min}};
  commit(this->store(), std::move(several));
  EXPECT_EQ(bounds(), (std::vector<GapBound>{{1, kTen + 3min}}));

  std::vector<GapBound> announced;
  for (const Change& change : changes_after(*snap(this->store()), 1)) {
    EXPECT_EQ(change.kind, Change::Kind::kGapBound);
    announced.push_back(change.bound.value());
  }
  EXPECT_EQ(announced, (std::vector<GapBound>{{1, kTen + 2min}, {1, kTen + 3min}}));
}

TYPED_TEST_P(StoreFactsContractTest, ABoundOfNoOpenEndedGapSaysNothing) {
  Store& store = this->store();
  commit(store, {.id = 1, .gaps = {gap_of(1)}});
  commit(store, {.id = 2, .bounds = {{1, kTen + 5h}, {99, kTen + 5h}}});
  EXPECT_TRUE(snap(store)->coverage(kStream).value().bounds.empty());
  EXPECT_EQ(snap(store)->last_change(), ChangeNumber{1});
}

TYPED_TEST_P(StoreFactsContractTest, AGapAndItsBoundMayComeInOneCommit) {
  Store& store = this->store();
  commit(store, {.id = 1, .gaps = {open_gap_of(1)}, .bounds = {{1, kTen + 1min}}});
  EXPECT_EQ(snap(store)->coverage(kStream).value().bounds,
            (std::vector<GapBound>{{1, kTen + 1min}}));
  EXPECT_EQ(kinds_after(*snap(store), 0),
            (std::vector{Change::Kind::kGapOpened, Change::Kind::kGapBound}));
}

TYPED_TEST_P(StoreFactsContractTest, AnOutcomeGetsItsOwnNumber) {
  Store& store = this->store();
  GapOutcome mine = outcome_of({1});
  mine.id = 77;  // not the committer's to say
  commit(store, {.id = 1, .outcomes = {mine, outcome_of({2})}});
  this->world_.reopen();
  commit(this->store(), {.id = 2, .outcomes = {outcome_of({1})}});
  std::vector<uint64_t> ids, announced;
  const CoverageFacts facts = snap(this->store())->coverage(kStream).value();
  for (const GapOutcome& o : facts.outcomes) ids.push_back(o.id);
  EXPECT_EQ(ids, (std::vector<uint64_t>{1, 2, 3}));
  for (const Change& change : changes_after(*snap(this->store()), 0)) {
    EXPECT_EQ(change.kind, Change::Kind::kGapClosed);
    announced.push_back(change.outcome.value().id);
  }
  EXPECT_EQ(announced, ids);
}

// A reader of the feed hears of a hole before the frontier that would make its buckets final, and
// of its filling after the rows that do it.
TYPED_TEST_P(StoreFactsContractTest, ChangesOfOneCommitComeInAnOrderThatNeverMisleads) {
  Commit c{.id = 1, .cause = {Cause::Kind::kReplay, 7}, .published_at = kSeen};
  c.rows = {row_of(row_key("a"), 1, "s")};
  c.checkpoint = checkpoint_of(1, 10, kTen + 2min);
  c.gaps = {open_gap_of(1)};
  c.bounds = {{1, kTen + 1min}};
  c.outcomes = {outcome_of({1})};
  EXPECT_EQ(commit(this->store(), std::move(c)).last_change, ChangeNumber{5});
  const auto s = snap(this->store());
  using Kind = Change::Kind;
  EXPECT_EQ(kinds_after(*s, 0), (std::vector{Kind::kGapOpened, Kind::kGapBound, Kind::kRows,
                                             Kind::kFrontier, Kind::kGapClosed}));
  uint64_t number = 0;
  for (const Change& change : changes_after(*s, 0)) {
    EXPECT_EQ(change.number, ChangeNumber{++number});
    EXPECT_EQ(change.cause, (Cause{Cause::Kind::kReplay, 7}));
    EXPECT_EQ(change.published_at, kSeen);
  }
}

TYPED_TEST_P(StoreFactsContractTest, ARefusedCommitLeavesNoFact) {
  Store& store = this->store();
  commit(store, {.id = 1,
                 .pages = {page_add(page_key(), 0, "first")},
                 .checkpoint = checkpoint_of(5, 100),
                 .gaps = {open_gap_of(1)}});
  Commit facts;
  facts.gaps = {gap_of(2)};
  facts.bounds = {{1, kTen + 1min}};
  facts.outcomes = {outcome_of({1})};
  facts.sequences = {{kPartition, "", count_of(7)}};
  facts.job = job_of(1);
  Commit conflict = facts, fenced = facts;
  conflict.id = 2;
  conflict.pages = {page_add(page_key(), 0, "stale")};
  fenced.id = 3;
  fenced.checkpoint = checkpoint_of(4, 200);
  // Together with one that stands, so that a group of commits does not mix them up.
  auto refused = give(store, std::move(conflict));
  auto stands = give(store, {.id = 4, .gaps = {gap_of(3)}});
  EXPECT_EQ(refused.get().value().state, CommitState::kConflict);
  EXPECT_EQ(stands.get().value().state, CommitState::kCommitted);
  EXPECT_EQ(commit(store, std::move(fenced)).state, CommitState::kFenced);

  const auto s = snap(store);
  const CoverageFacts found = s->coverage(kStream).value();
  EXPECT_EQ(found.gaps, (std::vector{open_gap_of(1), gap_of(3)}));
  EXPECT_TRUE(found.bounds.empty());
  EXPECT_TRUE(found.outcomes.empty());
  EXPECT_TRUE(s->sequences(kPartition).value().empty());
  EXPECT_TRUE(jobs_of(*s).empty());
  EXPECT_EQ(s->last_change(), ChangeNumber{2});
  // And its number was not used up.
  commit(store, {.id = 5, .outcomes = {outcome_of({1})}});
  EXPECT_EQ(snap(store)->coverage(kStream).value().outcomes.at(0).id, 1u);
}

TYPED_TEST_P(StoreFactsContractTest, ACountIsReplacedByPartitionAndKey) {
  Store& store = this->store();
  const PartitionId other{2};
  commit(store, {.id = 1,
                 .sequences = {{kPartition, "", count_of(1)},
                               {kPartition, Bytes("\0k", 2), count_of(2)},
                               {other, "", count_of(3)}}});
  const std::map<Bytes, SequenceState, std::less<>> first = {{"", count_of(1)},
                                                             {Bytes("\0k", 2), count_of(2)}};
  EXPECT_EQ(snap(store)->sequences(kPartition).value(), first);
  auto before = snap(store);
  commit(store, {.id = 2,
                 .sequences = {{kPartition, "", count_of(9)}, {kPartition, Bytes("\0k", 2), {}}}});
  EXPECT_EQ(before->sequences(kPartition).value(), first) << "a snapshot stands still";
  before.reset();
  this->world_.reopen();
  const std::map<Bytes, SequenceState, std::less<>> second = {{"", count_of(9)}};
  EXPECT_EQ(snap(this->store())->sequences(kPartition).value(), second);
  EXPECT_EQ(snap(this->store())->sequences(other).value().at(""), count_of(3));
  EXPECT_EQ(snap(this->store())->last_change(), ChangeNumber{0}) << "counts announce nothing";
}

TYPED_TEST_P(StoreFactsContractTest, AJobIsReplacedWholeAndJobsComeByNumber) {
  Store& store = this->store();
  for (const JobId id : {JobId{300}, JobId{2}, JobId{1}})
    commit(store, {.id = id, .lane = Lane::kReplay, .job = job_of(id)});
  ReplayJob two = job_of(2);
  two.state = ReplayJob::State::kDone;
  two.done = {{kTen, kTen + 1h}};
  commit(store, {.id = 4, .lane = Lane::kReplay, .job = two});
  this->world_.reopen();
  const auto s = snap(this->store());
  EXPECT_EQ(jobs_of(*s), (std::vector{job_of(1), two, job_of(300)}));
  EXPECT_EQ(s->job(2).value(), two);
  EXPECT_EQ(s->job(3).value(), std::nullopt);
  EXPECT_EQ(s->last_change(), ChangeNumber{0});
  size_t seen = 0;
  s->jobs([&](const ReplayJob&) { return ++seen < 2; }).value();
  EXPECT_EQ(seen, 2u);
}

TYPED_TEST_P(StoreFactsContractTest, ASnapshotOfCoverageStandsStill) {
  Store& store = this->store();
  commit(store, {.id = 1, .gaps = {open_gap_of(1)}});
  const auto before = snap(store);
  commit(store, {.id = 2,
                 .gaps = {gap_of(2)},
                 .bounds = {{1, kTen + 1min}},
                 .outcomes = {outcome_of({1, 2})},
                 .job = job_of(1)});
  const CoverageFacts facts = before->coverage(kStream).value();
  EXPECT_EQ(facts.gaps, std::vector{open_gap_of(1)});
  EXPECT_TRUE(facts.bounds.empty());
  EXPECT_TRUE(facts.outcomes.empty());
  EXPECT_EQ(before->gap(2).value(), std::nullopt);
  EXPECT_EQ(before->job(1).value(), std::nullopt);
}

TYPED_TEST_P(StoreFactsContractTest, FactsThatWereAnsweredAreThereAfterTheProcessDies) {
  Commit c{.id = 1, .published_at = kSeen};
  c.gaps = {open_gap_of(1), keys_gap_of(2)};
  c.bounds = {{1, kTen + 1min}};
  c.outcomes = {outcome_of({2})};
  c.sequences = {{kPartition, "", count_of(7)}};
  c.job = job_of(1);
  commit(this->store(), std::move(c));
  const auto expect_all = [&] {
    const auto s = snap(this->store());
    const CoverageFacts facts = s->coverage(kStream).value();
    EXPECT_EQ(facts.gaps, (std::vector{open_gap_of(1), keys_gap_of(2)}));
    EXPECT_EQ(facts.bounds, (std::vector<GapBound>{{1, kTen + 1min}}));
    EXPECT_EQ(facts.outcomes.size(), 1u);
    EXPECT_EQ(s->gap(2).value(), keys_gap_of(2));
    EXPECT_EQ(s->sequences(kPartition).value().at(""), count_of(7));
    EXPECT_EQ(s->job(1).value(), job_of(1));
    EXPECT_EQ(s->last_change(), ChangeNumber{4});
  };
  expect_all();
  this->world_.kill();
  expect_all();
  this->world_.reopen();
  expect_all();
}

REGISTER_TYPED_TEST_SUITE_P(StoreFactsContractTest, AnEmptyStoreKnowsNothing,
                            FactsAreFoundByTheirStream, AGapIsTakenAndAnnouncedOnce,
                            OnlyAFurtherBoundCounts, ABoundOfNoOpenEndedGapSaysNothing,
                            AGapAndItsBoundMayComeInOneCommit, AnOutcomeGetsItsOwnNumber,
                            ChangesOfOneCommitComeInAnOrderThatNeverMisleads,
                            ARefusedCommitLeavesNoFact, ACountIsReplacedByPartitionAndKey,
                            AJobIsReplacedWholeAndJobsComeByNumber, ASnapshotOfCoverageStandsStill,
                            FactsThatWereAnsweredAreThereAfterTheProcessDies);

}  // namespace hindcast
