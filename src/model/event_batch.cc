#include "model/event_batch.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"

namespace hindcast {
namespace {

template <class T>
size_t bytes_of(const std::vector<T>& column) {
  return column.capacity() * sizeof(T);
}

// An optional column of a batch that just grew to `size` rows: it stays absent while all are zero.
template <class T>
void push_optional(std::vector<T>& column, T value, size_t size) {
  if (column.empty()) {
    if (value == T{}) return;
    column.resize(size - 1);
  }
  column.push_back(value);
}

}  // namespace

uint32_t StringTable::add(BytesView s) {
  HC_ASSERT(bytes_.size() + s.size() <= std::numeric_limits<uint32_t>::max());
  bytes_.insert(bytes_.end(), s.begin(), s.end());
  ends_.push_back(static_cast<uint32_t>(bytes_.size()));
  return static_cast<uint32_t>(ends_.size() - 1);
}

// Brings the index up to date with what add() appended, growing it so that it stays at most half
// full.
void StringTable::index_pending() {
  if (slots_.size() < 2 * (ends_.size() + 1)) {
    size_t capacity = std::max<size_t>(slots_.size(), 16);
    while (capacity < 2 * (ends_.size() + 1)) capacity *= 2;
    slots_.assign(capacity, 0);
    const size_t mask = slots_.size() - 1;
    for (size_t i = 0; i < hashes_.size(); ++i) {
      size_t at = hashes_[i] & mask;
      while (slots_[at] != 0) at = (at + 1) & mask;
      slots_[at] = static_cast<uint32_t>(i + 1);
    }
  }
  const size_t mask = slots_.size() - 1;
  while (hashes_.size() < ends_.size()) {
    const auto i = static_cast<uint32_t>(hashes_.size());
    const uint64_t hash = hash64((*this)[i]);
    size_t at = hash & mask;
    while (slots_[at] != 0) at = (at + 1) & mask;
    slots_[at] = i + 1;
    hashes_.push_back(hash);
  }
}

uint32_t StringTable::intern(BytesView s, uint64_t hash) {
  if (hashes_.size() < ends_.size() || slots_.size() < 2 * (ends_.size() + 1)) index_pending();
  const size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  for (; slots_[at] != 0; at = (at + 1) & mask) {
    const uint32_t i = slots_[at] - 1;
    if (hashes_[i] == hash && (*this)[i] == s) return i;
  }
  const uint32_t i = add(s);
  slots_[at] = i + 1;
  hashes_.push_back(hash);
  return i;
}

size_t StringTable::memory() const {
  return bytes_.capacity() + bytes_of(ends_) + bytes_of(slots_) + bytes_of(hashes_);
}

void StringTable::clear() {
  if (ends_.empty()) return;
  bytes_.clear();
  ends_.clear();
  if (!hashes_.empty()) std::fill(slots_.begin(), slots_.end(), 0);
  hashes_.clear();
}

void EventBatch::reset(const StreamSchema& schema) {
  HC_ASSERT(schema.values.size() <= 64);
  keys.clear();
  texts.clear();
  key.clear();
  time.clear();
  order.clear();
  revision.clear();
  decision.clear();
  op.clear();
  origin.clear();
  source.clear();
  nulls.clear();
  id.resize(schema.id.size());
  for (auto& column : id) column.clear();
  values.resize(schema.values.size());
  for (auto& column : values) column.clear();
}

void EventBatch::append_row(const StreamSchema& schema, const EventBatch& from, size_t row,
                            uint32_t key_index) {
  const auto cell = [&](const std::vector<int64_t>& column, bool is_text) {
    if (!is_text) return column[row];
    return static_cast<int64_t>(texts.intern(from.texts[static_cast<uint32_t>(column[row])],
                                             from.texts.hash(static_cast<uint32_t>(column[row]))));
  };
  key.push_back(key_index);
  time.push_back(from.time[row]);
  const size_t n = size();
  push_optional(order, from.order_at(row), n);
  push_optional(revision, from.revision_at(row), n);
  push_optional(decision, from.decision_at(row), n);
  push_optional(op, static_cast<uint8_t>(from.op_at(row)), n);
  push_optional(origin, from.origin_at(row), n);
  push_optional(source, from.source.empty() ? 0 : from.source[row], n);
  push_optional(nulls, from.nulls_at(row), n);
  for (size_t c = 0; c < id.size(); ++c) {
    id[c].push_back(cell(from.id[c], schema.id[c] == PartType::kText));
  }
  for (size_t f = 0; f < values.size(); ++f) {
    // The cell of a null is 0 and refers to no text.
    const bool null = from.nulls_at(row) >> f & 1;
    values[f].push_back(null ? 0 : cell(from.values[f], schema.values[f].type == ValueType::kText));
  }
}

size_t EventBatch::memory() const {
  size_t total = keys.memory() + texts.memory() + bytes_of(key) + bytes_of(time) + bytes_of(order) +
                 bytes_of(revision) + bytes_of(decision) + bytes_of(op) + bytes_of(origin) +
                 bytes_of(source) + bytes_of(nulls);
  for (const auto& column : id) total += bytes_of(column);
  for (const auto& column : values) total += bytes_of(column);
  return total;
}

int compare_ids(const StreamSchema& schema, const EventBatch& a, size_t i, const EventBatch& b,
                size_t j) {
  for (size_t c = 0; c < schema.id.size(); ++c) {
    const int64_t x = a.id[c][i], y = b.id[c][j];
    if (schema.id[c] == PartType::kInt) {
      if (x != y) return x < y ? -1 : 1;
    } else if (&a != &b || x != y) {
      const int order =
          a.texts[static_cast<uint32_t>(x)].compare(b.texts[static_cast<uint32_t>(y)]);
      if (order != 0) return order < 0 ? -1 : 1;
    }
  }
  return 0;
}

}  // namespace hindcast
