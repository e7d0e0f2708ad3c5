// Comparing records of one batch or of two: page order and the winner rule. Internal to the model.
#pragma once
#include <algorithm>

#include "model/digest.h"
#include "model/event_batch.h"
#include "model/join.h"

namespace hindcast {

/// Three-way comparison by (time, id): the identity of a record within its key.
inline int compare_identity(const StreamSchema& schema, const EventBatch& a, size_t i,
                            const EventBatch& b, size_t j) {
  if (a.time[i] != b.time[j]) return a.time[i] < b.time[j] ? -1 : 1;
  return compare_ids(schema, a, i, b, j);
}

/// Equal order, nulls and values: what duplicates have, found out without hashing.
inline bool equal_content(const StreamSchema& schema, const EventBatch& a, size_t i,
                          const EventBatch& b, size_t j) {
  if (a.order_at(i) != b.order_at(j) || a.nulls_at(i) != b.nulls_at(j)) return false;
  for (size_t f = 0; f < schema.values.size(); ++f) {
    const int64_t x = a.values[f][i], y = b.values[f][j];
    if (a.nulls_at(i) >> f & 1) continue;
    const bool equal = schema.values[f].type == ValueType::kText
                           ? a.texts[static_cast<uint32_t>(x)] == b.texts[static_cast<uint32_t>(y)]
                           : x == y;
    if (!equal) return false;
  }
  return true;
}

/// The winner rule: positive when record i of `a` beats record j of `b`, 0 when they say the same.
/// Both are records of one (key, time, id). Origins do not count.
inline int compare_strength(const StreamSchema& schema, const EventBatch& a, size_t i,
                            const EventBatch& b, size_t j) {
  if (a.revision_at(i) != b.revision_at(j)) return a.revision_at(i) < b.revision_at(j) ? -1 : 1;
  if (a.decision_at(i) != b.decision_at(j)) return a.decision_at(i) < b.decision_at(j) ? -1 : 1;
  if (a.op_at(i) != b.op_at(j)) return a.op_at(i) < b.op_at(j) ? -1 : 1;
  if (equal_content(schema, a, i, b, j)) return 0;
  const Digest x = EventHasher(schema, a).content(i), y = EventHasher(schema, b).content(j);
  return x == y ? 0 : x < y ? -1 : 1;
}

/// Is the origin of the row withdrawn?
inline bool is_withdrawn(const Withdrawn& withdrawn, const EventBatch& batch, size_t row) {
  return !withdrawn.empty() &&
         std::binary_search(withdrawn.begin(), withdrawn.end(), batch.origin_at(row));
}

/// A batch in page order, made of the given rows of another one in page order, ascending.
EventBatch pick_rows(const StreamSchema& schema, const EventBatch& from,
                     const std::vector<uint32_t>& rows);

}  // namespace hindcast
