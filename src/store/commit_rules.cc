#include "store/commit_rules.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/assert.h"

namespace hindcast {

bool fits(const PageAdd& add, Version stored, bool lost) {
  if (lost) return add.head_lost || add.expected == Version{};
  return !add.head_lost && add.expected == stored;
}

Version version_after(const PageAdd& add) {
  return Version{std::max(add.expected, add.above).value + 1};
}

void add_part(PageHead& head, const PageAdd& add, PartRef place) {
  if (add.head_lost || !head.damage.empty()) head = PageHead{.version = add.expected};
  HC_ASSERT(head.version == add.expected);
  HC_ASSERT(add.folds_parts || (!add.head_lost && add.above == Version{}));
  if (add.folds_parts) head = PageHead{};
  if (add.folds_from > 0) {
    HC_ASSERT(!add.folds_parts && add.folds_from <= head.parts.size());
    HC_ASSERT(add.rows_gone <= head.rows);
    head.parts.resize(add.folds_from);
    head.rows -= add.rows_gone;
  }
  head.key = add.key;
  head.version = version_after(add);
  head.digest += add.digest_change;
  head.live_events += add.live_change;
  head.rows += add.rows;
  head.keys += add.new_keys;
  place.version = head.version;
  head.parts.push_back(place);
}

namespace {

using Group = std::tuple<AggregateId, Duration, PartitionId, uint16_t, Version>;

Group group_of(const Row& row) {
  return {row.at.aggregate, row.at.resolution, row.at.partition, row.at.slot, row.version};
}

size_t size_of(const GapScope& scope) {
  size_t bytes = 0;
  for (const auto& [partition, key] : scope.keys)
    bytes += sizeof partition + sizeof key + key.size();
  return bytes;
}

Change change_of(const Commit& commit, const Row& row) {
  return {.cause = commit.cause,
          .published_at = commit.published_at,
          .kind = Change::Kind::kRows,
          .aggregate = row.at.aggregate,
          .resolution = row.at.resolution,
          .partition = row.at.partition,
          .slot = row.at.slot,
          .version = row.version};
}

}  // namespace

KnownGap known_of(const Gap& gap) {
  return {.stream = gap.stream, .open_ended = gap.range.end == kMaxEventTime, .bound = {}};
}

Result<NewFacts> new_facts(const Commit& commit,
                           const std::function<Result<std::optional<KnownGap>>(GapId)>& stored,
                           KnownGaps& known, uint64_t& last_outcome) {
  NewFacts facts;
  const auto find = [&](GapId id) -> Result<std::optional<KnownGap>*> {
    const auto [at, added] = known.try_emplace(id);
    if (added) {
      HC_TRY_ASSIGN(at->second, stored(id));
    }
    return &at->second;
  };
  for (const Gap& gap : commit.gaps) {
    HC_TRY_ASSIGN(std::optional<KnownGap>* const at, find(gap.id));
    if (*at) continue;
    *at = known_of(gap);
    facts.gaps.push_back(gap);
  }
  for (const GapBound& bound : commit.bounds) {
    HC_TRY_ASSIGN(std::optional<KnownGap>* const at, find(bound.gap));
    if (!*at || !(*at)->open_ended || ((*at)->bound && *(*at)->bound >= bound.end)) continue;
    (*at)->bound = bound.end;
    facts.bounds.push_back(bound);
  }
  for (const GapOutcome& outcome : commit.outcomes) {
    facts.outcomes.push_back(outcome);
    facts.outcomes.back().id = ++last_outcome;
  }
  return facts;
}

std::vector<Change> changes_of(const Commit& commit, const NewFacts& facts, EventTime before,
                               ChangeNumber first) {
  std::vector<Change> changes;
  const auto add = [&](Change::Kind kind) -> Change& {
    changes.push_back({.cause = commit.cause, .published_at = commit.published_at, .kind = kind});
    return changes.back();
  };
  for (const Gap& gap : facts.gaps) add(Change::Kind::kGapOpened).gap = gap;
  for (const GapBound& bound : facts.bounds) add(Change::Kind::kGapBound).bound = bound;
  std::map<Group, size_t> open;  // group → its change that has room
  const Group* last_group = nullptr;
  Group last;
  size_t at = 0;
  for (const Row& row : commit.rows) {
    // Rows come in runs of one group; a rollup's versions differ from row to row.
    const Group group = group_of(row);
    if (last_group == nullptr || group != last) {
      at = open.try_emplace(group, changes.size()).first->second;
      last = group;
      last_group = &last;
    }
    if (at < changes.size() && changes[at].rows.size() == kRowsPerChange) {
      at = open[group] = changes.size();
    }
    if (at == changes.size()) changes.push_back(change_of(commit, row));
    changes[at].rows.emplace_back(row.at.key, row.at.bucket);
  }
  if (commit.checkpoint) {
    if (commit.checkpoint->frontier.window > before) {
      Change& change = add(Change::Kind::kFrontier);
      change.partition = commit.checkpoint->partition;
      change.frontier = commit.checkpoint->frontier.window;
    }
  }
  for (const GapOutcome& outcome : facts.outcomes) add(Change::Kind::kGapClosed).outcome = outcome;
  for (Change& change : changes) {
    change.number = first;
    first.value += 1;
  }
  return changes;
}

std::string_view to_string(Change::Kind kind) {
  switch (kind) {
    case Change::Kind::kRows:
      return "rows";
    case Change::Kind::kFrontier:
      return "frontier";
    case Change::Kind::kGapOpened:
      return "gap-opened";
    case Change::Kind::kGapBound:
      return "gap-bound";
    case Change::Kind::kGapClosed:
      return "gap-closed";
  }
  return "unknown";
}

ByteCount size_of(const Commit& commit) {
  size_t bytes = sizeof commit;
  for (const PageAdd& add : commit.pages) bytes += sizeof add + add.part.size();
  for (const Row& row : commit.rows) bytes += sizeof row + row.at.key.size() + row.state.size();
  for (const Mark& mark : commit.marks) {
    bytes += sizeof mark;
    bytes += mark.keys.size() * sizeof(Bytes);
    for (const Bytes& key : mark.keys) bytes += key.size();
  }
  for (const DeadLetterFact& fact : commit.dead) {
    bytes +=
        sizeof fact + fact.letter.raw.size() + fact.letter.detail.size() + fact.letter.place.size();
  }
  for (const Gap& gap : commit.gaps) bytes += sizeof gap + gap.detail.size() + size_of(gap.scope);
  bytes += commit.bounds.size() * sizeof(GapBound);
  for (const GapOutcome& outcome : commit.outcomes) {
    bytes += sizeof outcome + outcome.detail.size() + size_of(outcome.scope);
    bytes += (outcome.gaps.size() + outcome.leaned_on.size()) * sizeof(GapId);
  }
  for (const SequencePut& count : commit.sequences) {
    bytes += sizeof count + count.key.size() + count.state.runs.size() * sizeof(SequenceRun);
  }
  if (commit.job) bytes += commit.job->done.size() * sizeof(Window);
  return ByteCount{bytes};
}

ByteCount log_bytes_of(const Commit& commit) {
  // Place, version, digest, cause and stamp; and what the change feed says of a row beside its key.
  constexpr size_t kRow = 68, kRowChanged = 12;
  constexpr size_t kHead = 160;  // with the places of some parts
  constexpr size_t kMark = 48;
  size_t bytes = commit.pages.size() * kHead;
  for (const Row& row : commit.rows)
    bytes += kRow + kRowChanged + 2 * row.at.key.size() + row.state.size();
  for (const Mark& mark : commit.marks) {
    bytes += kMark + mark.keys.size();
    for (const Bytes& key : mark.keys) bytes += key.size();
  }
  return ByteCount{bytes};
}

}  // namespace hindcast
