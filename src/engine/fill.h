// Rows for empty windows, as exchanges show them: made at read time, never stored.
#pragma once
#include <functional>

#include "engine/service.h"

namespace hindcast {

/// Inserts a bucket for every window without one, per key, between the query's range (clamped to
/// the first and last bucket of the answer where it is open). kPrevious: first, last, min, max of a
/// field take the last known last(field), else their own previous value; mean and vwap keep theirs;
/// counts, sums, rates, distinct are 0. kZero: all numbers are 0. `standing` says the state of an
/// empty window of the key that `beside`, a bucket of the answer, has. Stops at query.limit and
/// sets `truncated`. Requires: buckets sorted by key, then time.
using StandingFn = std::function<BucketStanding(const Bucket& beside, const Window& window)>;
void fill_empty(BucketAnswer& answer, const BucketQuery& query, Duration resolution,
                const StandingFn& standing);

}  // namespace hindcast
