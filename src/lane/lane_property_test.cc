// Random workloads, random order of steps, crashes at any of them: the content must be that of the
// naive model, and every event counted once.
#include <gmock/gmock.h>

#include <set>

#include "base/rng.h"
#include "lane/lane_test_util.h"
#include "lane/naive_gaps_test_util.h"

namespace hindcast::test {
namespace {

struct Appended {
  LogAppend record;
  std::vector<Event> events;
};

/// Records as a bad day brings them: late, ancient, repeated, corrected, deleted, refused, missing.
class Workload {
 public:
  Workload(Rng& rng, bool corrections) : rng_(rng), corrections_(corrections) {}

  Appended next(NaiveModel& model) {
    const SourceId source = rng_.chance(0.7) ? kLeft : kRight;
    const double what = rng_.unit();
    if (what < 0.03) {
      const size_t letters = 1 + rng_.below(3);
      model.dead(source, letters);
      return {dead_record(source, letters), {}};
    }
    if (what < 0.06) return {advance_record(source, now_, Advance::Why::kIdle), {}};
    if (what < 0.08) {
      return {{{kPartition, RecordKind::kDisconnected, source, 0}, encode(Connection{"gone"})}, {}};
    }
    if (what < 0.11) {
      opened_.push_back(1'000'000 + opened_.size());
      return {gap_record({.opened = outage(opened_.back(), now_)}), {}};
    }
    if (what < 0.14 && !opened_.empty()) {
      return {gap_record({.bound = GapBound{opened_[rng_.below(opened_.size())], at(now_)}}), {}};
    }
    std::vector<Event> events;
    for (size_t n = 1 + rng_.below(20); n > 0; --n) {
      events.push_back(event());
      model.add(source, events.back());
    }
    return {events_record(source, events), events};
  }

