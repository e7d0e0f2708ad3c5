// A store with a live lane before it, and what replays one subwindow into it: for the tests of
// subwindows and of whatever drives them.
#pragma once
#include <algorithm>

#include "lane/lane_test_util.h"
#include "lane/remake.h"
#include "lane/subwindow.h"

namespace hindcast::test {

/// What a subwindow (or a PieceRun) asked its driver for.
struct Asked {
  uint64_t heads = 0, parts = 0, commits = 0, conflicts = 0;
  bool operator==(const Asked&) const = default;
};

/// Answers one need of `run` from the store. False when it needs something else.
template <class Run>
bool answer(Run& run, Store& store, Asked& asked) {
  switch (run.need()) {
    case Run::Need::kHeads: {
      const auto snapshot = store.snapshot().value();
      std::vector<PageHead> heads;
      for (const PageRange& range : run.heads()) {
        ++asked.heads;
        snapshot
            ->heads(range,
                    [&](const PageHead& head) {
                      heads.push_back(head);
                      return true;
                    })
            .value();
      }
      run.give_heads(std::move(heads));
      return true;
    }
    case Run::Need::kParts: {
      const auto snapshot = store.snapshot().value();
      std::vector<PageParts> pages;
      for (const PageRead& read : run.parts())
        pages.push_back(read_for_merge(*snapshot, read, Lane::kReplay, small_schema(),
                                       small_options().lane.aggregates)
                            .value());
      asked.parts += pages.size();
      run.give_parts(std::move(pages), kNow);
      return true;
    }
    case Run::Need::kCommit: {
      Commit commit = run.take_commit();
      commit.id = 1'000 + ++asked.commits;
      store.commit(std::move(commit), [&](Result<CommitResult> result) {
        asked.conflicts += result.value().conflicts.size();
        run.committed(result.value());
      });
      return true;
    }
    default:
      return false;
  }
}

/// Everything before `frontier` is sealed, whatever the lane held.
struct Replayed {
  explicit Replayed(MemoryStoreOptions options = {})
      : store(std::move(options)), driver(small_options(), log, store) {
    driver.start().value();
  }

  void live(const std::vector<Event>& events) {
    for (const Event& e : events) model.add(kLeft, e);
    append(events_record(kLeft, events));
  }
  void advance(Duration to) { append(advance_record(kLeft, to)); }
  void append(LogAppend record) {
    std::vector<LogAppend> batch;
    batch.push_back(std::move(record));
    log.append(Channel::kLive, std::move(batch),
               [](Result<std::vector<Position>> done) { ASSERT_TRUE(done.has_value()); });
    driver.run(kNow).value();
  }

  SubwindowOptions options() const {
    SubwindowOptions out{
        .schema = schema, .aggregates = lane.lane.aggregates, .partitions = partitions};
    const auto checkpoint = store.snapshot().value()->checkpoint(kPartition).value();
    if (checkpoint) out.frontiers[kPartition] = checkpoint->frontier;
    out.range = {at(0s), at(10'000s)};
    out.cause = {Cause::Kind::kReplay, 5};
    return out;
  }
  static std::vector<Window> everything() { return {{kMinEventTime, kMaxEventTime}}; }

  /// Runs a subwindow to its end, and the roller after it.
  ReplayCounts replay(Subwindow& subwindow) {
    asked = {};
    while (answer(subwindow, store, asked)) {
    }
    EXPECT_EQ(subwindow.need(), Subwindow::Need::kDone);
    driver.run(kNow).value();
    shorts = subwindow.shorts();
    return subwindow.counts();
  }
  ReplayCounts replay(const std::vector<Event>& history, SubwindowOptions with,
                      std::vector<Window> whole = everything()) {
    std::vector<EventBatch> batches;
    batches.push_back(batch_of(history));
    Subwindow subwindow(std::move(with), std::move(batches), std::move(whole));
    return replay(subwindow);
  }
  ReplayCounts replay(const std::vector<Event>& history) { return replay(history, options()); }

  void expect_as_modelled() const {
    expect_equal(stored_content(store), model.content());
    expect_digests_agree(store);
  }
  PageKey page(Duration window, const std::string& key) const {
    return {kPartition, at(window), slot_of(key, schema.slots)};
  }

  const StreamSchema schema = small_schema();
  const LaneDriverOptions lane = small_options();
  const std::vector<PartitionId> partitions{kPartition};
  MemoryLog log;
  MemoryStore store;
  LaneDriver driver;
  NaiveModel model;  // of what came live; tests add what a replay should bring
  Asked asked;       // by the last replay
  std::vector<HistoryShort> shorts;
};

inline std::string lines(const std::vector<HistoryShort>& shorts) {
  std::string out;
  for (const HistoryShort& s : shorts)
    out += s.key + " " + to_rfc3339(s.window.start).substr(14, 5) + " " + std::to_string(s.events) +
           "\n";
  return out;
}

}  // namespace hindcast::test
