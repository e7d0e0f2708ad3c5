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

std::vector<Change> changes_of(const Commit& commit, EventTime before, ChangeNumber first) {
  std::vector<Change> changes;
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
      changes.push_back({.cause = commit.cause,
                         .published_at = commit.published_at,
                         .kind = Change::Kind::kFrontier,
                         .partition = commit.checkpoint->partition,
                         .frontier = commit.checkpoint->frontier.window});
    }
  }
  for (Change& change : changes) {
    change.number = first;
    first.value += 1;
  }
  return changes;
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
  return ByteCount{bytes};
}

}  // namespace hindcast