 private:
  Event event() {
    if (!sent_.empty() && rng_.chance(0.15)) {  // again, perhaps corrected
      Event e = sent_[rng_.below(sent_.size())];
      if (corrections_ && rng_.chance(0.6)) {
        e.revision += static_cast<int64_t>(1 + rng_.below(2));
        e.op = rng_.chance(0.3) ? Op::kDelete : Op::kUpsert;
        // Equal revisions have equal content, as the model assumes.
        e.value = e.op == Op::kDelete ? 0 : e.id * 10 + e.revision;
        sent_.push_back(e);
      }
      return e;
    }
    now_ += Duration(rng_.below(2'000)) * 1'000'000;
    const double how = rng_.unit();
    Duration time = now_;
    if (how < 0.15) time -= std::min<Duration>(now_, Duration(rng_.below(30'000)) * 1'000'000);
    if (how < 0.03) time = Duration(rng_.below(1 + static_cast<uint64_t>(now_.count())));
    time -= time % 1ms;
    if (rng_.chance(0.05)) next_id_ += static_cast<int64_t>(1 + rng_.below(3));  // lost on its way
    const int64_t id = next_id_++;
    Event e{.key = "k" + std::to_string(rng_.below(9)), .time = time, .id = id, .value = id * 10};
    sent_.push_back(e);
    return e;
  }

  Rng& rng_;
  const bool corrections_;
  Duration now_{};
  int64_t next_id_ = 0;
  std::vector<Event> sent_;
  std::vector<GapId> opened_;
};

struct Simulated {
  Simulated(uint64_t seed, bool crashes, bool corrections)
      : page_window_only(seed % 2 == 0),
        rng(seed),
        crashes_(crashes),
        corrections_(corrections),
        below({.post = [this](Task task) { tasks.push_back(std::move(task)); }}),
        store(below),
        lane_options(options()),
        gaps(lane_options.lane),
        driver(lane_options, log, store) {
    store.watch = [this](const Commit& commit) { check_gaps(commit); };
  }

  LaneDriverOptions options() {
    LaneDriverOptions o = small_options();
    if (page_window_only) {
      std::erase_if(o.lane.aggregates, [](const LaneAggregate& a) { return a.id == kFine; });
      std::erase_if(o.rollups, [](const RollerAggregate& a) { return a.id == kFine; });
    }
    o.lane.delays = {{kLeft, rng.below(3) * 4s}, {kRight, rng.below(2) * 9s}};
    o.lane.late_as_replay = rng.chance(0.3) ? 1h : 20s + rng.below(60) * 1s;
    o.lane.memory_max = rng.chance(0.3) ? 60_KiB : 64_MiB;
    o.lane.reread_max = rng.chance(0.3) ? ByteCount{1'500} : 64_MiB;
    o.lane.late_events_max = 1 + rng.below(200);
    o.lane.part_rows_max = static_cast<uint32_t>(1 + rng.below(60));
    o.read_max = ByteCount{1 + rng.below(2'000)};
    o.seal_budget = ByteCount{1 + rng.below(4'000)};
    o.drain_events_max = 1 + rng.below(40);
    o.drain_pages_max = 1 + rng.below(4);
    if (rng.chance(0.5)) {
      o.lane.sequence.sources = {{kLeft, LaneSequence::Place::kId}};
      if (rng.chance(0.7)) o.lane.sequence.sources.emplace_back(kRight, LaneSequence::Place::kId);
      o.lane.sequence.by_key = rng.chance(0.5);
      o.lane.sequence.delay = rng.below(3) * 1s;
    }
    o.lane.next_gap = [this] { return Result<GapId>(++last_gap); };
    return o;
  }
  /// Law L5: what a checkpoint covers of kGap records is in the store, in the order of the log and
  /// once.
  void check_gaps(const Commit& commit) {
    if (!commit.checkpoint || commit.lane != Lane::kLive) return;
    std::vector<GapRecord> expected, found;
    for (size_t i = 0; i < positions.size() && positions[i] <= commit.checkpoint->applied; ++i) {
      if (records[i]) expected.push_back(*records[i]);
    }
    CoverageFacts facts = store.coverage();
    std::erase_if(facts.gaps, [](const Gap& g) { return g.cause == Gap::Cause::kSequence; });
    size_t gap = 0, bound = 0;
    for (const GapRecord& record : expected) {
      if (record.opened) {
        ASSERT_LT(gap, facts.gaps.size());
        EXPECT_EQ(facts.gaps[gap++], *record.opened);
      } else {
        ASSERT_LT(bound, facts.bounds.size());
        EXPECT_EQ(facts.bounds[bound++], *record.bound);
      }
    }
    EXPECT_EQ(gap, facts.gaps.size());
    EXPECT_EQ(bound, facts.bounds.size());
  }

  void random_step() {
    if (!tasks.empty() && rng.chance(0.5)) {
      run_task();
      return;
    }
    const auto step = static_cast<LaneDriver::Step>(rng.below(LaneDriver::kSteps));
    if (driver.can(step)) {
      ok(driver.take(step, ProcessingTime(Duration(++now))));
      ok(driver.lane().failure());
      ok(driver.drain().failure());
    }
    check_pending();
  }
  static void ok(const Status& status) {
    EXPECT_TRUE(status.has_value()) << status.error().message;
  }
  void run_task() {
    Task task = std::move(tasks.front());
    tasks.pop_front();
    task();
    check_store();
  }
  void crash() {
    ++crashed;
    tasks.clear();
    below.crash();
    driver.start().value();
  }
  void meddle() {
    const auto snapshot = store.snapshot().value();
    std::vector<PageKey> pages;
    ok(snapshot->heads({kPartition, {kMinEventTime, kMaxEventTime}}, [&](const PageHead& head) {
      if (frontier.behind(head.key.window, head.key.slot)) pages.push_back(head.key);
      return true;
    }));
    if (pages.empty()) return;
    // Recent pages: those are where late events go.
    const size_t recent = std::min<size_t>(pages.size(), 8);
    const PageKey key = pages[pages.size() - 1 - rng.below(recent)];
    store.commit(rewrite(*snapshot, key), [](Result<CommitResult>) {});
  }
  void settle() {
    for (;;) {
      const uint64_t before = driver.counts().steps;
      ok(driver.run(ProcessingTime(Duration(++now))));
      if (::testing::Test::HasFailure()) return;
      if (tasks.empty() && driver.counts().steps - before <= 3)
        return;  // looked for records and marks, found none
      while (!tasks.empty()) run_task();
    }
  }

  /// Never back; and nothing that was final changes under its version (law L4).
  void check_store() {
    const auto snapshot = store.snapshot().value();
    const auto checkpoint = snapshot->checkpoint(kPartition).value();
    if (!checkpoint) return;
    EXPECT_GE(checkpoint->frontier, frontier);
    EXPECT_GE(checkpoint->watermark, watermark);
    EXPECT_LE(checkpoint->safe, checkpoint->applied);
    frontier = checkpoint->frontier;
    watermark = checkpoint->watermark;
    if (!rng.chance(0.2)) return;  // looking at every row each time would be most of the run
    for (const RollerAggregate& aggregate : small_rollups()) {
      for (const Duration resolution : aggregate.resolutions) {
        const RowQuery all{.aggregate = aggregate.id,
                           .resolution = resolution,
                           .range = {kMinEventTime, kMaxEventTime}};
        snapshot
            ->rows(all,
                   [&](const Row& row) {
                     auto [known, is_new] = rows.try_emplace(row.at, row);
                     if (is_new) return true;
                     if (row.version == known->second.version) {
                       EXPECT_EQ(row, known->second);
                     } else {
                       EXPECT_GT(row.version, known->second.version);
                       const bool differs = row.state != known->second.state ||
                                            row.events != known->second.events ||
                                            row.digest != known->second.digest;
                       // Two steps may lead back to where they began; one may not.
                       if (row.version.value == known->second.version.value + 1) {
                         EXPECT_TRUE(differs) << "a version for nothing";
                       }
                       known->second = row;
                     }
                     return true;
                   })
            .value();
      }
    }
  }

  /// Law L3 at any moment: what the lane applied is open in it, or moved to the replay log, or in
  /// the tallies of a commit made since; the latter two are in the store in the end. Here: what is
  /// open is never more than was received.
  void check_pending() const {
    for (const auto& [source, events] : driver.lane().pending()) {
      for (const SourceState& state : driver.lane().sources()) {
        if (state.source == source) {
          EXPECT_LE(events, state.received);
        }
      }
    }
  }

  void append(Appended next) {
    gaps.applied(next.record, next.events);
    records.emplace_back();
    if (next.record.header.kind == RecordKind::kGap)
      records.back() = decode_gap_record(next.record.payload).value();
    std::vector<LogAppend> batch;
    batch.push_back(std::move(next.record));
    log.append(Channel::kLive, std::move(batch), [this](Result<std::vector<Position>> done) {
      ASSERT_TRUE(done.has_value());
      positions.push_back(done->front());
    });
  }

  void execute() {
    driver.start().value();
    Workload workload(rng, corrections_);
    for (int appended = 0; appended < 120;) {
      if (rng.chance(0.12)) {
        append(workload.next(model));
        ++appended;
      } else if (crashes_ && rng.chance(0.004)) {
        crash();
      } else if (rng.chance(0.02)) {
        meddle();
      } else {
        random_step();
      }
      if (::testing::Test::HasFailure()) return;
    }
    settle();
    if (crashes_) crash();
    append({advance_record(kLeft, 100 * 24h, Advance::Why::kEnd), {}});
    append({advance_record(kRight, 100 * 24h, Advance::Why::kEnd), {}});
    settle();
  }

  Tallies tallies(SourceId source) { return store.snapshot().value()->tallies(source).value(); }

  // Rows of the page's own window alone: then late events do not need their whole page
  // (page_probe.h).
  const bool page_window_only;
  Rng rng;
  const bool crashes_, corrections_;
  std::deque<Task> tasks;  // commits given to the store
  MemoryLog log;
  MemoryStore below;
  WatchedStore store;
  GapId last_gap = 0;  // outlives crashes, as the pool of numbers does
  const LaneDriverOptions lane_options;
  NaiveGaps gaps;
  std::vector<Position> positions;
  std::vector<std::optional<GapRecord>> records;  // of each, when it is about a gap
  LaneDriver driver;
  NaiveModel model;
  std::map<RowKey, Row> rows;
  Frontier frontier;
  EventTime watermark = kMinEventTime;
  int64_t now = 0;
  uint64_t crashed = 0;
};

void expect_as_modelled(Simulated& run) {
  expect_equal(stored_content(run.store), run.model.content(run.lane_options.rollups));
  expect_digests_agree(run.store, run.lane_options.rollups);
  for (const SourceId source : {kLeft, kRight}) {
    EXPECT_EQ(run.tallies(source).settled(), run.model.received(source));
  }
  for (const auto& [source, events] : run.driver.lane().pending()) EXPECT_EQ(events, 0U);
  for (const SourceState& state : run.driver.lane().sources()) {
    EXPECT_EQ(state.received, run.model.received(state.source));
  }
  std::ranges::sort(run.gaps.holes);
  EXPECT_EQ(holes_in(run.store.coverage()), run.gaps.holes);
  const auto snapshot = run.store.snapshot().value();
  snapshot
      ->marks(kPartition,
              [](const Mark&) {
                ADD_FAILURE() << "a mark is left though every parent is closed";
                return false;
              })
      .value();
  EXPECT_EQ(run.log.read(kPartition, Channel::kReplay, run.driver.drain().read_after(), 1_MiB)
                .value()
                .records.size(),
            0U);
}

TEST(LanePropertyTest, ContentAndAccountsAreThoseOfTheNaiveModel) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulated run(seed, /*crashes=*/false, /*corrections=*/true);
    run.execute();
    expect_as_modelled(run);
    if (HasFailure()) return;
  }
}

TEST(LanePropertyTest, ACrashAtAnyStepChangesNeitherContentNorAccounts) {
  uint64_t crashes = 0, conflicts = 0, spills = 0, drained = 0, holes = 0, told = 0, probed = 0,
           read = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulated run(seed, /*crashes=*/true, /*corrections=*/true);
    run.execute();
    expect_as_modelled(run);
    crashes += run.crashed;
    conflicts += run.driver.counts().conflicts;
    spills += run.driver.counts().spills;
    drained += run.driver.counts().drained;
    holes += run.gaps.holes.size();
    told += run.gaps.records.size();
    if (run.page_window_only) {
      probed += run.driver.counts().pages_probed;
      read += run.driver.counts().pages_read;
    }
    if (HasFailure()) return;
  }
  // The claim is worth something only if all of this happened.
  EXPECT_GT(crashes, 400U);
  EXPECT_GT(conflicts, 20U);
  EXPECT_GT(spills, 500U);
  EXPECT_GT(drained, 1'000U);
  EXPECT_GT(holes, 2'000U);
  EXPECT_GT(told, 1'000U);
  EXPECT_GT(probed, 1'000U);
  EXPECT_GT(read, 1'000U);
}

// Without corrections each identity is aggregated once and every repetition is a duplicate,
// whatever the order: so the tallies are equal to the last event, not only in their sum.
TEST(LanePropertyTest, WithoutCorrectionsEveryTallyIsExact) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulated run(seed, /*crashes=*/true, /*corrections=*/false);
    run.execute();
    expect_as_modelled(run);
    Tallies sum = run.tallies(kLeft);
    sum += run.tallies(kRight);
    EXPECT_EQ(sum.aggregated, run.model.winners().size());
    EXPECT_EQ(sum.superseded, 0U);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace hindcast::test
