#include "model/part_index.h"

#include <algorithm>
#include <string>

#include "base/hash.h"
#include "model/part_internal.h"

namespace hindcast {
namespace {

using part_internal::damaged;

/// Of rows [begin, end) of a chunk, which are of one key, those with a time of `times`.
template <class F>
void each_at(const std::vector<int64_t>& all, size_t begin, size_t end,
             std::span<const int64_t> times, F&& each) {
  const auto last = all.begin() + static_cast<ptrdiff_t>(end);
  auto from = all.begin() + static_cast<ptrdiff_t>(begin);
  for (size_t i = 0; i < times.size(); ++i) {
    if (i > 0 && times[i] == times[i - 1]) continue;
    const auto [low, high] = std::equal_range(from, last, times[i]);
    if (low != high)
      each(static_cast<size_t>(low - all.begin()), static_cast<size_t>(high - all.begin()));
    from = high;
  }
}

}  // namespace

Result<uint64_t> PartIndex::head_bytes(BytesView beginning) {
  HC_TRY(part_internal::check_prefix(beginning));
  return part_internal::kPrefix + uint64_t{part_internal::head_size(beginning)} + 4;
}

Result<PartIndex> PartIndex::open(BytesView head, uint64_t part_size,
                                  std::span<const Wanted> wanted) {
  HC_TRY_ASSIGN(const uint64_t head_end, head_bytes(head));
  if (head.size() != head_end || head_end > part_size) return damaged("truncated directory");
  const BytesView checked = head.substr(0, head_end - 4);
  if (crc32c(checked) != ByteReader(head.substr(head_end - 4)).u32())
    return damaged("checksum mismatch in the directory");

  PartIndex part;
  part.wanted_ = wanted;
  part.keys_.resize(wanted.size());
  ByteReader in(checked.substr(part_internal::kPrefix));
  part.rows_ = in.varint();
  const uint64_t keys = in.varint(), chunks = in.varint();
  in.signed_varint();                    // live events of the part
  in.bytes(part_internal::kDigestSize);  // and their digest
  uint64_t row = 0;
  size_t next = 0;  // wanted key that may come
  for (uint64_t i = 0; i < keys && in.ok(); ++i) {
    const BytesView key = in.string();
    const uint64_t rows = in.varint();
    const int64_t more = in.signed_varint();
    ByteReader digest(in.bytes(part_internal::kDigestSize));
    while (next < wanted.size() && wanted[next].key < key) ++next;
    if (next < wanted.size() && wanted[next].key == key) {
      Key& found = part.keys_[next];
      found = {.named = true, .count = static_cast<int64_t>(rows) + more, .first_row = row};
      found.rows = rows;
      found.digest.lo = digest.u64();
      found.digest.hi = digest.u64();
    }
    row += rows;
  }
  if (!in.ok() || row != part.rows_) return damaged("malformed directory");

  uint64_t first = 0, offset = head_end;
  size_t at = 0;  // wanted key whose rows may begin or go on here
  for (uint64_t i = 0; i < chunks && in.ok(); ++i) {
    const Chunk chunk{
        .first_row = first, .rows = in.varint(), .offset = offset, .size = in.varint()};
    first += chunk.rows;
    offset += chunk.size;
    while (at < wanted.size() && part.keys_[at].first_row + part.keys_[at].rows <= chunk.first_row)
      ++at;
    size_t with_rows = at;
    while (with_rows < wanted.size() && part.keys_[with_rows].rows == 0) ++with_rows;
    if (with_rows < wanted.size() && part.keys_[with_rows].first_row < first)
      part.chunks_.push_back(chunk);
  }
  if (!in.at_end() || first != part.rows_ || offset != part_size)
    return damaged("header and directory disagree");
  return part;
}

Status PartIndex::read(const StreamSchema& schema, const Chunk& chunk, BytesView bytes,
                       EventBatch& batch) const {
  HC_TRY_ASSIGN(const BytesView encoded, part_internal::checked_chunk(bytes));
  std::vector<int64_t> times;
  HC_TRY(decode_times(schema, encoded, times));
  if (times.size() != chunk.rows) return damaged("a chunk has other rows than listed");
  EventBatch all;
  const uint64_t chunk_end = chunk.first_row + chunk.rows;
  for (size_t k = 0; k < keys_.size(); ++k) {
    const Key& key = keys_[k];
    const uint64_t begin = std::max(key.first_row, chunk.first_row);
    const uint64_t end = std::min(key.first_row + key.rows, chunk_end);
    if (begin >= end) continue;
    Status decoded;
    each_at(times, begin - chunk.first_row, end - chunk.first_row, wanted_[k].times,
            [&](size_t low, size_t high) {
              if (!decoded) return;
              if (all.size() == 0) {
                all.reset(schema);
                decoded = decode_rows(schema, encoded, false, all);
                if (!decoded) return;
                all.key.resize(all.size());
              }
              std::fill(all.key.begin() + static_cast<ptrdiff_t>(low),
                        all.key.begin() + static_cast<ptrdiff_t>(high),
                        all.keys.intern(wanted_[k].key));
              append_rows(schema, all, low, high, batch);
            });
    HC_TRY(decoded);
  }
  return {};
}

}  // namespace hindcast
