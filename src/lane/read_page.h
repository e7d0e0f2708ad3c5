// A stored page as events: the join of its parts. The one place that opens and reads parts for
// merge, replay, query and verification alike.
//
// Pure: values in, values out.
#pragma once
#include <functional>
#include <vector>

#include "model/part.h"
#include "store/store.h"

namespace hindcast {

/// All records of the page whose keys `wanted` names (null = all), tombstones too: page order,
/// unique. Errors: kCorruption.
Result<EventBatch> read_page(const StreamSchema& schema, const PageParts& page,
                             const std::function<bool(BytesView key)>& wanted = nullptr);

/// Live events and digest of every key: the sums of the parts' directories, no event is decoded.
/// In key order; views into `page`. Errors: kCorruption.
Result<std::vector<KeyChange>> key_totals(const PageParts& page);

}  // namespace hindcast
