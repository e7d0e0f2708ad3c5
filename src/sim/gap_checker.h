// Law L5: gaps that an operator declared, and whether buckets heed them.
#pragma once
#include "base/rng.h"
#include "progress/coverage.h"
#include "sim/failures.h"
#include "sim/stream.h"
#include "store/store.h"

namespace hindcast::sim {

/// Gaps declared, bounded and closed; made from the seed.
CoverageFacts make_gaps(uint32_t partitions, Duration until, Rng& rng);
/// No row is final while a gap that is open, instant by instant, intersects it.
void check_coverage(const Snapshot& snapshot, const StreamSchema& schema,
                    const CoverageFacts& facts, Failures& failures);

}  // namespace hindcast::sim
