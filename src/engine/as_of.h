// "What was this number an hour ago?": rows as they stood published at an instant.
#pragma once
#include <vector>

#include "engine/level_reader.h"

namespace hindcast {

/// Stored rows of one level, in the version that was the newest at `as_of`; at most about `limit`.
/// What was only folded on the spot then (open buckets) was not published and has no past; versions
/// older than keep.versions are gone. What is missing of them is as known today: outcomes bear no
/// time, and who looks at the past is better off knowing.
Result<std::vector<LevelRow>> rows_as_of(const AggregateEntry& aggregate, const Snapshot& snapshot,
                                         const Coverage& coverage, size_t level,
                                         const LevelScope& scope, ProcessingTime as_of,
                                         size_t limit);

}  // namespace hindcast
