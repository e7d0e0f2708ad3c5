#include "lane/key_compare.h"

#include <algorithm>
#include <numeric>

namespace hindcast {
namespace {

struct KeySum {
  uint64_t events = 0;
  Digest digest;
  bool deletes = false, equal = false;
};

/// By number in the batch's table.
std::vector<KeySum> sums_of(const StreamSchema& schema, const EventBatch& batch) {
  std::vector<KeySum> sums(batch.keys.size());
  std::vector<uint64_t> hashes(batch.keys.size());
  for (uint32_t k = 0; k < batch.keys.size(); ++k) hashes[k] = batch.keys.hash(k);
  const EventHasher hasher(schema, batch);
  uint64_t key_hashes[EventHasher::kBlock];
  Digest digests[EventHasher::kBlock];
  for (size_t begin = 0; begin < batch.size(); begin += EventHasher::kBlock) {
    const size_t count = std::min(EventHasher::kBlock, batch.size() - begin);
    for (size_t i = 0; i < count; ++i) key_hashes[i] = hashes[batch.key[begin + i]];
    hasher.block(begin, count, key_hashes, digests);
    for (size_t i = 0; i < count; ++i) {
      KeySum& sum = sums[batch.key[begin + i]];
      ++sum.events;
      sum.digest += digests[i];
      sum.deletes |= batch.op_at(begin + i) == Op::kDelete;
    }
  }
  return sums;
}

}  // namespace

Result<KeyComparison> compare_keys(const StreamSchema& schema, const EventBatch& history,
                                   const PageParts& page) {
  HC_TRY_ASSIGN(const std::vector<KeyChange> stored, key_totals(page));
  std::vector<KeySum> sums = sums_of(schema, history);
  std::vector<uint32_t> by_key(sums.size());
  std::iota(by_key.begin(), by_key.end(), 0U);
  std::ranges::sort(by_key, {}, [&](uint32_t k) { return history.keys[k]; });

  KeyComparison out;
  auto key = by_key.begin();
  for (const KeyChange& here : stored) {
    while (key != by_key.end() && history.keys[*key] < here.key) ++key;
    const bool named = key != by_key.end() && history.keys[*key] == here.key && sums[*key].events;
    if (!named) {
      if (here.count > 0) out.only_here.emplace_back(here.key, static_cast<uint64_t>(here.count));
      continue;
    }
    KeySum& sum = sums[*key];
    sum.equal =
        !sum.deletes && sum.digest == here.digest && static_cast<int64_t>(sum.events) == here.count;
    if (!sum.equal) continue;
    ++out.equal_keys;
    out.equal_events += sum.events;
  }
  for (uint32_t row = 0; row < history.size(); ++row) {
    if (!sums[history.key[row]].equal) out.rows.push_back(row);
  }
  return out;
}

}  // namespace hindcast
