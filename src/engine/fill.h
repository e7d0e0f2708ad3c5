// Rows for empty windows, as exchanges show them: made at read time, never stored.
#pragma once
#include "engine/service.h"

namespace hindcast {

/// Inserts a bucket for every window without one, per key, between the query's range (clamped to
/// the first and last bucket of the answer where it is open). kPrevious: first, last, min, max of a
/// field take the last known last(field), else their own previous value; mean and vwap keep theirs;
/// counts, sums, rates, distinct are 0. kZero: all numbers are 0. A window that ends by `closed` is
/// as final as its neighbours; later ones are open, for their events may still come. Stops at
/// query.limit and sets `truncated`. Requires: buckets sorted by key, then time.
void fill_empty(BucketAnswer& answer, const BucketQuery& query, Duration resolution,
                EventTime closed);

}  // namespace hindcast
