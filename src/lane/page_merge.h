// Buffered events into one page: the step that seal, spill, late path, drain and replay share.
// Decides every event's outcome, makes the part to append and the rows that come of it.
//
// Pure: values in, values out. Whether the result takes effect is decided by compare-and-set on the
// page's version, so a merge against a page that changed meanwhile is simply done again.
#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "lane/live_lane.h"
#include "lane/parent_marks.h"
#include "lane/tally_sheet.h"
#include "store/store.h"

namespace hindcast {

/// What of a page's rows a merge puts.
enum class RowsOf : uint8_t {
  kNone,     // spill: the page is open, its values are folded on demand
  kChanged,  // late, replay: rows whose values, events or digest differ from before
  kAll,      // seal: the page had no rows yet
};

struct MergeContext {
  const StreamSchema& schema;
  const std::vector<LaneAggregate>& aggregates;
  Cause cause;
  ProcessingTime now{};
  /// Repairs: an incoming record that differs from the page's under the same id and revision is
  /// added with this decision and wins. 0 = the usual winner.
  uint64_t decision = 0;
  bool find_unmatched = false;  // fill PageMerge::unmatched
  // Damaged pages (lane/remake.h): what is lost is a gap of this stream, with the next id. Without
  // ids such a page stays as it is.
  StreamId stream{};
  std::function<Result<GapId>()> next_gap = nullptr;
  /// Repairs: make the page anew in any case, with head and rows as its events say. Its reader has
  /// fetched the rows.
  bool remake = false;
};

struct PageMerge {
  std::optional<PageAdd> add;  // none: every event is there already
  std::vector<Row> rows;
  TallySheet tallies;
  /// Keys of the page-window rows put, by aggregate (index into the context's): what the parents'
  /// marks name.
  std::vector<std::vector<Bytes>> changed_keys;
  /// Keys of the incoming events that have live events in the page which the incoming ones do not
  /// name by time and id: how many. In key order.
  std::vector<std::pair<Bytes, uint64_t>> unmatched;
  std::optional<Gap> gap;  // events of the stored page were lost
};

/// `incoming`: as buffered, in order of arrival, with its source column. `page`: the page as
/// stored, nullptr when there is none; a damaged one is made anew of what is left of it. Errors:
/// kCorruption of a stored page, where the context gives no ids of gaps.
Result<PageMerge> merge_page(const MergeContext& context, const PageKey& key,
                             const EventBatch& incoming, const PageParts* page, RowsOf rows_of);

/// Bytes of parts and rows that a merge brings to a commit.
size_t bytes_of(const PageMerge& merge);

/// Puts a merge behind the frontier into a commit: part, rows, and marks. The marks always name
/// keys and are never left to an earlier mark, because what the roller took meanwhile is not known.
void put_behind(const MergeContext& context, const PageKey& key, PageMerge merge, MarkSet& marks,
                Commit& commit);

/// The page anew as one part that replaces all others: same content, next version. Errors:
/// kCorruption.
Result<PageAdd> rewrite_page(const StreamSchema& schema, const PageParts& page);

}  // namespace hindcast
