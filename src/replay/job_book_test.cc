#include "replay/job_book.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hindcast {
namespace {

constexpr StreamId kStream{1};
constexpr PartitionId kPartition{1};
constexpr ProcessingTime kWall{Duration(1h)};

EventTime at(int64_t minute) { return event_time_ns(minute * Duration(1min).count()); }
Window minutes(int64_t from, int64_t to) { return {at(from), at(to)}; }

class JobBookTest : public ::testing::Test {
 protected:
  JobBookTest()
      : book_(
            {.stagger = 8s}, [this](Commit commit) { saved_.push_back(std::move(commit)); },
            [](StreamId, BytesView) { return kPartition; }, now_) {
    govern(1'000);
    now_ += 1s;  // the bucket is full
  }
  void govern(uint64_t events, uint16_t at_once = 2, LatencySignal live = {}) {
    Allowance allowance;
    allowance.per_second = {events, kNoLimit, kNoLimit, kNoLimit};
    allowance.subwindows = at_once;
    allowance.limit = Reason::kRate;
    book_.govern(allowance, live, now_, kWall);
  }
  static Assignment of(JobId id) { return {.job = job(id, minutes(0, 10))}; }

  static ReplayJob job(JobId id, Window range, uint32_t source = 1) {
    ReplayJob out;
    out.id = id;
    out.stream = StreamId{source};
    out.source = SourceId{source};
    out.range = range;
    out.cause = "reconnect";
    out.created = kWall;
    return out;
  }
  std::optional<Assignment> take(EventTime frontier = kMaxEventTime) {
    return book_.take([=](StreamId) { return frontier; },
                      [](StreamId, SourceId) { return kMaxEventTime; }, now_, kWall);
  }
  /// Takes a job through its preparation.
  void prepare(std::vector<Window> pieces, CoverageFacts facts = {}) {
    if (!take_once_) now_ += 4s;  // the jitter of the first slot
    take_once_ = true;
    const auto assignment = take();
    ASSERT_TRUE(assignment && assignment->kind == Assignment::Kind::kPrepare);
    book_.prepared(assignment->job.id, std::move(pieces), facts, {kPartition}, kWall);
  }
  void finish(const Assignment& assignment, bool wrote = true) {
    SubwindowResult result;
    result.window = assignment.piece;
    result.certain = true;
    result.wrote = wrote;
    result.counts.read = result.counts.added = 10;
    book_.progressed(assignment, {result}, true, now_, kWall);
  }
  ReplayJob::State state(JobId id) { return book_.view(id)->job.state; }
  const ReplayJob& last_saved() { return *saved_.back().job; }

  MonoTime now_{1h};
  bool take_once_ = false;
  std::vector<Commit> saved_;
  JobBook book_;
};

// It waits for the frontier, prepared and not begun, and knows pieces and gaps of its first range.
TEST_F(JobBookTest, AJobThatIsJoinedIsPreparedAgain) {
  book_.add(job(1, minutes(0, 10)), true, now_);
  prepare({minutes(0, 10)});
  EXPECT_FALSE(take(at(0)));
  EXPECT_EQ(book_.add(job(2, minutes(20, 30)), true, now_), 1u);
  EXPECT_EQ(last_saved().skipped, std::vector<Window>{minutes(10, 20)});
  prepare({minutes(0, 10), minutes(10, 20), minutes(20, 30)});
  const auto first = take(), second = take();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->piece, minutes(0, 10));
  EXPECT_EQ(second->piece, minutes(20, 30));
  finish(*first);
  finish(*second);
  EXPECT_EQ(state(1), ReplayJob::State::kDone);
}

TEST_F(JobBookTest, AJobIsPreparedReadPieceByPieceAndDone) {
  book_.add(job(1, minutes(0, 30)), false, now_);
  EXPECT_EQ(last_saved().state, ReplayJob::State::kQueued);
  prepare({minutes(0, 10), minutes(10, 30)});
  const auto first = take(), second = take();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->piece, minutes(0, 10));
  EXPECT_EQ(second->piece, minutes(10, 30));
  EXPECT_FALSE(take());
  finish(*second);
  EXPECT_EQ(state(1), ReplayJob::State::kRunning);
  finish(*first);
  EXPECT_EQ(last_saved().state, ReplayJob::State::kDone);
  EXPECT_EQ(last_saved().done, std::vector<Window>{minutes(0, 30)});
  EXPECT_EQ(last_saved().counts.added, 20u);
  EXPECT_TRUE(book_.idle());
}

