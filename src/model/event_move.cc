// Moving rows between batches, column by column.
#include <algorithm>

#include "base/assert.h"
#include "base/give_way.h"
#include "model/event_batch.h"

namespace hindcast {
namespace {

constexpr uint32_t kUnmapped = UINT32_MAX;

// Numbers of one table's strings in another, looked up on first use. Reused for several
// destinations: `seen_` remembers what to forget, so that the cost follows the rows moved and not
// the table.
class TableMap {
 public:
  /// For `rows` lookups in all. A few rows of a large table are not worth a map of it.
  TableMap(const StringTable& from, size_t rows) : from_(from) {
    if (rows >= from.size() / 16) map_.assign(from.size(), kUnmapped);
  }
  void start(StringTable& to) {
    for (const uint32_t i : seen_) map_[i] = kUnmapped;
    seen_.clear();
    to_ = &to;
  }
  uint32_t operator()(uint32_t i) {
    if (map_.empty()) return to_->intern(from_[i], from_.hash(i));
    if (map_[i] == kUnmapped) {
      map_[i] = to_->intern(from_[i], from_.hash(i));
      seen_.push_back(i);
    }
    return map_[i];
  }

 private:
  const StringTable& from_;
  std::vector<uint32_t> map_;
  std::vector<uint32_t> seen_;
  StringTable* to_ = nullptr;
};

struct RowList {
  const uint32_t* rows;
  size_t size;
  size_t operator[](size_t i) const { return rows[i]; }
};
struct RowRange {
  size_t begin, size;
  size_t operator[](size_t i) const { return begin + i; }
};

// vector::resize alone grows to exactly what is asked; many small appends must stay amortised.
template <class T>
T* grow(std::vector<T>& column, size_t size) {
  if (column.capacity() < size) column.reserve(std::max(size, column.capacity() * 2));
  const size_t old = column.size();
  column.resize(size);
  return column.data() + old;
}

template <class T, class Rows>
void gather(const std::vector<T>& from, const Rows& rows, std::vector<T>& to, size_t old_size) {
  T* out = grow(to, old_size + rows.size);
  for (size_t i = 0; i < rows.size; ++i) out[i] = from[rows[i]];
  give_way(rows.size / 8);  // a column of several
}

template <class T, class Rows>
void gather_optional(const std::vector<T>& from, const Rows& rows, std::vector<T>& to,
                     size_t old_size) {
  if (from.empty()) {
    if (!to.empty()) grow(to, old_size + rows.size);
    return;
  }
  if (to.empty()) to.resize(old_size);
  gather(from, rows, to, old_size);
}

class Mover {
 public:
  /// To move `rows` rows in all.
  Mover(const StreamSchema& schema, const EventBatch& from, size_t rows)
      : schema_(schema), from_(from), keys_(from.keys, rows), texts_(from.texts, rows) {}

  template <class Rows>
  void append(const Rows& rows, EventBatch& to) {
    HC_ASSERT(&to != &from_);
    const size_t old_size = to.size();
    keys_.start(to.keys);
    texts_.start(to.texts);
    gather(from_.time, rows, to.time, old_size);
    uint32_t* key = grow(to.key, old_size + rows.size);
    for (size_t i = 0; i < rows.size; ++i) key[i] = keys_(from_.key[rows[i]]);
    gather_optional(from_.order, rows, to.order, old_size);
    gather_optional(from_.revision, rows, to.revision, old_size);
    gather_optional(from_.decision, rows, to.decision, old_size);
    gather_optional(from_.op, rows, to.op, old_size);
    gather_optional(from_.origin, rows, to.origin, old_size);
    gather_optional(from_.source, rows, to.source, old_size);
    gather_optional(from_.nulls, rows, to.nulls, old_size);
    for (size_t c = 0; c < schema_.id.size(); ++c) {
      if (schema_.id[c] == PartType::kInt) {
        gather(from_.id[c], rows, to.id[c], old_size);
      } else {
        gather_texts(from_.id[c], 0, rows, to.id[c], old_size);
      }
    }
    for (size_t f = 0; f < schema_.values.size(); ++f) {
      if (schema_.values[f].type == ValueType::kText) {
        gather_texts(from_.values[f], uint64_t{1} << f, rows, to.values[f], old_size);
      } else {
        gather(from_.values[f], rows, to.values[f], old_size);
      }
    }
  }

 private:
  template <class Rows>
  void gather_texts(const std::vector<int64_t>& column, uint64_t null_bit, const Rows& rows,
                    std::vector<int64_t>& to, size_t old_size) {
    int64_t* out = grow(to, old_size + rows.size);
    for (size_t i = 0; i < rows.size; ++i) {
      const size_t row = rows[i];
      const bool null = from_.nulls_at(row) & null_bit;
      out[i] = null ? 0 : texts_(static_cast<uint32_t>(column[row]));
    }
  }

  const StreamSchema& schema_;
  const EventBatch& from_;
  TableMap keys_, texts_;
};

}  // namespace

void append_rows(const StreamSchema& schema, const EventBatch& from, std::span<const uint32_t> rows,
                 EventBatch& to) {
  Mover(schema, from, rows.size()).append(RowList{rows.data(), rows.size()}, to);
}

void append_rows(const StreamSchema& schema, const EventBatch& from, size_t begin, size_t end,
                 EventBatch& to) {
  HC_ASSERT(begin <= end && end <= from.size());
  Mover(schema, from, end - begin).append(RowRange{begin, end - begin}, to);
}

void scatter_rows(const StreamSchema& schema, const EventBatch& from,
                  std::span<const uint32_t> target_of_row, std::span<EventBatch* const> targets) {
  HC_ASSERT(target_of_row.size() == from.size());
  // Counting sort of the row numbers by target, then each target is filled a column at a time.
  std::vector<uint32_t> end(targets.size() + 1, 0);
  for (const uint32_t t : target_of_row) {
    if (t == kNoTarget) continue;
    HC_ASSERT(t < targets.size());
    ++end[t + 1];
  }
  for (size_t t = 0; t < targets.size(); ++t) end[t + 1] += end[t];
  std::vector<uint32_t> rows(end.back());
  std::vector<uint32_t> next(end.begin(), end.end() - 1);
  for (size_t i = 0; i < target_of_row.size(); ++i) {
    if (target_of_row[i] != kNoTarget) rows[next[target_of_row[i]]++] = static_cast<uint32_t>(i);
  }
  Mover mover(schema, from, rows.size());
  for (size_t t = 0; t < targets.size(); ++t) {
    if (end[t] == end[t + 1]) continue;
    HC_ASSERT(targets[t] != nullptr);
    mover.append(RowList{rows.data() + end[t], end[t + 1] - end[t]}, *targets[t]);
  }
}

}  // namespace hindcast
