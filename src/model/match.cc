#include "model/match.h"

#include "model/join.h"
#include "model/record_internal.h"

namespace hindcast {
namespace {

/// One key's rows on both sides.
void match_runs(const StreamSchema& schema, const EventBatch& a, KeyRun run_a, const EventBatch& b,
                KeyRun run_b, std::vector<RowMatch>& out) {
  size_t j = run_b.begin;
  for (size_t i = run_a.begin; i < run_a.end; ++i) {
    while (j < run_b.end && compare_identity(schema, b, j, a, i) < 0) ++j;
    for (size_t k = j; k < run_b.end && compare_identity(schema, b, k, a, i) == 0; ++k)
      out.push_back({static_cast<uint32_t>(i), static_cast<uint32_t>(k)});
  }
}

}  // namespace

std::vector<RowMatch> match_rows(const StreamSchema& schema, const EventBatch& a,
                                 const EventBatch& b) {
  std::vector<RowMatch> out;
  const std::vector<KeyRun> runs_b = key_runs(b);
  auto run_b = runs_b.begin();
  for (const KeyRun& run_a : key_runs(a)) {
    const BytesView key = a.keys[run_a.key];
    while (run_b != runs_b.end() && b.keys[run_b->key] < key) ++run_b;
    if (run_b == runs_b.end()) break;
    if (b.keys[run_b->key] == key) match_runs(schema, a, run_a, b, *run_b, out);
  }
  return out;
}

bool equal_records(const StreamSchema& schema, const EventBatch& a, size_t i, const EventBatch& b,
                   size_t j) {
  return a.op_at(i) == b.op_at(j) && equal_content(schema, a, i, b, j);
}

}  // namespace hindcast
