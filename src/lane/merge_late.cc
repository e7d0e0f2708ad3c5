#include "base/assert.h"
#include "lane/live_lane_internal.h"

namespace hindcast {
namespace {

constexpr size_t kLatePagesMax = 64;                 // read and merged per commit
constexpr size_t kSpillBytesMax = size_t{16} << 20;  // of buffers per commit

const PageParts* find(const std::vector<PageParts>& pages, const PageKey& key) {
  const auto found =
      std::ranges::find_if(pages, [&](const PageParts& page) { return page.head.key == key; });
  return found == pages.end() ? nullptr : &*found;
}

}  // namespace

bool LiveLane::Impl::has_late() const {
  if (recovering || failure) return false;
  return replay.can_append() ||
         (!operation && (!late.empty() || !dead.empty() || !facts.empty() || checkpoint_due));
}

Effects LiveLane::Impl::flush_late(ProcessingTime now) {
  Effects effects;
  if (recovering || failure) return effects;
  if (replay.can_append()) effects.to_replay_log = replay.append();
  if (operation) return effects;
  if (late.empty()) {
    if (dead.empty() && facts.empty() && !checkpoint_due) return effects;
    Commit commit = start_commit({Cause::Kind::kLive}, now);
    MarkSet no_marks;
    TallySheet no_outcomes;
    effects.commits.push_back(std::move(finish(commit, no_marks, no_outcomes)));
    return effects;
  }
  Operation merge{.kind = Operation::Kind::kLate};
  merge.late = late.take_pages(flush_from, kLatePagesMax);
  const PageAt last = std::prev(merge.late.end())->first;
  flush_from = {last.first, static_cast<uint16_t>(last.second + 1)};
  for (const auto& [page, events] : merge.late) {
    merge.memory += events.memory();
    merge.reads.push_back({key(page), events.rows()});
  }
  effects.reads = begin(std::move(merge)).reads;
  return effects;
}

Effects LiveLane::Impl::late_read(std::vector<PageParts> pages, ProcessingTime now) {
  const MergeContext merge_context = context(Cause::Kind::kLate, now);
  Commit commit = start_commit(merge_context.cause, now);
  MarkSet mark_set;
  TallySheet outcomes;
  for (const auto& [page, events] : operation->late) {
    const PageParts* stored = find(pages, key(page));
    HC_ASSERT(stored != nullptr);
    Result<PageMerge> merge =
        merge_page(merge_context, key(page), events.rows(), stored, RowsOf::kChanged);
    if (!merge) return fail(std::move(merge).error());
    outcomes += merge->tallies;
    marks.changed(key(page), merge->changed_keys, frontier.window, merge_context.cause, mark_set);
    if (merge->add) commit.pages.push_back(std::move(*merge->add));
    std::ranges::move(merge->rows, std::back_inserter(commit.rows));
    if (merge->gap) commit.gaps.push_back(std::move(*merge->gap));
  }
  operation->carried_tallies = tallies;
  operation->carried_dead = dead;
  operation->carried_facts = facts;
  finish(commit, mark_set, outcomes);
  operation->carried_sequences = commit.sequences;
  operation->state = Operation::State::kCommitting;
  operation->commit = commit.id;
  operation->settled = commit.tallies;
  Effects effects;
  effects.commits.push_back(std::move(commit));
  return effects;
}

/// Someone else (the drain, a replay) changed one of the pages first. Nothing of the commit is
/// there: everything it carried goes back to where it was taken from.
void LiveLane::Impl::late_refused() {
  flush_from = operation->late.begin()->first;
  for (auto& [page, events] : operation->late) late.put_back(std::move(events));
  tallies += operation->carried_tallies;
  dead.insert(dead.begin(), operation->carried_dead.begin(), operation->carried_dead.end());
  for (const TallyDelta& delta : operation->settled)
    pending_of(delta.source) += delta.tallies.settled();
  for (const DeadLetterFact& fact : operation->carried_dead) dead_bytes += memory_of(fact);
  facts.gaps.insert(facts.gaps.begin(), operation->carried_facts.gaps.begin(),
                    operation->carried_facts.gaps.end());
  facts.bounds.insert(facts.bounds.begin(), operation->carried_facts.bounds.begin(),
                      operation->carried_facts.bounds.end());
  counts.refused(operation->carried_sequences);
  checkpoint_due = true;  // what it said of the replay log was not said either
  marks.forget();
  operation.reset();
}

bool LiveLane::Impl::over_memory() const {
  if (!quiet() || in_flight_bytes > memory_max.value / 2) return false;
  if (memory() > memory_max.value) return open.oldest().has_value();
  if (applied_bytes - oldest_bytes <= reread_max.value) return false;
  const std::optional<LogMark> oldest = open.oldest();
  oldest_bytes = oldest ? oldest->bytes : applied_bytes;
  return applied_bytes - oldest_bytes > reread_max.value;
}

Effects LiveLane::Impl::spill(ProcessingTime now) {
  if (!quiet()) return {};
  struct Candidate {
    Position before;
    PageAt page;
    size_t memory;
  };
  std::vector<Candidate> candidates;
  open.each([&](PageAt page, const PageBuffer& buffer) {
    candidates.push_back({buffer.since.before, page, buffer.memory});
  });
  std::ranges::sort(candidates, {}, [](const Candidate& c) { return std::tie(c.before, c.page); });
  Operation spilling{.kind = Operation::Kind::kSpill};
  size_t memory_taken = 0;
  const size_t enough = std::min<size_t>(memory_max.value / 4, kSpillBytesMax);
  for (const Candidate& candidate : candidates) {
    if (memory_taken > 0 && memory_taken + candidate.memory > enough) break;
    memory_taken += candidate.memory;
    spilling.pages.push_back(candidate.page);
    if (open.spilled().contains(candidate.page))
      spilling.reads.push_back({key(candidate.page), {}});
  }
  if (spilling.pages.empty()) return {};
  const bool needs_nothing = spilling.reads.empty();
  Effects effects = begin(std::move(spilling));
  return needs_nothing ? spill_read({}, now) : effects;
}

bool LiveLane::Impl::holds_log() const {
  if (!quiet() || !in_flight.empty()) return false;
  const Position safe = safe_now();
  if (committed_safe < safe) return true;
  const std::optional<LogMark> oldest = open.oldest();
  return oldest && oldest->before <= safe;  // else late events hold it, and a flush releases it
}

Effects LiveLane::Impl::release_log(ProcessingTime now) {
  if (!holds_log()) return {};
  if (committed_safe >= safe_now()) return spill(now);
  Commit commit = start_commit({Cause::Kind::kLive}, now);
  MarkSet no_marks;
  TallySheet no_outcomes;
  Effects effects;
  effects.commits.push_back(std::move(finish(commit, no_marks, no_outcomes)));
  return effects;
}

Effects LiveLane::Impl::spill_read(std::vector<PageParts> pages, ProcessingTime now) {
  const MergeContext merge_context = context(Cause::Kind::kLive, now);
  Operation spilling = std::move(*operation);
  operation.reset();
  Commit commit = start_commit(merge_context.cause, now);
  MarkSet no_marks;
  TallySheet outcomes;
  for (const PageAt& page : spilling.pages) {
    OpenPages::Taken taken = open.take(page);
    Result<PageMerge> merge =
        merge_page(merge_context, key(page), taken.rows, find(pages, key(page)), RowsOf::kNone);
    if (!merge) return fail(std::move(merge).error());
    outcomes += taken.judged;
    outcomes += merge->tallies;
    if (merge->add) commit.pages.push_back(std::move(*merge->add));
    if (merge->gap) commit.gaps.push_back(std::move(*merge->gap));
    open.recycle(std::move(taken.rows));
    open.spilled(page, applied);
  }
  Effects effects;
  effects.commits.push_back(std::move(finish(commit, no_marks, outcomes)));
  return effects;
}

}  // namespace hindcast
