// Law L5: what is known of gaps, and whether buckets heed it.
#pragma once
#include "base/rng.h"
#include "progress/coverage.h"
#include "sim/failures.h"
#include "sim/stream.h"
#include "store/store.h"

namespace hindcast::sim {

/// Gaps declared, bounded and closed; made from the seed.
CoverageFacts make_gaps(uint32_t partitions, Duration until, Rng& rng);
/// What one gap means for one instant of a key.
enum class InstantState : uint8_t {
  kCovered,  // not in it, or filled
  kClosed,   // not filled, and never will be
  kOpen,
};
InstantState state_at(const CoverageFacts& facts, const Gap& gap, EventTime instant,
                      PartitionId partition, const Bytes& key);
/// No row is final while a gap that is open, instant by instant, intersects it.
void check_coverage(const Snapshot& snapshot, const StreamSchema& schema,
                    const CoverageFacts& facts, Failures& failures);

}  // namespace hindcast::sim
