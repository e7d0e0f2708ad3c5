// Random commits against a model that is too simple to be wrong, with the process dying in between.
// Both stores take the same commits, so they are compared with each other too.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/posix_files.h"
#include "base/rng.h"
#include "base/temp_folder_test_util.h"
#include "store/embedded_store.h"
#include "store/memory_store.h"
#include "store/store_test_data.h"

namespace hindcast {
namespace {

struct Model {
  struct Page {
    uint64_t version = 0;
    int64_t live = 0;
    std::vector<Bytes> parts;
  };
  std::map<PageKey, Page> pages;
  std::map<RowKey, std::vector<Row>> rows;  // all versions, oldest first
  std::vector<std::pair<uint64_t, Mark>> marks;
  std::map<PartitionId, Checkpoint> checkpoints;
  std::map<SourceId, Tallies> tallies;
  std::map<std::pair<SourceId, EventPosition>, DeadLetterFact> dead;
  std::map<GapId, Gap> gaps;
  std::map<GapId, EventTime> bounds;
  std::vector<GapOutcome> outcomes;
  std::map<std::pair<PartitionId, Bytes>, SequenceState> counts;
  std::map<JobId, ReplayJob> jobs;
  uint64_t next_mark = 1, rows_announced = 0, frontiers_announced = 0, facts_announced = 0;

