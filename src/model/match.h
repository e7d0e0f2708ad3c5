// Which records of two batches speak of the same event, and whether they say the same: what a
// comparison with history asks, where the join (model/join.h) only wants the winner.
#pragma once
#include <cstdint>
#include <vector>

#include "model/event_batch.h"

namespace hindcast {

struct RowMatch {
  uint32_t a, b;  // rows
};
/// Rows with equal key, time and id, ascending. Both batches in page order and unique; of several
/// origins of one id each is matched.
std::vector<RowMatch> match_rows(const StreamSchema& schema, const EventBatch& a,
                                 const EventBatch& b);

/// Equal operation, order, nulls and values. Revision, decision, origin and source do not count.
bool equal_records(const StreamSchema& schema, const EventBatch& a, size_t i, const EventBatch& b,
                   size_t j);

}  // namespace hindcast
