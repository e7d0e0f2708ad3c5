// History's events of one page against what the page holds, key by key, by the sums in the
// directories of its parts: no stored event is decoded.
//
// Pure: values in, values out.
#pragma once
#include <vector>

#include "lane/read_page.h"

namespace hindcast {

struct KeyComparison {
  uint64_t equal_keys = 0, equal_events = 0;  // history says just what the page does
  /// Rows of history whose key differs, ascending: they have to be merged.
  std::vector<uint32_t> rows;
  /// Keys with live events in the page and none in history: how many. In key order.
  std::vector<std::pair<Bytes, uint64_t>> only_here;
};

/// Keys of which history has a delete differ always: a digest does not see tombstones. Errors:
/// kCorruption of a stored part.
Result<KeyComparison> compare_keys(const StreamSchema& schema, const EventBatch& history,
                                   const PageParts& page);

}  // namespace hindcast
