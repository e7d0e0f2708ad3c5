// A page is the join of its parts; a part is immutable: a directory of keys, then chunks of
// column-encoded events in page order (key bytes, time, id, origin).
//
// The directory holds, per key, the change in live-event count and digest that committing this part
// made to its page. It is exact because a part is committed by compare-and-set against the page
// version it was prepared for; so a key's count and digest are the sums over the page's parts, and
// "is there anything to do?" reads no events.
//
//   part  = magic version | header (rows, keys, chunks, live events, digest) | directory | crc |
//   chunk* chunk = at most 64 KiB (one row at least), column-encoded, crc
//
// See docs/formats/part.md for the bytes.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/digest.h"
#include "model/event_batch.h"

namespace hindcast {

/// What a part, or a whole page, says of one key.
struct KeyChange {
  BytesView key;
  int64_t count = 0;  // change in live events
  Digest digest;      // change in digest
};

/// Encodes rows that are already in page order and free of doubles, with their directory. `changes`
/// is in key order and covers every key of `rows` (it may name keys without rows: then their change
/// is zero).
Bytes encode_part(const StreamSchema& schema, const EventBatch& rows,
                  std::span<const KeyChange> changes);

/// A view of part bytes (which must outlive it).
class PartView {
 public:
  /// Checks magic, version, bounds and the checksum of header and directory. Errors: kCorruption.
  static Result<PartView> open(BytesView bytes);

  uint64_t rows() const { return rows_; }
  int64_t live_change() const { return live_; }
  Digest digest_change() const { return digest_; }
  const std::vector<KeyChange>& directory() const {
    return directory_;
  }  // in key order; views into the bytes
  /// Appends rows of keys for which `wanted` says true (null = all), interning keys into
  /// batch.keys; decodes only the chunks that hold one. Errors: kCorruption (checksum of a chunk);
  /// the batch is then to be dropped.
  Status read(const StreamSchema& schema, const std::function<bool(BytesView key)>& wanted,
              EventBatch& batch) const;

  /// What damaged chunks took.
  struct Lost {
    std::vector<BytesView> keys;  // those with rows in such a chunk, in key order
    uint64_t rows = 0;
  };
  /// Appends the rows of every chunk that can be read, in page order; the others are lost.
  Lost salvage(const StreamSchema& schema, EventBatch& batch) const;

 private:
  struct Chunk {
    uint32_t rows;
    BytesView bytes;  // with its checksum
  };
  struct Segment {
    size_t key, rows;  // of the directory
  };
  /// Calls `each` with every chunk and the keys of its rows.
  Status each_chunk(
      const std::function<Status(const Chunk&, const std::vector<Segment>&)>& each) const;
  /// Appends the chunk's rows without their keys.
  static Status decode(const StreamSchema& schema, const Chunk& chunk, EventBatch& batch);

  uint64_t rows_ = 0;
  int64_t live_ = 0;
  Digest digest_;
  std::vector<KeyChange> directory_;
  std::vector<uint32_t> key_rows_;  // by key of the directory
  std::vector<Chunk> chunks_;
};

}  // namespace hindcast
