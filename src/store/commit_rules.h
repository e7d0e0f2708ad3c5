// What a commit does, apart from where it is kept: the rules that every store shares.
//
// Pure: no thread, clock or file.
#pragma once
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

/// The changes that a commit announces, numbered from `first`: one per (aggregate, resolution,
/// partition, slot, version) in order of first appearance, at most kRowsPerChange rows each, then
/// the new frontier where the partition's window moved on. `before`: the window of the stored
/// frontier, kMinEventTime when there is none.
std::vector<Change> changes_of(const Commit& commit, EventTime before, ChangeNumber first);

/// About the memory that a commit holds: bounds what is written at once.
ByteCount size_of(const Commit& commit);

}  // namespace hindcast
