// A part of which little is read: its directory, and of its chunks those that may hold one of a few
// events. For late events, which meet parts of a million events, and nearly always none of theirs.
//
//   beginning ──head_bytes()──► head ──open()──► what the directory says of the wanted keys
//                                            └─► chunks() ──read()──► rows of a wanted key and time
//
// Thread safety: a value; it views the head's bytes and the wanted keys, which must outlive it.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/digest.h"
#include "model/event_batch.h"

namespace hindcast {

class PartIndex {
 public:
  /// Bytes from which head_bytes() can be told; every part is longer.
  static constexpr size_t kBeginning = 9;
  /// How many bytes from the part's first one its head takes. Errors: kCorruption.
  static Result<uint64_t> head_bytes(BytesView beginning);

  struct Wanted {
    BytesView key;
    std::span<const int64_t> times;  // ascending
  };
  struct Key {
    bool named = false;  // in the directory
    int64_t count = 0;
    Digest digest;
    uint64_t first_row = 0, rows = 0;  // in the part
  };
  struct Chunk {
    uint64_t first_row = 0, rows = 0;
    uint64_t offset = 0, size = 0;  // in the part
  };

  /// `head`: the part's first head_bytes(). `wanted`: in key order. Its checksum is tested; of the
  /// entries only what is needed (PartView::open tests all). Errors: kCorruption.
  static Result<PartIndex> open(BytesView head, uint64_t part_size, std::span<const Wanted> wanted);

  uint64_t rows() const { return rows_; }
  /// One for each wanted key.
  const std::vector<Key>& keys() const { return keys_; }
  /// Those with rows of a wanted key.
  const std::vector<Chunk>& chunks() const { return chunks_; }
  /// Appends the rows of `chunk` (its `bytes`) that have a wanted key and one of its times. Decodes
  /// the times, and the rest only where there is such a row. Errors: kCorruption; `batch` is then
  /// to be dropped.
  Status read(const StreamSchema& schema, const Chunk& chunk, BytesView bytes,
              EventBatch& batch) const;

 private:
  std::span<const Wanted> wanted_;
  uint64_t rows_ = 0;
  std::vector<Key> keys_;
  std::vector<Chunk> chunks_;
};

}  // namespace hindcast
