// What a commit does, apart from where it is kept: the rules that every store shares.
//
// Pure: no thread, clock or file.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "store/store.h"

namespace hindcast {

/// Rows named by one change; a commit with more makes several.
inline constexpr size_t kRowsPerChange = 1'000;

/// Whether `add` was prepared against the page as it stands: at `stored`, or with a head that
/// cannot be read (`lost`). A preparer that saw no page at all (expected 0) fits a lost head too:
/// had there been one in its snapshot, it would have seen it lost.
bool fits(const PageAdd& add, Version stored, bool lost);
/// The page's version once `add` is in.
Version version_after(const PageAdd& add);

/// Makes `head` the head after `add`, whose part is at `place`. Requires: fits().
void add_part(PageHead& head, const PageAdd& add, PartRef place);

/// What a store knows of a gap.
struct KnownGap {
  StreamId stream;
  bool open_ended = false;         // as it was opened: only then do bounds count
  std::optional<EventTime> bound;  // the furthest one
};
KnownGap known_of(const Gap& gap);
/// By id; nullopt = there is no such gap.
using KnownGaps = std::map<GapId, std::optional<KnownGap>>;

/// The facts of coverage that a commit really inserts.
struct NewFacts {
  std::vector<Gap> gaps;
  std::vector<GapBound> bounds;
  std::vector<GapOutcome> outcomes;  // with their ids
};
/// Gaps that are there already go, as do bounds of an unknown gap, of one that was opened with its
/// end, and those no further than the known one. `stored` says what was there before; `known` is
/// what was asked of it and what the commits since have changed. Takes ids of outcomes after
/// `last_outcome`.
Result<NewFacts> new_facts(const Commit& commit,
                           const std::function<Result<std::optional<KnownGap>>(GapId)>& stored,
                           KnownGaps& known, uint64_t& last_outcome);

/// The changes that a commit announces, numbered from `first`: gaps and bounds; then one per
/// (aggregate, resolution, partition, slot, version) in order of first appearance, at most
/// kRowsPerChange rows each; the new frontier where the partition's window moved on; outcomes. So a
/// hole is told before the frontier that passes it, and its filling after the rows that do it.
/// `before`: the window of the stored frontier, kMinEventTime when there is none.
std::vector<Change> changes_of(const Commit& commit, const NewFacts& facts, EventTime before,
                               ChangeNumber first);

/// About the memory that a commit holds: bounds what is written at once.
ByteCount size_of(const Commit& commit);
/// About what a commit of a replay becomes in an embedded store's log, its parts apart: what it is
/// paced by. Less than its memory: a row is half as long there.
ByteCount log_bytes_of(const Commit& commit);

}  // namespace hindcast
