// sort_unique: counting sort by key, and within a key only as much sorting as the input needs.
#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#include "base/assert.h"
#include "base/give_way.h"
#include "model/record_internal.h"

namespace hindcast {
namespace {

constexpr uint32_t kUnused = UINT32_MAX;

// The first eight bytes as a number that sorts like them.
uint64_t prefix_of(BytesView s) {
  uint64_t word = 0;
  std::memcpy(&word, s.data(), std::min<size_t>(s.size(), 8));
  return __builtin_bswap64(word);
}

// Ranks of the keys that rows use, by bytes. Equal keys share a rank.
struct KeyOrder {
  std::vector<uint32_t> rank;    // by number in the input's table; kUnused
  std::vector<uint32_t> sorted;  // one number in the input's table per rank
};

KeyOrder order_keys(const EventBatch& rows) {
  KeyOrder out;
  out.rank.assign(rows.keys.size(), kUnused);
  struct Entry {
    uint64_t prefix;
    uint32_t key;
  };
  std::vector<Entry> used;
  for (const uint32_t k : rows.key) {
    if (out.rank[k] != kUnused) continue;
    out.rank[k] = 0;
    used.push_back({prefix_of(rows.keys[k]), k});
  }
  const auto before = [&](const Entry& a, const Entry& b) {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    return rows.keys[a.key] < rows.keys[b.key];
  };
  if (!std::is_sorted(used.begin(), used.end(), before))
    std::sort(used.begin(), used.end(), before);
  for (const Entry& e : used) {
    if (out.sorted.empty() || rows.keys[out.sorted.back()] != rows.keys[e.key]) {
      out.sorted.push_back(e.key);
    }
    out.rank[e.key] = static_cast<uint32_t>(out.sorted.size() - 1);
  }
  return out;
}

// Row numbers of one key, brought into (time, id, origin, row) order.
class RunSorter {
 public:
  RunSorter(const StreamSchema& schema, const EventBatch& rows) : schema_(schema), rows_(rows) {}

  /// Rows come in input order. True when two of them are records of one (time, id, origin).
  bool sort(uint32_t* begin, uint32_t* end) {
    cuts_.clear();
    bool doubles = false;
    for (uint32_t* i = begin; i + 1 < end; ++i) {
      const int c = compare(i[0], i[1]);
      if (c > 0) cuts_.push_back(static_cast<size_t>(i + 1 - begin));
      doubles |= c == 0;
    }
    if (cuts_.empty()) return doubles;
    const auto size = static_cast<size_t>(end - begin);
    if (cuts_.size() <= kPiecesMax || cuts_.size() <= size / 64) {
      merge_pieces(begin, size);
    } else {
      std::sort(begin, end, [&](uint32_t a, uint32_t b) { return before(a, b); });
    }
    for (uint32_t* i = begin; i + 1 < end && !doubles; ++i) doubles = compare(i[0], i[1]) == 0;
    return doubles;
  }

  int compare(uint32_t a, uint32_t b) const {
    const int c = compare_identity(schema_, rows_, a, rows_, b);
    if (c != 0 || rows_.origin.empty()) return c;
    return rows_.origin[a] < rows_.origin[b] ? -1 : rows_.origin[a] > rows_.origin[b];
  }

 private:
  static constexpr size_t kPiecesMax = 8;

  bool before(uint32_t a, uint32_t b) const {
    const int c = compare(a, b);
    return c != 0 ? c < 0 : a < b;
  }

  // Ascending pieces, as the parts of a page or two lines of one feed leave them, merged in pairs.
  void merge_pieces(uint32_t* begin, size_t size) {
    cuts_.insert(cuts_.begin(), 0);
    cuts_.push_back(size);
    const auto less = [&](uint32_t a, uint32_t b) { return before(a, b); };
    while (cuts_.size() > 2) {
      size_t kept = 1;
      for (size_t i = 2; i < cuts_.size(); i += 2) {
        std::inplace_merge(begin + cuts_[i - 2], begin + cuts_[i - 1], begin + cuts_[i], less);
        give_way(cuts_[i] - cuts_[i - 2]);
        cuts_[kept++] = cuts_[i];
      }
      if (cuts_.size() % 2 == 0) cuts_[kept++] = cuts_.back();
      cuts_.resize(kept);
    }
  }

