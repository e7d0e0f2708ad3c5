// A stored page as events: the join of its parts. The one place that opens and reads parts for
// merge, replay, query and verification alike.
//
// Pure: values in, values out. What cannot be read is kCorruption, naming file and byte; what is
// left of such a page, lane/remake.h says.
#pragma once
#include <functional>
#include <vector>

#include "model/part.h"
#include "store/store.h"

namespace hindcast {

/// Part `i` of a page, or why it cannot be read.
Result<PartView> open_part(const PageParts& page, size_t i);

/// All records of the page whose keys `wanted` names (null = all), tombstones too: page order,
/// unique. Errors: kCorruption.
Result<EventBatch> read_page(const StreamSchema& schema, const PageParts& page,
                             const std::function<bool(BytesView key)>& wanted = nullptr);

/// Live events and digest of every key: the sums of the parts' directories, no event is decoded.
/// In key order; views into `page`. Errors: kCorruption.
Result<std::vector<KeyChange>> key_totals(const PageParts& page);
/// One entry for each key, in key order: counts and digests of several directories together.
std::vector<KeyChange> sums_by_key(std::vector<KeyChange> all);

/// Where part `i` stands, and what is wrong with it: `why`, unless the store has said it already.
std::string place_of(const PageParts& page, size_t i, const Error& why);

}  // namespace hindcast