// A forecast needs to know what comes when: first what workers have, then piece after piece, and
// nothing that may not be read yet.
TEST_F(JobBookTest, WhatIsLeftIsToldInTheOrderInWhichItWillBeRead) {
  const auto order = [&] { return book_.reading(1).stretches; };
  book_.add(job(1, minutes(0, 40)), false, now_);
  EXPECT_TRUE(order().empty()) << "its pieces are not known yet";
  prepare({minutes(0, 10), minutes(10, 20), minutes(20, 40)});
  const auto first = take(at(30)), second = take(at(30));
  ASSERT_TRUE(first && second);
  SubwindowResult half;
  half.window = minutes(0, 5);
  half.certain = true;
  book_.progressed(*first, {half}, false, now_, kWall);
  EXPECT_EQ(order(), (std::vector{minutes(5, 10), minutes(10, 20), minutes(20, 30)}));
  EXPECT_EQ(book_.reading(1).at_once, 2u);
  book_.released(*second, kWall);
  EXPECT_EQ(book_.reading(1).at_once, 1u);
  book_.set_order(1, ReplayOrder::kNewestFirst).value();
  EXPECT_EQ(order(), (std::vector{minutes(5, 10), minutes(20, 30), minutes(10, 20)}));
  EXPECT_TRUE(book_.reading(2).stretches.empty()) << "no such job";
}

TEST_F(JobBookTest, NewestFirstBeginsAtTheEnd) {
  ReplayJob given = job(1, minutes(0, 30));
  given.order = ReplayOrder::kNewestFirst;
  book_.add(given, false, now_);
  prepare({minutes(0, 10), minutes(10, 20), minutes(20, 30)});
  EXPECT_EQ(take()->piece, minutes(20, 30));
  EXPECT_EQ(take()->piece, minutes(10, 20));
}

// A worker that dies loses the subwindow in its hand; what the store has is not read again.
TEST_F(JobBookTest, ARestartGoesOnWithWhatIsLeft) {
  ReplayJob stored = job(1, minutes(0, 30));
  stored.state = ReplayJob::State::kRunning;
  stored.started = kWall;
  stored.done = {minutes(5, 20)};
  book_.restore(stored, now_);
  prepare({minutes(0, 30)});
  EXPECT_EQ(take()->piece, minutes(0, 5));
  EXPECT_EQ(take()->piece, minutes(20, 30));
}

TEST_F(JobBookTest, APieceThatThreeProcessesDiedOnIsSetAsideAndTheJobGoesOn) {
  book_.add(job(1, minutes(0, 20)), false, now_);
  prepare({minutes(0, 10), minutes(10, 20)});
  for (int i = 0; i < 3; ++i) {
    const auto piece = take();
    ASSERT_TRUE(piece);
    EXPECT_EQ(piece->piece, minutes(0, 10));
    book_.died(*piece, "ended with signal 9 (Killed)", kWall);
  }
  finish(*take());
  EXPECT_EQ(state(1), ReplayJob::State::kFailed);
  ASSERT_EQ(last_saved().set_aside.size(), 1u);
  EXPECT_EQ(last_saved().set_aside[0].reason,
            "process-died: the replay process died on it 3 times in a row; the last one ended with "
            "signal 9 (Killed)");
  EXPECT_EQ(last_saved().done, std::vector<Window>{minutes(10, 20)});
}

// Deaths at different places are no sign of a place that kills.
TEST_F(JobBookTest, ADeathFurtherOnBeginsANewRow) {
  book_.add(job(1, minutes(0, 10)), false, now_);
  prepare({minutes(0, 10)});
  for (int reached = 1; reached < 9; ++reached) {
    const auto piece = take();
    ASSERT_TRUE(piece);
    SubwindowResult result{.window = minutes(0, reached)};  // committed, and not certain
    book_.progressed(*piece, {result}, false, now_, kWall);
    book_.died(*piece, "ended", kWall);
  }
  EXPECT_EQ(state(1), ReplayJob::State::kRunning);
  finish(*take());
  EXPECT_EQ(state(1), ReplayJob::State::kDone);
}

