// Buffered events into one page: the step that seal, spill, late path and drain share. Decides
// every event's outcome, makes the part to append and the rows that come of it.
//
// Pure: values in, values out. Whether the result takes effect is decided by compare-and-set on the
// page's version, so a merge against a page that changed meanwhile is simply done again.
#pragma once
#include <optional>
#include <vector>

#include "lane/live_lane.h"
#include "lane/tally_sheet.h"
#include "store/store.h"

namespace hindcast {

/// What of a page's rows a merge puts.
enum class RowsOf : uint8_t {
  kNone,     // spill: the page is open, its values are folded on demand
  kChanged,  // late: rows whose values, events or digest differ from before
  kAll,      // seal: the page had no rows yet
};

struct MergeContext {
  const StreamSchema& schema;
  const std::vector<LaneAggregate>& aggregates;
  Cause cause;
  ProcessingTime now{};
};

struct PageMerge {
  std::optional<PageAdd> add;  // none: every event is there already
  std::vector<Row> rows;
  TallySheet tallies;
  /// Keys of the page-window rows put, by aggregate (index into the context's): what the parents'
  /// marks name.
  std::vector<std::vector<Bytes>> changed_keys;
};

/// `incoming`: as buffered, in order of arrival, with its source column. `page`: the page as
/// stored, nullptr when there is none. Errors: kCorruption of a stored part.
Result<PageMerge> merge_page(const MergeContext& context, const PageKey& key,
                             const EventBatch& incoming, const PageParts* page, RowsOf rows_of);

/// Bytes of parts and rows that a merge brings to a commit.
size_t bytes_of(const PageMerge& merge);

}  // namespace hindcast
