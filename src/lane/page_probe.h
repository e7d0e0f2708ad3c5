// A few late events meet a page of a million. What has to be known of it to add them is little:
// which records have their key and time, what their keys sum up to, and the rows that stand there.
// So that is all that is read, and a row is brought forward by folding the new events into its
// state instead of folding the page again.
//
//   page ─ probe_page ─► same key and time, sums and rows of the keys ─ merge_probed ─► part, rows
//            │
//            └─ nothing: the page has to be read whole (read_for_merge) and merge_page does it
//
// It is only done where the outcome is that of merge_page to the last bit: where every event that
// is not there yet is new to its page (no correction, no deletion of what is there), where the
// functions may be folded in pieces (sums of doubles may not), and where the row that stands there
// says the same count and digest of its key as the parts' directories.
//
// Parts are not left to pile up either: when many small ones stand behind a large one, the youngest
// are folded into the part that is written anyway (PageAdd::folds_from), each record about as often
// as sizes double. The large part is not touched.
#pragma once
#include <optional>
#include <vector>

#include "lane/page_merge.h"
#include "store/store.h"

namespace hindcast {

/// What probe_page() found; PageParts::probe.
struct PageProbe {
  EventBatch same;  // records with key and time of an event: page order, unique
  struct Key {
    bool known = false;                    // some part names it
    std::vector<std::optional<Row>> rows;  // standing, one per aggregate
  };
  std::vector<Key> keys;  // of the events, in key order
  /// Parts to fold into the new one: those of the head from this index on. 0 = none.
  uint32_t folds_from = 0;
  std::vector<Bytes> tail;
};

/// Reads of the page what adding `events` to it takes. Nothing: it takes the whole page, or the
/// page is damaged. Errors: as PageReader::head().
Result<std::optional<PageParts>> probe_page(const PageReader& snapshot, const PageKey& key,
                                            const EventBatch& events, Lane lane,
                                            const StreamSchema& schema,
                                            const std::vector<LaneAggregate>& aggregates);

/// merge_page(..., RowsOf::kChanged) for a page that was probed for the same events.
/// Errors: kCorruption of a standing row's state.
Result<PageMerge> merge_probed(const MergeContext& context, const PageKey& key,
                               const EventBatch& incoming, const PageParts& page);

/// The first of the youngest parts that are worth folding into one with the next; `sizes`: of all
/// parts, oldest first. 0 = none.
uint32_t fold_tail_from(const std::vector<uint64_t>& sizes);

}  // namespace hindcast
