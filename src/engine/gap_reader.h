// Gaps, coverage and replay jobs as people ask for them: what follows from the facts of one
// snapshot.
//
// Pure over the snapshot. Thread safety: any thread.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "engine/catalog.h"
#include "engine/service.h"

namespace hindcast {

/// Newest first. Errors: kNotFound (a source or stream that is none).
Result<std::vector<GapEntry>> read_gaps(const Snapshot& snapshot, const Catalog& catalog,
                                        const GapQuery& query);

/// Of the stream of a source, or of a stream. Its spans are of what some partition or key misses:
/// one missing key makes the time a gap. Errors: kNotFound, kInvalidArgument (an empty range).
Result<CoverageAnswer> read_coverage(const Snapshot& snapshot, const Catalog& catalog,
                                     const std::string& name, std::optional<EventTime> from,
                                     std::optional<EventTime> to);

/// Whether the history of a source may have what a gap of its stream lacks. The log never had what
/// did not come.
bool may_refill(const SourceConfig& source, const Gap& gap);

/// What the record of a job says by itself; its speed and what it waits for are the running
/// engine's to add.
ReplayEntry entry_of(const ReplayJob& job, const Catalog& catalog);

}  // namespace hindcast
