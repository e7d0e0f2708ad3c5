// Events in columns: what travels from the parser through the log to the page, a few thousand at a
// time. Rows are events; every column is a flat vector of integers, so encoding, decoding, sorting
// and folding are loops over plain arrays and nothing is allocated per event.
//
// A cell of a text column is an index into `texts`; a row's key is an index into `keys`. Columns
// marked (optional) are either empty, which means zero for every row, or as long as the batch.
//
// A value: copyable, no thread rule.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/time.h"
#include "model/schema.h"

namespace hindcast {

/// Distinct byte strings numbered 0, 1, 2 … in order of first appearance.
class StringTable {
 public:
  /// The number of `s`, adding it if new. Amortised O(1).
  uint32_t intern(BytesView s) { return intern(s, hash64(s)); }
  /// The same when hash64(s) is known, for instance from another table.
  uint32_t intern(BytesView s, uint64_t hash);
  /// Adds without looking for an equal one (used when a decoder knows that they are distinct, or
  /// for one-off texts).
  uint32_t add(BytesView s);
  BytesView operator[](uint32_t i) const {
    const uint32_t begin = i == 0 ? 0 : ends_[i - 1];
    return {bytes_.data() + begin, ends_[i] - begin};
  }
  uint32_t size() const { return static_cast<uint32_t>(ends_.size()); }
  /// hash64 of the bytes; stored if intern() has seen them.
  uint64_t hash(uint32_t i) const { return i < hashes_.size() ? hashes_[i] : hash64((*this)[i]); }
  size_t memory() const;
  /// Empties it, keeping capacity.
  void clear();

 private:
  void index_pending();
  std::vector<char> bytes_;  // not a string: views stay valid when the table is moved
  std::vector<uint32_t> ends_;
  std::vector<uint32_t> slots_;  // open addressing over hashes_; 0 = empty, else index + 1
  std::vector<uint64_t>
      hashes_;  // of what is in slots_; add() leaves it behind ends_, intern() catches up
};

enum class Op : uint8_t { kUpsert = 0, kDelete = 1 };

struct EventBatch {
  EventBatch() = default;
  explicit EventBatch(const StreamSchema& schema) { reset(schema); }

  StringTable keys;   // canonical key bytes (model/key.h)
  StringTable texts;  // what text cells refer to
  std::vector<uint32_t> key;
  std::vector<int64_t> time;      // event time, Unix nanoseconds
  std::vector<int64_t> order;     // (optional) breaks ties of one instant before the id does
  std::vector<int64_t> revision;  // (optional)
  std::vector<int64_t>
      decision;             // (optional) number of the authoritative job that decided; 0 otherwise
  std::vector<uint8_t> op;  // (optional) Op
  std::vector<uint32_t>
      origin;  // (optional) undoable job that brought the record; 0 = live, late or settled
  std::vector<uint32_t> source;  // (optional) SourceId; bookkeeping of the lane, never encoded
  std::vector<uint64_t> nulls;   // (optional) bit f set: value f is null (its cell is 0)
  std::vector<std::vector<int64_t>> id;  // [component][row]
  std::vector<std::vector<int64_t>>
      values;  // [field][row]: scaled decimal, bits of a double, or text index

  size_t size() const { return time.size(); }
  bool empty() const { return time.empty(); }
  /// Empties it, keeping capacity, and shapes the columns for `schema`.
  void reset(const StreamSchema& schema);
  /// Appends row `row` of `from` (same schema). `key_index` is its key in this batch's table.
  void append_row(const StreamSchema& schema, const EventBatch& from, size_t row,
                  uint32_t key_index);
  /// Makes an optional column real (all zero so far), so that a row can set it.
  template <class T>
  void widen(std::vector<T>& column) const {
    if (column.empty()) column.resize(size());
  }
  size_t memory() const;

  int64_t order_at(size_t i) const { return order.empty() ? 0 : order[i]; }
  int64_t revision_at(size_t i) const { return revision.empty() ? 0 : revision[i]; }
  int64_t decision_at(size_t i) const { return decision.empty() ? 0 : decision[i]; }
  Op op_at(size_t i) const { return op.empty() ? Op::kUpsert : static_cast<Op>(op[i]); }
  uint32_t origin_at(size_t i) const { return origin.empty() ? 0 : origin[i]; }
  uint64_t nulls_at(size_t i) const { return nulls.empty() ? 0 : nulls[i]; }
};

/// Appends rows of `from` to `to` (same schema), column by column: about 1 ns per cell, where
/// append_row costs a walk over all columns for each row. Keys and texts are interned into `to`.
/// `rows` may repeat and be in any order.
void append_rows(const StreamSchema& schema, const EventBatch& from, std::span<const uint32_t> rows,
                 EventBatch& to);
void append_rows(const StreamSchema& schema, const EventBatch& from, size_t begin, size_t end,
                 EventBatch& to);

/// Deals the rows of `from` out: row i goes to the end of *targets[target_of_row[i]], or nowhere
/// when that is kNoTarget. Rows keep their order within a target. Targets are distinct batches of
/// the same schema; those that get no row may be null. This is how a decoded log record reaches the
/// open pages: one call per record, any number of pages.
inline constexpr uint32_t kNoTarget = UINT32_MAX;
void scatter_rows(const StreamSchema& schema, const EventBatch& from,
                  std::span<const uint32_t> target_of_row, std::span<EventBatch* const> targets);

/// Three-way comparison of two rows by id, components in turn, integers numeric and text bytewise.
int compare_ids(const StreamSchema& schema, const EventBatch& a, size_t i, const EventBatch& b,
                size_t j);

/// Column codec shared by log records and page chunks (docs/formats/events.md): delta, varint,
/// constant or dictionary per column, self-checking lengths. Rows [begin, end) of `batch`;
/// with_keys writes the key column and its dictionary too.
void encode_rows(const StreamSchema& schema, const EventBatch& batch, size_t begin, size_t end,
                 bool with_keys, Bytes& out);
/// Appends the decoded rows to `batch`. Without keys (with_keys = false) key indexes are left to
/// the caller, who has sized nothing: `batch.key` is not touched. Errors: kCorruption; `batch` is
/// then unchanged in size or reset by the caller.
Status decode_rows(const StreamSchema& schema, BytesView bytes, bool with_keys, EventBatch& batch);
/// The times alone, of rows that were encoded without keys. Errors: kCorruption.
Status decode_times(const StreamSchema& schema, BytesView bytes, std::vector<int64_t>& times);

}  // namespace hindcast