// Live owns what is ahead of the frontier. Whole pieces are waited for, as reading one twice costs
// twice; a frontier that stands still must not stall the replay for ever, though.
TEST_F(JobBookTest, NothingIsReadAheadOfTheFrontier) {
  book_.add(job(1, minutes(0, 30)), false, now_);
  prepare({minutes(0, 30)});
  EXPECT_FALSE(take(at(20)));
  EXPECT_EQ(book_.view(1)->account.reason(), Reason::kStream);
  now_ += 6s;
  const auto clipped = take(at(20));
  ASSERT_TRUE(clipped);
  EXPECT_EQ(clipped->piece, minutes(0, 20));
  finish(*clipped);
  EXPECT_FALSE(take(at(20)));
  EXPECT_EQ(take(at(30))->piece, minutes(20, 30));
}

// N sources that reconnect make one sweep, not N replays that start at once.
TEST_F(JobBookTest, AutomaticJobsOfOneSourceJoinAndThoseOfSeveralAreStaggered) {
  EXPECT_EQ(book_.add(job(1, minutes(0, 10)), true, now_), 1u);
  ReplayJob hole = job(2, minutes(20, 30));  // numbers that the same outage left out
  hole.cause = "sequence";
  EXPECT_EQ(book_.add(hole, true, now_), 1u);  // joined
  EXPECT_EQ(book_.add(job(3, minutes(0, 10), 2), true, now_), 3u);
  EXPECT_EQ(last_saved().id, 3u);
  prepare({minutes(0, 30)});
  EXPECT_EQ(take()->piece, minutes(0, 10));
  const auto second = take();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->piece, minutes(20, 30));  // what lies between was not asked for
  finish(*second);
  EXPECT_FALSE(take());  // job 3 waits for its turn
  EXPECT_EQ(book_.view(3)->account.reason(), Reason::kSchedule);
  now_ += 12s;  // a slot, and the jitter in its first half
  const auto third = take();
  ASSERT_TRUE(third);
  EXPECT_EQ(third->job.id, 3u);
}

// Prepared for a part, it would wait for the rest for ever.
TEST_F(JobBookTest, AJobThatIsJoinedAfterItsPreparationIsPreparedAgain) {
  book_.add(job(1, minutes(0, 10)), true, now_);
  prepare({minutes(0, 10)});
  EXPECT_EQ(book_.add(job(2, minutes(20, 30)), true, now_), 1u);
  prepare({minutes(0, 30)});
  const auto first = take(), second = take();
  ASSERT_TRUE(first && second);
  finish(*first);
  finish(*second);
  EXPECT_EQ(state(1), ReplayJob::State::kDone);
  EXPECT_EQ(last_saved().done, std::vector<Window>{minutes(0, 30)});
}

// Limits are global: a second job does not double them.
TEST_F(JobBookTest, CapsHoldForAllJobsTogether) {
  for (JobId id = 1; id <= 4; ++id)
    book_.add(job(id, minutes(0, 40), static_cast<uint32_t>(id)), false, now_);
  std::vector<Window> pieces;
  for (int i = 0; i < 4; ++i) pieces.push_back(minutes(10 * i, 10 * i + 10));
  for (int i = 0; i < 4; ++i) prepare(pieces);
  std::vector<Assignment> given;
  while (const auto assignment = take()) given.push_back(*assignment);
  EXPECT_EQ(given.size(), 2u);
  EXPECT_NE(given[0].job.id, given[1].job.id);  // streams take turns
  for (const JobBook::View& view : book_.views()) {
    const bool at_work = view.job.id == given[0].job.id || view.job.id == given[1].job.id;
    EXPECT_EQ(view.account.reason(), at_work ? Reason::kCompute : Reason::kConcurrency);
  }
}

TEST_F(JobBookTest, NoMoreSourcesAreReadAtOnceThanTheirCap) {
  book_.set_limits({.sources_at_once = 1});
  book_.add(job(1, minutes(0, 20)), false, now_);
  prepare({minutes(0, 20)});
  const auto first = take();
  ASSERT_TRUE(first);
  book_.add(job(2, minutes(0, 20), 2), false, now_);
  EXPECT_FALSE(take());  // not even prepared
  finish(*first);
  const auto second = take();
  ASSERT_TRUE(second && second->job.id == 2);
}

