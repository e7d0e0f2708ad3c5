#include "model/part.h"

#include <algorithm>
#include <string>

#include "base/assert.h"
#include "base/hash.h"
#include "model/join.h"
#include "model/part_internal.h"

namespace hindcast {
namespace {

using part_internal::damaged;
using part_internal::kMagic;
using part_internal::kPrefix;
using part_internal::kVersion;
using part_internal::read_u32;

constexpr size_t kChunkBytesMax = 64 * 1024;
constexpr size_t kChunkRows = 4096;
// Least bytes of an entry in the head, to bound counts before anything is allocated.
constexpr size_t kKeyEntryMin = 1 + 1 + 1 + 16;
constexpr size_t kChunkEntryMin = 2;

struct EncodedChunk {
  size_t rows;
  size_t size;
};

// Rows [begin, end) as chunks, halved until each is small enough.
void encode_chunks(const StreamSchema& schema, const EventBatch& rows, size_t begin, size_t end,
                   Bytes& out, std::vector<EncodedChunk>& chunks) {
  const size_t start = out.size();
  encode_rows(schema, rows, begin, end, false, out);
  if (out.size() - start > kChunkBytesMax - 4 && end - begin > 1) {
    out.resize(start);
    const size_t middle = begin + (end - begin) / 2;
    encode_chunks(schema, rows, begin, middle, out, chunks);
    encode_chunks(schema, rows, middle, end, out, chunks);
    return;
  }
  put_u32(out, crc32c(BytesView(out).substr(start)));
  chunks.push_back({end - begin, out.size() - start});
}

}  // namespace

Bytes encode_part(const StreamSchema& schema, const EventBatch& rows,
                  std::span<const KeyChange> changes) {
  Bytes chunk_bytes;
  std::vector<EncodedChunk> chunks;
  for (size_t begin = 0; begin < rows.size(); begin += kChunkRows) {
    encode_chunks(schema, rows, begin, std::min(begin + kChunkRows, rows.size()), chunk_bytes,
                  chunks);
  }

  KeyChange total;
  for (const KeyChange& change : changes) {
    total.count += change.count;
    total.digest += change.digest;
  }
  Bytes head;
  head.reserve(64 + changes.size() * 32 + chunks.size() * 8);
  put_varint(head, rows.size());
  put_varint(head, changes.size());
  put_varint(head, chunks.size());
  put_signed(head, total.count);
  put_u64(head, total.digest.lo);
  put_u64(head, total.digest.hi);
  const std::vector<KeyRun> runs = key_runs(rows);
  auto run = runs.begin();
  for (size_t i = 0; i < changes.size(); ++i) {
    const KeyChange& change = changes[i];
    HC_ASSERT(i == 0 || changes[i - 1].key < change.key);
    size_t key_rows = 0;
    if (run != runs.end() && rows.keys[run->key] == change.key) {
      key_rows = run->end - run->begin;
      ++run;
    }
    put_string(head, change.key);
    put_varint(head, key_rows);
    put_signed(head, change.count - static_cast<int64_t>(key_rows));  // as a rule 0
    put_u64(head, change.digest.lo);
    put_u64(head, change.digest.hi);
  }
  HC_ASSERT(run == runs.end());  // rows in page order, and every key of theirs named
  for (const EncodedChunk& chunk : chunks) {
    put_varint(head, chunk.rows);
    put_varint(head, chunk.size);
  }

  Bytes out;
  out.reserve(kPrefix + head.size() + 4 + chunk_bytes.size());
  out.append(kMagic);
  put_u8(out, kVersion);
  put_u32(out, static_cast<uint32_t>(head.size()));
  out.append(head);
  put_u32(out, crc32c(out));
  out.append(chunk_bytes);
  return out;
}

Result<PartView> PartView::open(BytesView bytes) {
  HC_TRY(part_internal::check_prefix(bytes));
  const uint64_t head_size = part_internal::head_size(bytes);
  if (bytes.size() < kPrefix + 4 || head_size > bytes.size() - kPrefix - 4)
    return damaged("truncated directory");
  if (crc32c(bytes.substr(0, kPrefix + head_size)) != read_u32(bytes, kPrefix + head_size)) {
    return damaged("checksum mismatch in the directory");
  }

  PartView part;
  ByteReader head(bytes.substr(kPrefix, head_size));
  part.rows_ = head.varint();
  const uint64_t keys = head.varint(), chunks = head.varint();
  part.live_ = head.signed_varint();
  part.digest_.lo = head.u64();
  part.digest_.hi = head.u64();
  if (!head.ok() || keys > head.remaining() / kKeyEntryMin ||
      chunks > head.remaining() / kChunkEntryMin) {
    return damaged("malformed header");
  }
  part.directory_.reserve(keys);
  part.key_rows_.reserve(keys);
  uint64_t rows_of_keys = 0;
  KeyChange total;
  for (uint64_t i = 0; i < keys; ++i) {
    KeyChange change;
    change.key = head.string();
    const uint64_t rows = head.varint();
    change.count = static_cast<int64_t>(static_cast<uint64_t>(head.signed_varint()) + rows);
    change.digest.lo = head.u64();
    change.digest.hi = head.u64();
    const bool ordered = i == 0 || part.directory_.back().key < change.key;
    if (!head.ok() || !ordered || rows > part.rows_ - rows_of_keys || rows > UINT32_MAX) {
      return damaged("malformed directory");
    }
    rows_of_keys += rows;
    total.count = static_cast<int64_t>(static_cast<uint64_t>(total.count) +
                                       static_cast<uint64_t>(change.count));
    total.digest += change.digest;
    part.directory_.push_back(change);
    part.key_rows_.push_back(static_cast<uint32_t>(rows));
  }
  uint64_t rows_of_chunks = 0;
  size_t at = kPrefix + head_size + 4;
  part.chunks_.reserve(chunks);
  for (uint64_t i = 0; i < chunks; ++i) {
    const uint64_t rows = head.varint(), size = head.varint();
    if (!head.ok() || rows > part.rows_ - rows_of_chunks || rows > UINT32_MAX || size < 4 ||
        size > bytes.size() - at) {
      return damaged("malformed list of chunks");
    }
    part.chunks_.push_back({static_cast<uint32_t>(rows), bytes.substr(at, size)});
    rows_of_chunks += rows;
    at += size;
  }
  if (!head.at_end() || at != bytes.size() || rows_of_keys != part.rows_ ||
      rows_of_chunks != part.rows_ || total.count != part.live_ || total.digest != part.digest_) {
    return damaged("header and directory disagree");
  }
  return part;
}

Status PartView::each_chunk(
    const std::function<Status(const Chunk&, const std::vector<Segment>&)>& each) const {
  std::vector<Segment> segments;
  size_t key = 0, key_rows_read = 0;
  for (const Chunk& chunk : chunks_) {
    // open() has checked that keys and chunks hold equally many rows.
    segments.clear();
    for (size_t left = chunk.rows; left > 0;) {
      const size_t rows = std::min<size_t>(left, key_rows_[key] - key_rows_read);
      if (rows > 0) segments.push_back({key, rows});
      left -= rows;
      key_rows_read += rows;
      if (key_rows_read == key_rows_[key]) ++key, key_rows_read = 0;
    }
    HC_TRY(each(chunk, segments));
  }
  return {};
}

Status PartView::decode(const StreamSchema& schema, const Chunk& chunk, EventBatch& batch) {
  HC_TRY_ASSIGN(const BytesView rows, part_internal::checked_chunk(chunk.bytes));
  const size_t old_size = batch.size();
  HC_TRY(decode_rows(schema, rows, false, batch));
  if (batch.size() - old_size != chunk.rows) return damaged("a chunk has other rows than listed");
  return {};
}

Status PartView::read(const StreamSchema& schema, const std::function<bool(BytesView key)>& wanted,
                      EventBatch& batch) const {
  std::vector<bool> want(directory_.size());
  for (size_t k = 0; k < want.size(); ++k) want[k] = !wanted || wanted(directory_[k].key);

  EventBatch scratch;
  return each_chunk([&](const Chunk& chunk, const std::vector<Segment>& segments) -> Status {
    bool any = false, all = true;
    for (const Segment& segment : segments) {
      any |= want[segment.key];
      all &= want[segment.key];
    }
    if (!any) return {};
    EventBatch& to = all ? batch : scratch;
    if (!all) scratch.reset(schema);
    HC_TRY(decode(schema, chunk, to));
    to.key.reserve(to.size());
    for (const Segment& segment : segments) {
      const uint32_t number = to.keys.intern(directory_[segment.key].key);
      to.key.resize(to.key.size() + segment.rows, number);
    }
    if (all) return {};
    size_t begin = 0;
    for (const Segment& segment : segments) {
      if (want[segment.key]) append_rows(schema, scratch, begin, begin + segment.rows, batch);
      begin += segment.rows;
    }
    return {};
  });
}

PartView::Lost PartView::salvage(const StreamSchema& schema, EventBatch& batch) const {
  Lost lost;
  EventBatch scratch;
  const Status read =
      each_chunk([&](const Chunk& chunk, const std::vector<Segment>& segments) -> Status {
        scratch.reset(schema);  // decoding that fails may leave anything in it
        if (decode(schema, chunk, scratch)) {
          for (const Segment& segment : segments) {
            const uint32_t number = scratch.keys.intern(directory_[segment.key].key);
            scratch.key.resize(scratch.key.size() + segment.rows, number);
          }
          append_rows(schema, scratch, 0, scratch.size(), batch);
          return {};
        }
        lost.rows += chunk.rows;
        for (const Segment& segment : segments) {
          const BytesView key = directory_[segment.key].key;
          if (lost.keys.empty() || lost.keys.back() != key) lost.keys.push_back(key);
        }
        return {};
      });
  HC_ASSERT(read.has_value());  // no chunk is an error here
  return lost;
}

}  // namespace hindcast