  CommitState apply(const Commit& c) {
    if (c.checkpoint && checkpoints.contains(c.checkpoint->partition) &&
        checkpoints[c.checkpoint->partition].epoch > c.checkpoint->epoch) {
      return CommitState::kFenced;
    }
    for (const PageAdd& add : c.pages) {
      if (pages[add.key].version != add.expected.value) return CommitState::kConflict;
    }
    for (const PageAdd& add : c.pages) {
      Page& page = pages[add.key];
      if (add.folds_parts) page = Page{.version = page.version};
      page.version += 1;
      page.live += add.live_change;
      page.parts.push_back(add.part);
    }
    for (const Row& row : c.rows) rows[row.at].push_back(row);
    for (Mark mark : c.marks) {
      mark.id = next_mark++;
      marks.emplace_back(mark.id, mark);
    }
    for (const uint64_t id : c.marks_done)
      std::erase_if(marks, [&](const auto& m) { return m.first == id; });
    for (const TallyDelta& d : c.tallies) tallies[d.source] += d.tallies;
    for (const DeadLetterFact& f : c.dead) dead[{f.source, f.at}] = f;
    for (const Gap& gap : c.gaps) facts_announced += gaps.emplace(gap.id, gap).second;
    for (const GapBound& bound : c.bounds) {
      if (!gaps.contains(bound.gap) || gaps[bound.gap].range.end != kMaxEventTime) continue;
      const auto [at, added] = bounds.emplace(bound.gap, bound.end);
      facts_announced += added || at->second < bound.end;
      at->second = std::max(at->second, bound.end);
    }
    for (GapOutcome outcome : c.outcomes) {
      outcome.id = outcomes.size() + 1;
      outcomes.push_back(outcome);
      facts_announced += 1;
    }
    for (const SequencePut& count : c.sequences) counts[{count.partition, count.key}] = count.state;
    if (c.job) jobs[c.job->id] = *c.job;
    rows_announced += c.rows.size();
    if (c.checkpoint) {
      Checkpoint& stored = checkpoints[c.checkpoint->partition];
      const EventTime was = stored.epoch.value == 0 ? kMinEventTime : stored.frontier.window;
      frontiers_announced += c.checkpoint->frontier.window > was;
      stored = *c.checkpoint;
    }
    return CommitState::kCommitted;
  }
};

void add_facts(Rng& rng, Commit& c) {
  if (rng.chance(0.2)) {
    const GapId id = 1 + rng.below(10);  // often one that is there
    Gap gap = rng.chance(0.5) ? open_gap_of(id) : gap_of(id);
    gap.stream = StreamId{static_cast<uint32_t>(1 + id % 2)};
    gap.detail = std::to_string(c.id);
    c.gaps.push_back(gap);
  }
  if (rng.chance(0.2))
    c.bounds.push_back({1 + rng.below(10), kTen + static_cast<int>(rng.below(20)) * 1min});
  if (rng.chance(0.2)) {
    c.outcomes.push_back(
        outcome_of({1 + rng.below(10)}, StreamId{static_cast<uint32_t>(1 + rng.below(2))}));
  }
  if (rng.chance(0.2)) {
    c.sequences.push_back({PartitionId{static_cast<uint32_t>(1 + rng.below(2))},
                           Bytes(rng.below(2), 'k'), count_of(static_cast<int64_t>(c.id))});
  }
  if (rng.chance(0.2)) {
    c.job = job_of(1 + rng.below(3));
    c.job->counts.read = c.id;
  }
}

Commit random_commit(Rng& rng, uint64_t id, const Model& model) {
  Commit c{.id = id,
           .lane = rng.chance(0.5) ? Lane::kLive : Lane::kReplay,
           .published_at = kSeen + id * 1s};
  std::set<PageKey> used;
  for (uint64_t i = rng.below(3); i > 0; --i) {
    const PageKey key =
        page_key(kTen + static_cast<int>(rng.below(4)) * 1min, static_cast<uint16_t>(rng.below(2)));
    if (!used.insert(key).second) continue;
    const auto it = model.pages.find(key);
    uint64_t expected = it == model.pages.end() ? 0 : it->second.version;
    if (rng.chance(0.15)) expected += 1;  // stale or early
    PageAdd add =
        page_add(key, expected, Bytes(rng.below(3'000), static_cast<char>('a' + id % 26)));
    add.folds_parts = rng.chance(0.3);
    c.pages.push_back(std::move(add));
  }
  std::set<RowKey> rows;
  for (uint64_t i = rng.below(6); i > 0; --i) {
    const RowKey at =
        row_key(Bytes(1, static_cast<char>('a' + rng.below(4))),
                kTen + static_cast<int>(rng.below(3)) * 1min, static_cast<uint16_t>(rng.below(2)));
    if (!rows.insert(at).second) continue;
    const auto it = model.rows.find(at);
    const uint64_t before = it == model.rows.end() ? 0 : it->second.back().version.value;
    c.rows.push_back(row_of(at, before + 1 + rng.below(2), "state " + std::to_string(id)));
  }
  if (rng.chance(0.5))
    c.marks.push_back(mark_of(kTen + static_cast<int>(rng.below(2)) * 5min, {"a"},
                              static_cast<uint16_t>(rng.below(2))));
  if (rng.chance(0.3) && !model.marks.empty())
    c.marks_done.push_back(model.marks[rng.below(model.marks.size())].first);
  if (rng.chance(0.5))
    c.tallies.push_back({SourceId{static_cast<uint32_t>(rng.below(2))},
                         {.aggregated = rng.below(10), .duplicate = 1}});
  if (rng.chance(0.2))
    c.dead.push_back(dead_letter(1 + rng.below(20), static_cast<uint32_t>(rng.below(2)),
                                 "reason " + std::to_string(id)));
  if (rng.chance(0.4))
    c.checkpoint = checkpoint_of(1 + rng.below(2) + id / 100, id,
                                 kTen + static_cast<int>(rng.below(id + 1)) * 1s);
  add_facts(rng, c);
  return c;
}

void expect_equal_facts(const Model& model, const Snapshot& s) {
  for (const StreamId stream : {StreamId{1}, StreamId{2}}) {
    const CoverageFacts facts = s.coverage(stream).value();
    std::vector<Gap> gaps;
    std::vector<GapBound> bounds;
    std::vector<GapOutcome> outcomes;
    for (const auto& [id, gap] : model.gaps) {
      EXPECT_EQ(s.gap(id).value(), gap);
      if (gap.stream != stream) continue;
      gaps.push_back(gap);
      if (model.bounds.contains(id)) bounds.push_back({id, model.bounds.at(id)});
    }
    for (const GapOutcome& o : model.outcomes) {
      if (o.stream == stream) outcomes.push_back(o);
    }
    EXPECT_EQ(facts.gaps, gaps);
    EXPECT_EQ(facts.bounds, bounds);
    EXPECT_EQ(facts.outcomes, outcomes);
  }
  std::map<std::pair<PartitionId, Bytes>, SequenceState> counts;
  for (const PartitionId partition : {PartitionId{1}, PartitionId{2}}) {
    const auto stored = s.sequences(partition).value();
    for (const auto& [key, state] : stored) counts[{partition, key}] = state;
  }
  EXPECT_EQ(counts, model.counts);
  std::map<JobId, ReplayJob> jobs;
  s.jobs([&](const ReplayJob& job) { return jobs.emplace(job.id, job).second; }).value();
  EXPECT_EQ(jobs, model.jobs);
}

void expect_equal(const Model& model, const Store& store) {
  const auto s = snap(store);
  size_t pages = 0;
  for (const auto& [key, page] : model.pages) {
    const PageParts stored = s->page(key, Lane::kLive).value();
    EXPECT_EQ(stored.head.version.value, page.version);
    EXPECT_EQ(stored.head.live_events, page.live);
    EXPECT_EQ(stored.parts, page.parts);
    pages += page.version > 0;
  }
  EXPECT_EQ(heads_of(*s, {kPartition, {kMinEventTime, kMaxEventTime}}).size(), pages);

  std::vector<Row> newest;
  for (const auto& [at, versions] : model.rows) {
    newest.push_back(versions.back());
    EXPECT_EQ(s->row(at).value(), versions.back());
    const std::vector<Row> old(versions.rbegin() + 1, versions.rend());
    EXPECT_EQ(s->versions(at).value(), old);
  }
  EXPECT_EQ(rows_of(*s, all_rows()), newest);

  std::vector<Mark> marks;
  std::set<std::tuple<EventTime, uint16_t>> pending;
  for (const auto& [id, mark] : model.marks) {
    marks.push_back(mark);
    pending.insert({mark.bucket, mark.slot});
  }
  EXPECT_EQ(marks_of(*s), marks);
  for (const EventTime bucket : {kTen, kTen + 5min}) {
    for (const uint16_t slot : {uint16_t{0}, uint16_t{1}}) {
      EXPECT_EQ(s->mark_pending(kAggregate, 5min, bucket, kPartition, slot).value(),
                pending.contains({bucket, slot}));
    }
  }
  const auto checkpoint = model.checkpoints.find(kPartition);
  EXPECT_EQ(s->checkpoint(kPartition).value(), checkpoint == model.checkpoints.end()
                                                   ? std::nullopt
                                                   : std::optional(checkpoint->second));
  for (const auto& [source, tallies] : model.tallies)
    EXPECT_EQ(s->tallies(source).value(), tallies);
  std::vector<DeadLetterFact> dead;
  for (const auto& [at, fact] : model.dead) dead.push_back(fact);
  EXPECT_EQ(dead_letters_after(*s, {}), dead);

  expect_equal_facts(model, *s);
  uint64_t number = 0, rows = 0, frontiers = 0, facts = 0;
  for (const Change& change : changes_after(*s, 0)) {
    EXPECT_EQ(change.number.value, ++number);
    rows += change.rows.size();
    frontiers += change.kind == Change::Kind::kFrontier;
    facts += change.kind > Change::Kind::kFrontier;
  }
  EXPECT_EQ(s->last_change().value, number);
  EXPECT_EQ(rows, model.rows_announced);
  EXPECT_EQ(frontiers, model.frontiers_announced);
  EXPECT_EQ(facts, model.facts_announced);
}

TEST(StorePropertyTest, EveryStoreIsItsModelWhateverHappensInBetween) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    TempFolder folder;
    PosixFileSystem files;
    const EmbeddedStoreOptions options{
        .dir = folder.path(), .cache = 8_MiB, .part_file_bytes = ByteCount{10'000}};
    auto embedded = EmbeddedStore::open(files, options).value();
    MemoryStore memory;
    Model model;
    uint64_t id = 0;
    for (int round = 0; round < 6; ++round) {
      std::vector<std::pair<CommitState, std::future<Result<CommitResult>>>> answers;
      for (uint64_t n = rng.below(40); n > 0; --n) {
        Commit c = random_commit(rng, ++id, model);
        c.lane = Lane::kLive;  // the model knows one order only
        const CommitState expected = model.apply(c);
        EXPECT_EQ(commit(memory, c).state, expected);
        answers.emplace_back(expected, give(*embedded, std::move(c)));
      }
      for (auto& [expected, answer] : answers) EXPECT_EQ(answer.get().value().state, expected);
      if (rng.chance(0.5)) {
        if (rng.chance(0.5)) embedded->close().value();
        embedded.reset();
        embedded = EmbeddedStore::open(files, options).value();
        memory.crash();
      }
      expect_equal(model, memory);
      expect_equal(model, *embedded);
    }
    EXPECT_GT(model.rows_announced, 50u);
  }
}

}  // namespace
}  // namespace hindcast
