#include <algorithm>
#include <array>
#include <cstring>

#include "model/block_codec_internal.h"

namespace hindcast {
namespace {

constexpr size_t kBlock = kBlockCells;
constexpr unsigned kPackedBitsMax = 56;  // one unaligned 8-byte load reaches a cell of this width
constexpr unsigned kRawBits = 64;
constexpr uint8_t kHasExceptions = 0x80;

// Loops run over all 64 cells of a block, also of the last one: a constant count lets the compiler
// unroll and vectorise them. What stands behind the last cell is any number.

struct BlockShape {
  unsigned bits;
  bool exceptions;
};

BlockShape plain_shape(unsigned bits, unsigned bits_min) {
  bits = std::max(bits, bits_min);
  return {bits > kPackedBitsMax ? kRawBits : bits, false};
}

// The width at which packed cells plus exceptions are smallest (sizes of exceptions estimated).
BlockShape best_shape(const uint64_t* v, unsigned widest, unsigned bits_min) {
  // Four counters per width: neighbours are often equally wide, and each would wait for the other.
  std::array<std::array<uint8_t, 4>, 65> counters{};
  for (size_t i = 0; i < kBlock; ++i) ++counters[width_of(v[i])][i % 4];
  std::array<unsigned, 65> with_width;
  for (size_t w = 0; w < with_width.size(); ++w) {
    with_width[w] = counters[w][0] + counters[w][1] + counters[w][2] + counters[w][3];
  }
  const BlockShape plain = plain_shape(widest, bits_min);
  unsigned best_bits = widest, best_cost = plain.bits * kBlock;
  unsigned apart = 0, apart_bits = 0;
  for (unsigned bits = widest; bits-- > bits_min;) {
    apart += with_width[bits + 1];
    apart_bits += with_width[bits + 1] * (bits + 1);
    const unsigned packed = bits * static_cast<unsigned>(kBlock);
    const unsigned cost = packed + 8 + apart * 12 + (apart_bits - apart * bits) * 9 / 8;
    if (bits <= kPackedBitsMax && cost < best_cost) best_bits = bits, best_cost = cost;
  }
  return best_bits == widest ? plain : BlockShape{best_bits, true};
}

BlockShape choose_shape(const uint64_t* v, unsigned bits_min) {
  uint64_t all = 0;
  for (size_t i = 0; i < kBlock; ++i) all |= v[i];
  const unsigned widest = width_of(all);
  if (widest <= 3) return plain_shape(widest, bits_min);
  // An exception costs 12 bits and those it is wider by; narrowing the block by d bits gains 64 d.
  // So where enough cells are within d bits of the widest, for some d, a look at every width is
  // vain.
  const auto within = [&](unsigned bits) {
    const unsigned shift = widest > bits ? widest - bits : 0;
    unsigned count = 0;
    for (size_t i = 0; i < kBlock; ++i) count += (v[i] >> shift) != 0;
    return count;
  };
  if (within(3) >= 12 && within(8) >= 24 && within(16) >= 34) return plain_shape(widest, bits_min);
  return best_shape(v, widest, bits_min);
}

char* put_varint_at(char* p, uint64_t v) {
  while (v >= 0x80) *p++ = static_cast<char>(v | 0x80), v >>= 7;
  *p++ = static_cast<char>(v);
  return p;
}

template <size_t kCount>
void put_pairs_together(uint64_t* v, unsigned bits) {
  for (size_t i = 0; i < kCount / 2; ++i) v[i] = v[2 * i] | v[2 * i + 1] << bits;
}

// Packs n cells of `bits` each at p; writes up to 8 bytes beyond. Narrow cells are put together in
// pairs, fours and eights first, which is independent work; only the last step is a chain.
char* pack(const uint64_t* cells, size_t n, unsigned bits, char* p) {
  char* const end = p + (n * bits + 7) / 8;
  const uint64_t mask = (uint64_t{1} << bits) - 1;
  uint64_t v[kBlock];
  for (size_t i = 0; i < kBlock; ++i) v[i] = cells[i] & mask;
  std::fill(v + n, v + kBlock, 0);
  if (bits * 2 <= kPackedBitsMax) {
    put_pairs_together<kBlock>(v, bits), n = (n + 1) / 2, bits *= 2;
    if (bits * 2 <= kPackedBitsMax) {
      put_pairs_together<kBlock / 2>(v, bits), n = (n + 1) / 2, bits *= 2;
      if (bits * 2 <= kPackedBitsMax) {
        put_pairs_together<kBlock / 4>(v, bits), n = (n + 1) / 2, bits *= 2;
      }
    }
  }
  uint64_t pending = 0;
  unsigned fill = 0;
  for (size_t i = 0; i < n; ++i) {
    pending |= v[i] << fill;
    fill += bits;
    std::memcpy(p, &pending, 8);
    p += fill >> 3;
    pending >>= fill & ~7u;
    fill &= 7;
  }
  return end;
}

}  // namespace

void encode_block(const uint64_t* v, size_t n, unsigned bits_min, Bytes& out) {
  char buffer[2 + kBlock * 8 + 8 + kBlock * 11];
  const BlockShape shape = choose_shape(v, bits_min);
  char* p = buffer;
  *p++ = static_cast<char>(shape.bits | (shape.exceptions ? kHasExceptions : 0));
  char* const exception_count = p;
  if (shape.exceptions) ++p;
  if (shape.bits == kRawBits) {
    std::memcpy(p, v, n * 8);
    p += n * 8;
  } else if (shape.bits > 0) {
    p = pack(v, n, shape.bits, p);
  }
  if (shape.exceptions) {
    unsigned count = 0;
    for (size_t i = 0; i < n; ++i) {
      if (const uint64_t high = v[i] >> shape.bits; high != 0) {
        *p++ = static_cast<char>(i);
        p = put_varint_at(p, high);
        ++count;
      }
    }
    *exception_count = static_cast<char>(count);
  }
  out.append(buffer, static_cast<size_t>(p - buffer));
}

namespace {

void unpack(const char* p, unsigned bits, size_t n, uint64_t* v) {
  const uint64_t mask = (uint64_t{1} << bits) - 1;
  size_t at = 0;
  for (size_t i = 0; i < n; ++i, at += bits) {
    uint64_t word;
    std::memcpy(&word, p + (at >> 3), 8);
    v[i] = (word >> (at & 7)) & mask;
  }
}

}  // namespace

bool decode_block(ByteReader& in, size_t n, uint64_t* v) {
  const uint8_t header = in.u8();
  const unsigned bits = header & ~unsigned{kHasExceptions};
  const unsigned exceptions = header & kHasExceptions ? in.u8() : 0;
  if (bits > kPackedBitsMax && (bits != kRawBits || exceptions != 0)) return false;
  const size_t size = (n * bits + 7) / 8;
  const BytesView packed = in.bytes(size);
  if (!in.ok()) return false;
  if (bits == kRawBits) {
    std::memcpy(v, packed.data(), size);
  } else if (in.remaining() >= 8) {
    unpack(packed.data(), bits, n, v);
  } else {  // the loads would reach beyond the end of the bytes
    char padded[kBlock * 7 + 8] = {};
    std::memcpy(padded, packed.data(), size);
    unpack(padded, bits, n, v);
  }
  for (unsigned i = 0; i < exceptions; ++i) {
    const uint8_t at = in.u8();
    const uint64_t high = in.varint();
    if (at >= n || width_of(high) + bits > 64) return false;
    v[at] |= high << bits;
  }
  return in.ok();
}

}  // namespace hindcast