  const StreamSchema& schema_;
  const EventBatch& rows_;
  std::vector<size_t> cuts_;
};

template <class T>
std::vector<T> gather(const std::vector<T>& column, const std::vector<uint32_t>& rows) {
  if (column.empty()) return {};
  std::vector<T> out(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) out[i] = column[rows[i]];
  give_way(rows.size() / 8);  // a column of several
  return out;
}

// All columns but the keys.
EventBatch gather_rows(const EventBatch& from, const std::vector<uint32_t>& rows) {
  EventBatch out;
  out.texts = from.texts;
  out.time = gather(from.time, rows);
  out.order = gather(from.order, rows);
  out.revision = gather(from.revision, rows);
  out.decision = gather(from.decision, rows);
  out.op = gather(from.op, rows);
  out.origin = gather(from.origin, rows);
  out.source = gather(from.source, rows);
  out.nulls = gather(from.nulls, rows);
  for (const auto& column : from.id) out.id.push_back(gather(column, rows));
  for (const auto& column : from.values) out.values.push_back(gather(column, rows));
  return out;
}

}  // namespace

EventBatch sort_unique(const StreamSchema& schema, const EventBatch& rows,
                       std::vector<Outcome>* outcomes) {
  HC_ASSERT(rows.size() < UINT32_MAX);
  if (outcomes) outcomes->assign(rows.size(), Outcome::kAdded);
  const KeyOrder keys = order_keys(rows);

  // Counting sort of row numbers by key; within a key they stay in input order.
  std::vector<uint32_t> end(keys.sorted.size() + 1, 0);
  for (const uint32_t k : rows.key) ++end[keys.rank[k] + 1];
  std::partial_sum(end.begin(), end.end(), end.begin());
  std::vector<uint32_t> next(end.begin(), end.end() - 1), order(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    order[next[keys.rank[rows.key[i]]]++] = static_cast<uint32_t>(i);
  }

  RunSorter sorter(schema, rows);
  std::vector<uint32_t> key_of_row;
  key_of_row.reserve(rows.size());
  size_t kept = 0;
  for (uint32_t rank = 0; rank < keys.sorted.size(); ++rank) {
    uint32_t* const run = order.data() + end[rank];
    const size_t size = end[rank + 1] - end[rank];
    const bool doubles = sorter.sort(run, run + size);
    give_way(size);
    if (!doubles) {
      if (kept != end[rank]) std::copy(run, run + size, order.data() + kept);
      kept += size;
    } else {
      for (size_t i = 0; i < size;) {
        uint32_t winner = run[i];
        size_t j = i + 1;
        for (; j < size && sorter.compare(run[i], run[j]) == 0; ++j) {
          if (compare_strength(schema, rows, run[j], rows, winner) > 0) winner = run[j];
        }
        for (size_t r = i; outcomes && r < j; ++r) {
          if (run[r] == winner) continue;
          const bool equal = compare_strength(schema, rows, run[r], rows, winner) == 0;
          (*outcomes)[run[r]] = equal ? Outcome::kDuplicate : Outcome::kSuperseded;
        }
        order[kept++] = winner;
        i = j;
      }
    }
    key_of_row.resize(kept, rank);
  }
  order.resize(kept);

  EventBatch out = gather_rows(rows, order);
  out.key = std::move(key_of_row);
  for (const uint32_t k : keys.sorted) out.keys.add(rows.keys[k]);
  return out;
}

EventBatch pick_rows(const StreamSchema& schema, const EventBatch& from,
                     const std::vector<uint32_t>& rows) {
  // A small part of a page must not carry all the texts of the page.
  if (rows.size() < from.size() / 2) {
    EventBatch out(schema);
    append_rows(schema, from, rows, out);
    return out;
  }
  EventBatch out = gather_rows(from, rows);
  uint32_t last = kUnused;
  for (const uint32_t row : rows) {
    if (from.key[row] != last) out.keys.add(from.keys[from.key[row]]);
    last = from.key[row];
    out.key.push_back(out.keys.size() - 1);
  }
  return out;
}

}  // namespace hindcast
