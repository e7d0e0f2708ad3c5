// Joining events: the one merge that seal, spill, late path, replay, rebuild, verify and undo
// share. It is associative, commutative and idempotent, so any order of deliveries converges (law
// L1).
//
// Of the records of one (key, time, id) and origin the winner stays: higher revision; then higher
// decision; then delete over upsert; then higher content hash. The visible record of an id is the
// winner among its origins that are not withdrawn.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "model/event_batch.h"
#include "model/part.h"

namespace hindcast {

/// Origins whose records are to be ignored (undone jobs), sorted.
using Withdrawn = std::vector<uint32_t>;

enum class Outcome : uint8_t {
  kAdded,       // it is (or becomes) the winner of its id
  kDuplicate,   // equal to the winner
  kSuperseded,  // a better record of the id is there
};

/// Sorts rows into page order (key bytes, time, id, origin), removes losers. If `outcomes` is given
/// it gets one entry per input row, in input order: of several equal winners the first is kAdded.
/// Cost: about linear for input that within a key is nearly sorted by time, or made of a few sorted
/// pieces. Keys of the result are numbered in key order, without unused ones.
EventBatch sort_unique(const StreamSchema& schema, const EventBatch& rows,
                       std::vector<Outcome>* outcomes = nullptr);

/// The join of batches that are each in page order and free of doubles.
EventBatch join(const StreamSchema& schema, std::span<const EventBatch* const> parts);

/// What adding `incoming` (page order, unique) to `existing` (page order, unique: the join of the
/// page's parts, at least for the keys of incoming) would do. Move-only: `changes` views `rows`.
struct Addition {
  Addition() = default;
  Addition(Addition&&) = default;
  Addition& operator=(Addition&&) = default;

  EventBatch rows;  // the records to append as a part: winners over what is there; may be empty
  std::vector<Outcome> outcomes;  // per row of incoming
  std::vector<uint32_t> changed;  // keys (index into rows.keys, key order): visible content changes
  std::vector<KeyChange>
      changes;  // directory for encode_part, one per key of rows; views rows.keys
  int64_t live_change = 0;
  Digest digest_change;
};
Addition add(const StreamSchema& schema, const EventBatch& existing, const EventBatch& incoming,
             const Withdrawn& withdrawn);

/// What a part's directory says.
struct PageChanges {
  std::vector<KeyChange> changes;  // in key order; views into the page's keys
  int64_t live_change = 0;
  Digest digest_change;
};
/// The changes of adding `page` (page order, unique) to a page that is empty yet, or of replacing
/// all of it (a part that folds the others): equal to those of add(), without copying a row. The
/// usual seal is encode_part(schema, page, page_changes(schema, page, {}).changes).
PageChanges page_changes(const StreamSchema& schema, const EventBatch& page,
                         const Withdrawn& withdrawn);

/// The visible, live (not deleted) records of `page` (page order): what folds, digests and
/// `hindcast events` see. Giving the page away saves the copy when nothing in it is hidden.
EventBatch visible(const StreamSchema& schema, const EventBatch& page, const Withdrawn& withdrawn);
EventBatch visible(const StreamSchema& schema, EventBatch&& page, const Withdrawn& withdrawn);

/// Rows of one key in a batch in page order: [begin, end).
struct KeyRun {
  uint32_t key;
  size_t begin, end;
};
std::vector<KeyRun> key_runs(const EventBatch& sorted);

}  // namespace hindcast