// The rate is one bucket for all; a batch larger than the burst passes and is paid for afterwards.
TEST_F(JobBookTest, AllowanceIsADebtSharedByAllJobs) {
  book_.add(job(1, minutes(0, 10)), false, now_);
  book_.add(job(2, minutes(0, 10), 2), false, now_);
  EXPECT_FALSE(book_.allow(of(1), 10'000, now_));
  const auto wait = book_.allow(of(2), 1, now_);
  ASSERT_TRUE(wait);
  EXPECT_EQ(wait->reason, Reason::kRate);
  now_ += 9s;
  EXPECT_TRUE(book_.allow(of(2), 1, now_));
  now_ += 1s;
  EXPECT_FALSE(book_.allow(of(2), 1, now_));
  ASSERT_TRUE(book_.set_rate(2, 10, now_));
  EXPECT_FALSE(book_.allow(of(2), 100, now_ + 1h));
  EXPECT_TRUE(book_.allow(of(2), 1, now_ + 1h + 5s));  // its own limit
  EXPECT_FALSE(book_.allow(of(1), 1, now_ + 1h + 5s));
}

// What the governor says holds from its next word on: it may change its mind 20 times a second.
TEST_F(JobBookTest, TheGovernorsWordHoldsAtOnceAndNamesItsReason) {
  book_.add(job(1, minutes(0, 20)), false, now_);
  prepare({minutes(0, 10), minutes(10, 20)});
  Allowance stopped;
  stopped.limit = Reason::kMemory;
  book_.govern(stopped, {}, now_, kWall);
  EXPECT_FALSE(take());
  EXPECT_EQ(book_.view(1)->account.reason(), Reason::kMemory);
  const auto wait = book_.allow(of(1), 1, now_);
  ASSERT_TRUE(wait);
  EXPECT_EQ(wait->reason, Reason::kMemory);
  EXPECT_LE(wait->until - now_, 100ms);
  govern(1'000, 1);
  EXPECT_TRUE(take());
  EXPECT_FALSE(take());  // one at once
}

// The governor must hear of jobs that want to run while nothing may, or nothing would ever start.
TEST_F(JobBookTest, SignalsSayWhatIsWantedAndWhatWasDone) {
  Signals idle;
  book_.add_to(idle, 2, now_);
  EXPECT_FALSE(idle.running);
  book_.govern({}, {}, now_, kWall);
  book_.add(job(1, minutes(0, 20)), false, now_);
  prepare({minutes(0, 10), minutes(10, 20)});
  EXPECT_FALSE(take());
  Signals waiting;
  book_.add_to(waiting, 2, now_);
  EXPECT_TRUE(waiting.running);
  govern(1'000);
  now_ += 1s;
  const auto first = take();
  book_.because(*first, Reason::kStore, now_);
  book_.committed(30ms, now_);
  finish(*first);
  EXPECT_FALSE(book_.allow(of(1), 100'000, now_));
  EXPECT_TRUE(book_.allow(of(1), 1, now_));
  Signals done;
  book_.add_to(done, 2, now_);
  EXPECT_EQ(done.done.events, 10u);
  EXPECT_TRUE(done.throttled);
  EXPECT_EQ(done.commit.samples, 1u);
  EXPECT_GE(done.commit.p99, 30ms);
  Signals after;
  book_.add_to(after, 2, now_);
  EXPECT_EQ(after.done.events, 0u);
  EXPECT_FALSE(after.throttled);
}

// What a person is shown: one reason at any time, and times that add up.
TEST_F(JobBookTest, EveryMomentIsChargedToOneReason) {
  book_.add(job(1, minutes(0, 20)), false, now_);
  prepare({minutes(0, 10), minutes(10, 20)});
  now_ += 1s;
  const auto a = take(), b = take();
  book_.because(*a, Reason::kReader, now_);
  now_ += 2s;  // a reads, b computes
  book_.because(*b, Reason::kStore, now_);
  now_ += 3s;
  finish(*a);
  finish(*b);
  const auto view = book_.view(1);
  const ReasonTimes times = view->account.times(now_);
  EXPECT_EQ(times[static_cast<size_t>(Reason::kReader)], 2s + 1s);  // asked for its pieces, then
  EXPECT_EQ(times[static_cast<size_t>(Reason::kStore)], 3s);
  EXPECT_EQ(view->account.elapsed(now_), 10s);  // with the four before the first turn
}

// It would lengthen what everybody else has to wait for.
TEST_F(JobBookTest, AJobThatWaitsForItsOwnRateKeepsNoPlace) {
  govern(1'000'000, 1);
  now_ += 1s;
  ReplayJob slow = job(1, minutes(0, 10));
  slow.rate = 10;
  book_.add(slow, false, now_);
  book_.add(job(2, minutes(0, 10), 2), false, now_);
  prepare({minutes(0, 10)});
  prepare({minutes(0, 10)});
  auto first = take();
  ASSERT_TRUE(first);
  EXPECT_FALSE(take());  // one at once
  if (first->job.id != 1) {
    finish(*first);
    first = take();
  }
  ASSERT_EQ(first->job.id, 1u);
  EXPECT_FALSE(book_.allow(*first, 100, now_));
  EXPECT_TRUE(book_.allow(*first, 100, now_));
  const auto second = take();
  EXPECT_EQ(second.has_value(), state(2) != ReplayJob::State::kDone);
  now_ += 20s;
  EXPECT_FALSE(book_.allow(*first, 100, now_));
}

// A stream with huge pieces gets no more than one with small ones.
TEST_F(JobBookTest, StreamsTakeTurnsByWhatTheyCost) {
  std::vector<Window> pieces;
  for (int i = 0; i < 40; ++i) pieces.push_back(minutes(i, i + 1));
  book_.add(job(1, minutes(0, 40), 1), false, now_);
  book_.add(job(2, minutes(0, 40), 2), false, now_);
  prepare(pieces);
  prepare(pieces);
  std::map<JobId, int> turns;
  for (int i = 0; i < 30; ++i) {
    const auto given = take();
    ASSERT_TRUE(given);
    ++turns[given->job.id];
    SubwindowResult result;
    result.window = given->piece;
    result.certain = true;
    result.counts.read = result.counts.added = given->job.id == 1 ? 400'000 : 40'000;
    result.counts.subwindows = 1;
    book_.progressed(*given, {result}, true, now_, kWall);
  }
  EXPECT_GE(turns[2], 4 * turns[1]);
  EXPECT_GT(turns[1], 1);
}

// It comes from an operator, and no rate that can be written down may end the process.
TEST_F(JobBookTest, ARateBeyondWhatABucketHoldsIsNoLimit) {
  ReplayJob fast = job(1, minutes(0, 10));
  fast.rate = UINT64_MAX;
  book_.add(fast, false, now_);
  EXPECT_FALSE(book_.allow(of(1), 100, now_));
  ASSERT_TRUE(book_.set_rate(1, 10, now_));
  ASSERT_TRUE(book_.set_rate(1, UINT64_MAX, now_));
  fast.id = 2;
  book_.restore(fast, now_);
  EXPECT_EQ(book_.view(2)->job.rate, UINT64_MAX);
}

TEST_F(JobBookTest, PauseTakesTheWorkBackAndResumeGoesOn) {
  book_.add(job(1, minutes(0, 10)), false, now_);
  prepare({minutes(0, 10)});
  const auto assignment = take();
  EXPECT_TRUE(book_.wanted(*assignment));
  ASSERT_TRUE(book_.pause(1, true, now_, kWall));
  EXPECT_FALSE(book_.wanted(*assignment));
  book_.released(*assignment, kWall);
  EXPECT_FALSE(take());
  EXPECT_EQ(last_saved().state, ReplayJob::State::kPaused);
  ASSERT_TRUE(book_.pause(1, false, now_, kWall));
  EXPECT_EQ(take()->piece, minutes(0, 10));
}

TEST_F(JobBookTest, CancelKeepsWhatIsCommittedAndEndsTheJob) {
  book_.add(job(1, minutes(0, 20)), false, now_);
  prepare({minutes(0, 10), minutes(10, 20)});
  finish(*take());
  const auto under_way = take();
  ASSERT_TRUE(book_.cancel(1, now_, kWall));
  EXPECT_FALSE(book_.wanted(*under_way));
  EXPECT_EQ(last_saved().state, ReplayJob::State::kCancelled);
  EXPECT_EQ(last_saved().done, std::vector<Window>{minutes(0, 10)});
  EXPECT_EQ(book_.cancel(1, now_, kWall).error().code, ErrorCode::kConflict);
  EXPECT_EQ(book_.cancel(9, now_, kWall).error().code, ErrorCode::kNotFound);
}

// One bad file does not stop a backfill; it is named, and the job does not claim success.
TEST_F(JobBookTest, APoisonedPieceIsSetAsideAndTheJobGoesOn) {
  CoverageFacts facts;
  Gap gap;
  gap.id = 5;
  gap.stream = kStream;
  gap.range = minutes(0, 20);
  facts.gaps = {gap};
  book_.add(job(1, minutes(0, 20)), false, now_);
  prepare({minutes(0, 10), minutes(10, 20)}, facts);
  book_.set_aside(*take(), corruption("truncated: a.gz"), kWall);
  finish(*take());
  EXPECT_EQ(last_saved().state, ReplayJob::State::kFailed);
  EXPECT_EQ(last_saved().reason, "1 window was set aside: truncated: a.gz");
  std::vector<GapOutcome> outcomes;
  for (const Commit& commit : saved_)
    outcomes.insert(outcomes.end(), commit.outcomes.begin(), commit.outcomes.end());
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_EQ(outcomes[0].range, minutes(10, 20));
}

// Fills are facts that readers trust: only what history has proved to be whole becomes one.
TEST_F(JobBookTest, AssumedOrderFillsNothingBeforeThePieceIsAtItsEnd) {
  CoverageFacts facts;
  Gap gap;
  gap.id = 5;
  gap.stream = kStream;
  gap.range = minutes(0, 20);
  facts.gaps = {gap};
  book_.add(job(1, minutes(0, 20)), false, now_);
  prepare({minutes(0, 20)}, facts);
  const auto assignment = take();
  SubwindowResult half;
  half.window = minutes(0, 10);
  half.wrote = true;
  book_.progressed(*assignment, {half}, false, now_, kWall);
  EXPECT_TRUE(saved_.back().outcomes.empty());
  EXPECT_TRUE(last_saved().done.empty()) << "a crash must not make it certain";
  EXPECT_EQ(book_.view(1)->job.done, std::vector<Window>{minutes(0, 10)}) << "but is shown";
  half.window = minutes(10, 20);
  book_.progressed(*assignment, {half}, true, now_, kWall);
  const auto filled =
      std::ranges::find_if(saved_, [](const Commit& commit) { return !commit.outcomes.empty(); });
  ASSERT_NE(filled, saved_.end());
  EXPECT_EQ(filled->outcomes[0].range, minutes(0, 20));
}

// The worker after a crash does not see what would have contradicted the assumed order, so what the
// one before had only assumed is read again.
TEST_F(JobBookTest, WhatWasOnlyAssumedIsReadAgainByWhoeverGoesOn) {
  book_.add(job(1, minutes(0, 20)), false, now_);
  prepare({minutes(0, 20)});
  const auto assignment = take();
  SubwindowResult part;
  part.wrote = true;
  part.window = minutes(0, 5);
  part.certain = true;
  book_.progressed(*assignment, {part}, false, now_, kWall);
  part.window = minutes(5, 10);
  part.certain = false;
  book_.progressed(*assignment, {part}, false, now_, kWall);

  JobBook later(
      {}, [](Commit) {}, [](StreamId, BytesView) { return kPartition; }, now_);
  Allowance allowance;
  allowance.subwindows = 1;
  later.govern(allowance, {}, now_, kWall);
  later.restore(last_saved(), now_);
  const auto next = [&] {
    return later.take([](StreamId) { return kMaxEventTime; },
                      [](StreamId, SourceId) { return kMaxEventTime; }, now_, kWall);
  };
  ASSERT_TRUE(next());
  later.prepared(1, {minutes(0, 20)}, {}, {kPartition}, kWall);
  EXPECT_EQ(next()->piece, minutes(5, 20));

  book_.released(*assignment, kWall);
  EXPECT_EQ(take()->piece, minutes(5, 20));
}

CoverageFacts numbers_10_to_12(Window range) {
  CoverageFacts facts;
  Gap& gap = facts.gaps.emplace_back();
  gap.id = 5;
  gap.stream = kStream;
  gap.range = range;
  gap.cause = Gap::Cause::kSequence;
  gap.numbers = GapNumbers{.in_order = true, .delay = 1s, .counts = {{"", 10, 12}}};
  return facts;
}

// History that was read to its end proves nothing of numbers: what is stored does.
TEST_F(JobBookTest, AJobEndsWhenTheNumbersOfItsGapsAreJudged) {
  book_.add(job(1, minutes(0, 20)), false, now_);
  prepare({minutes(0, 20)}, numbers_10_to_12(minutes(2, 8)));
  finish(*take());
  EXPECT_EQ(state(1), ReplayJob::State::kRunning);
  EXPECT_TRUE(last_saved().done == std::vector<Window>{minutes(0, 20)});
  const auto show = take();
  ASSERT_TRUE(show && show->kind == Assignment::Kind::kShow);
  EXPECT_EQ(show->piece, minutes(2, 8));
  EXPECT_FALSE(take()) << "one at a time";
  book_.not_shown(*show, now_ + 1s);
  EXPECT_FALSE(take());
  now_ += 1s;
  book_.shown(*take(), minutes(2, 3), {}, now_, kWall);
  EXPECT_EQ(take()->piece, minutes(3, 8));
  book_.shown(*show, minutes(3, 8), {}, now_, kWall);
  EXPECT_EQ(state(1), ReplayJob::State::kDone);
  const auto found =
      std::ranges::find_if(saved_, [](const Commit& commit) { return !commit.outcomes.empty(); });
  ASSERT_NE(found, saved_.end());
  EXPECT_EQ(found->outcomes[0].kind, GapOutcome::Kind::kUnfillable);
  EXPECT_EQ(found->outcomes[0].detail,
            "history-short: history does not have numbers 10 to 12 either");
}

// The crash comes between the last subwindow and the judgement.
TEST_F(JobBookTest, ARestartJudgesTheNumbersOfAJobThatHasReadEverything) {
  ReplayJob stored = job(1, minutes(0, 20));
  stored.state = ReplayJob::State::kRunning;
  stored.started = kWall;
  stored.done = {minutes(0, 20)};
  stored.gaps = {5};
  book_.restore(stored, now_);
  prepare({minutes(0, 20)}, numbers_10_to_12(minutes(2, 8)));
  const auto show = take();
  ASSERT_TRUE(show && show->kind == Assignment::Kind::kShow);
  book_.shown(*show, show->piece, {}, now_, kWall);
  EXPECT_EQ(last_saved().state, ReplayJob::State::kDone);
}

// L10: a replay of what is there already writes its progress once a second at most.
TEST_F(JobBookTest, ProgressThatWroteNothingIsSavedOnceASecond) {
  std::vector<Window> pieces;
  for (int i = 0; i < 100; ++i) pieces.push_back(minutes(i, i + 1));
  book_.add(job(1, minutes(0, 100)), false, now_);
  prepare(pieces);
  const size_t before = saved_.size();
  for (int i = 0; i < 99; ++i) {
    finish(*take(), false);
    now_ += 50ms;
  }
  EXPECT_LE(saved_.size() - before, 6u);
}

TEST_F(JobBookTest, AHistoryThatCannotSayWhatItHasIsAskedAgainOrFailsTheJob) {
  book_.add(job(1, minutes(0, 10)), false, now_);
  book_.refused(take()->job.id, unavailable("connection refused"), now_ + 3s, kWall);
  EXPECT_FALSE(take());
  now_ += 3s;
  book_.refused(take()->job.id, invalid_argument("wrong-columns: no 'price'"), std::nullopt, kWall);
  EXPECT_EQ(last_saved().state, ReplayJob::State::kFailed);
  EXPECT_EQ(last_saved().reason, "wrong-columns: no 'price'");
}

}  // namespace
}  // namespace hindcast
