// One column of integers <-> bytes: the inner loop of encode_rows and decode_rows
// (docs/formats/events.md, "Column"). Internal to the model.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace hindcast {

enum class ColumnEncoding : uint8_t {
  kZero = 0,      // every cell is 0
  kConstant = 1,  // one signed varint
  kFixed = 2,     // 8 bytes per cell
  kUnsigned = 3,  // blocks of cells, none of them negative
  kSigned = 4,    // blocks of zigzag cells
  kDelta = 5,     // blocks of zigzag differences to the row before
  kKeyDelta = 6,  // blocks of zigzag differences to the row before of the same key
  kDecimal = 7,   // doubles that are decimals of few digits: a column of those integers
};

/// Keys of the rows, for kKeyDelta: local numbers 0, 1 … `count` - 1. Null when rows carry no keys.
struct RowKeys {
  const int64_t* key = nullptr;
  size_t count = 0;
  /// For the encoder: some rows, and the row of the same key before each.
  struct Pair {
    uint32_t row, before;
  };
  std::span<const Pair> sample = {};
};

class ColumnEncoder {
 public:
  /// Appends the column. `bits_min`: the least width of a block, see docs ("Bounds").
  void encode(const int64_t* cells, size_t n, const RowKeys& keys, unsigned bits_min, Bytes& out);
  /// The same for bits of doubles: as integers where they are short decimals, else 8 bytes each.
  void encode_doubles(const int64_t* cells, size_t n, const RowKeys& keys, Bytes& out);

 private:
  bool encode_scaled(const int64_t* cells, size_t n, const RowKeys& keys, ColumnEncoding encoding,
                     unsigned digits, unsigned bits_min, Bytes& out);
  std::vector<int64_t> last_of_key_, decimals_;
};

class ColumnDecoder {
 public:
  /// Fills out[0, n). False when the bytes are no column of n cells.
  [[nodiscard]] bool decode(ByteReader& in, size_t n, const RowKeys& keys, int64_t* out);

 private:
  bool decode_integers(ColumnEncoding encoding, ByteReader& in, size_t n, const RowKeys& keys,
                       int64_t* out);
  std::vector<int64_t> last_of_key_;
};

}  // namespace hindcast
