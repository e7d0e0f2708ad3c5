// Damage on the disk holds up nobody: whoever has to add to a page that cannot be read makes it
// anew of what is left of it, in the commit that brings the new events, and says in the same commit
// what is lost (a gap of cause kCorruption), so that no bucket made of it is final before it is
// filled.
//
//   damaged page ─ remains_of ─► what is left, what is lost
//        │                           └─ merge_page: join with the new events, one part for all of
//        it └─ its rows (read_for_merge) ──────────► rows that come out otherwise: a new version
//
// What is lost is a chunk where the part's directory can be read (its keys are named), a part where
// it cannot, the page where its head cannot. docs/decisions/damaged-pages.md says why.
#pragma once
#include <string>
#include <vector>

#include "lane/live_lane.h"
#include "store/store.h"

namespace hindcast {

/// What can still be read of a page.
struct Remains {
  EventBatch rows;                     // page order, unique
  std::vector<std::string> damage;     // places; empty = the page is as it was written
  std::vector<uint32_t> unread_parts;  // by index: those that are not as they were written
  std::vector<Bytes> lost_keys;        // of lost chunks, sorted, each once
  bool more_lost = false;  // a directory or the head is lost too, and nobody knows which keys
  bool lost_events() const { return more_lost || !lost_keys.empty(); }
};
Remains remains_of(const StreamSchema& schema, const PageParts& page);

/// The gap that `remains` leave in `page`: in its keys, or in all of its partition. Id and stamp
/// are left to the caller.
Gap gap_of(const Remains& remains, const StreamSchema& schema, StreamId stream,
           const PageKey& page);

/// A page as a merge wants it: probed for its events, or whole; of a damaged one also the rows that
/// stand on it. Errors: as PageReader::page().
Result<PageParts> read_for_merge(const PageReader& snapshot, const PageRead& read, Lane lane,
                                 const StreamSchema& schema,
                                 const std::vector<LaneAggregate>& aggregates);
/// Fetches PageParts::rows. Rows that cannot be read either are left out.
Status read_rows(const PageReader& snapshot, const StreamSchema& schema,
                 const std::vector<LaneAggregate>& aggregates, PageParts& page);

}  // namespace hindcast
