#include <algorithm>
#include <array>
#include <cstring>

#include "base/assert.h"
#include "model/column_codec_internal.h"

namespace hindcast {
namespace {

constexpr size_t kBlock = 64;
constexpr unsigned kPackedBitsMax = 56;  // one unaligned 8-byte load reaches a cell of this width
constexpr unsigned kRawBits = 64;
constexpr uint8_t kHasExceptions = 0x80;
constexpr unsigned kDigitsMax = 18;

constexpr std::array<uint64_t, kDigitsMax + 1> kPowerOf10 = [] {
  std::array<uint64_t, kDigitsMax + 1> out{};
  uint64_t p = 1;
  for (uint64_t& x : out) x = p, p *= 10;
  return out;
}();

// Inverse of 5^k modulo 2^64: an exact division by 10^k is a shift and a multiplication.
constexpr std::array<uint64_t, kDigitsMax + 1> kInverseOf5 = [] {
  std::array<uint64_t, kDigitsMax + 1> out{};
  uint64_t p = 1;
  for (uint64_t& x : out) {
    x = p;  // Newton: each step doubles the number of correct low bits, 3 to begin with
    for (int step = 0; step < 6; ++step) x *= 2 - p * x;
    p *= 5;
  }
  return out;
}();

unsigned width_of(uint64_t v) {
  return v == 0 ? 0 : 64 - static_cast<unsigned>(__builtin_clzll(v));
}

// ---- blocks ----
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

// Cells 0 … n - 1 of a block.
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

void unpack(const char* p, unsigned bits, size_t n, uint64_t* v) {
  const uint64_t mask = (uint64_t{1} << bits) - 1;
  size_t at = 0;
  for (size_t i = 0; i < n; ++i, at += bits) {
    uint64_t word;
    std::memcpy(&word, p + (at >> 3), 8);
    v[i] = (word >> (at & 7)) & mask;
  }
}

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

// ---- the choice of an encoding ----

unsigned trailing_digits(int64_t cell, unsigned limit) {
  // A zero is a multiple of everything.
  unsigned digits = 0;
  while (digits < limit && cell % 10 == 0) cell /= 10, ++digits;
  return digits;
}

// Decimal digits that look to be 0 at the end of every cell, as in prices finer in scale than in
// tick, or times in whole milliseconds. A guess from a sample; encode_scaled() finds out.
unsigned guess_digits(const int64_t* cells, size_t n) {
  unsigned digits = kDigitsMax;
  const size_t step = std::max<size_t>(1, n / 32);
  for (size_t i = 0; i < n && digits > 0; i += step) digits = trailing_digits(cells[i], digits);
  return digits;
}

uint64_t difference(int64_t a, int64_t b) {
  return zigzag(static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b)));
}

// Average width, in sixteenths of a bit per cell, of direct cells and of differences, from a
// sample.
ColumnEncoding guess_encoding(const int64_t* cells, size_t n, const RowKeys& keys) {
  constexpr size_t kRun = 32, kEvery = 256;
  uint64_t direct = 0, delta = 0, sampled = 0, signs = 0;
  for (size_t begin = 0; begin < n; begin += kEvery) {
    const size_t end = std::min(n, begin + kRun);
    for (size_t i = std::max<size_t>(begin, 1); i < end; ++i) {
      signs |= static_cast<uint64_t>(cells[i]);
      direct += width_of(zigzag(cells[i]));
      delta += width_of(difference(cells[i], cells[i - 1]));
      ++sampled;
    }
  }
  if (static_cast<int64_t>(signs) >= 0) direct -= std::min(direct, sampled);  // no sign bit
  const uint64_t best = std::min(direct, delta);
  const ColumnEncoding choice = delta < direct ? ColumnEncoding::kDelta : ColumnEncoding::kSigned;
  if (keys.sample.empty() || sampled == 0) return choice;
  uint64_t by_key = 0;
  for (const RowKeys::Pair& pair : keys.sample)
    by_key += width_of(difference(cells[pair.row], cells[pair.before]));
  // The first row of each key costs a full cell and its place among the exceptions.
  const uint64_t firsts = keys.count * (best + 16 * sampled) / n;
  if (by_key * sampled / keys.sample.size() + firsts < best) return ColumnEncoding::kKeyDelta;
  return choice;
}

}  // namespace

bool ColumnEncoder::encode_scaled(const int64_t* cells, size_t n, const RowKeys& keys,
                                  ColumnEncoding encoding, unsigned digits, unsigned bits_min,
                                  Bytes& out) {
  const uint64_t inverse = kInverseOf5[digits], low_bits = (uint64_t{1} << digits) - 1;
  put_u8(out, static_cast<uint8_t>(encoding));
  put_u8(out, static_cast<uint8_t>(digits));
  if (encoding == ColumnEncoding::kKeyDelta) last_of_key_.assign(keys.count, 0);
  uint64_t block[kBlock];
  int64_t cell[kBlock];
  int64_t previous = 0;
  for (size_t begin = 0; begin < n; begin += kBlock) {
    const size_t m = std::min(kBlock, n - begin);
    if (m == kBlock) {
      std::memcpy(cell, cells + begin, sizeof cell);
    } else {
      std::fill(std::copy(cells + begin, cells + n, cell), cell + kBlock, cells[n - 1]);
    }
    if (digits > 0) {
      uint64_t wrong = 0;
      for (size_t i = 0; i < kBlock; ++i) {
        // For a multiple this is its quotient. Else it is as a rule far larger than the cell; and
        // even then the decoder's multiplication, modulo 2^64 too, would give the cell back.
        const auto quotient =
            static_cast<int64_t>(static_cast<uint64_t>(cell[i] >> digits) * inverse);
        wrong |= (static_cast<uint64_t>(cell[i]) & low_bits) |
                 static_cast<uint64_t>(zigzag(quotient) > zigzag(cell[i]));
        cell[i] = quotient;
      }
      if (wrong != 0) return false;
    }
    switch (encoding) {
      case ColumnEncoding::kUnsigned:
        for (size_t i = 0; i < kBlock; ++i) block[i] = static_cast<uint64_t>(cell[i]);
        break;
      case ColumnEncoding::kSigned:
        for (size_t i = 0; i < kBlock; ++i) block[i] = zigzag(cell[i]);
        break;
      case ColumnEncoding::kDelta:
        block[0] = difference(cell[0], previous);
        for (size_t i = 1; i < kBlock; ++i) block[i] = difference(cell[i], cell[i - 1]);
        previous = cell[m - 1];
        break;
      default:
        std::fill(block + m, block + kBlock, 0);
        for (size_t i = 0; i < m; ++i) {
          int64_t& last = last_of_key_[static_cast<size_t>(keys.key[begin + i])];
          block[i] = difference(cell[i], last);
          last = cell[i];
        }
    }
    encode_block(block, m, bits_min, out);
  }
  return true;
}

void ColumnEncoder::encode(const int64_t* cells, size_t n, const RowKeys& keys, unsigned bits_min,
                           Bytes& out) {
  HC_ASSERT(n > 0);
  if (bits_min == 0 && std::all_of(cells, cells + n, [&](int64_t c) { return c == cells[0]; })) {
    put_u8(out,
           static_cast<uint8_t>(cells[0] == 0 ? ColumnEncoding::kZero : ColumnEncoding::kConstant));
    if (cells[0] != 0) put_signed(out, cells[0]);
    return;
  }
  ColumnEncoding encoding = guess_encoding(cells, n, keys);
  if (encoding == ColumnEncoding::kSigned &&
      std::all_of(cells, cells + n, [](int64_t c) { return c >= 0; })) {
    encoding = ColumnEncoding::kUnsigned;
  }
  const size_t begin = out.size();
  const unsigned digits = guess_digits(cells, n);
  if (encode_scaled(cells, n, keys, encoding, digits, bits_min, out)) return;
  out.resize(begin);
  // The sample was too kind. One pass over all cells says what holds.
  unsigned exact = digits;
  for (size_t i = 0; i < n && exact > 0; ++i) exact = trailing_digits(cells[i], exact);
  const bool done = encode_scaled(cells, n, keys, encoding, exact, bits_min, out);
  HC_ASSERT(done);
}

void ColumnEncoder::encode_doubles(const int64_t* cells, size_t n, Bytes& out) {
  if (std::all_of(cells, cells + n, [&](int64_t c) { return c == cells[0]; })) {
    encode(cells, n, {}, 0, out);
    return;
  }
  put_u8(out, static_cast<uint8_t>(ColumnEncoding::kFixed));
  out.append(reinterpret_cast<const char*>(cells), n * 8);
}

bool ColumnDecoder::decode(ByteReader& in, size_t n, const RowKeys& keys, int64_t* out) {
  const auto encoding = static_cast<ColumnEncoding>(in.u8());
  switch (encoding) {
    case ColumnEncoding::kZero:
      std::fill(out, out + n, 0);
      return in.ok();
    case ColumnEncoding::kConstant:
      std::fill(out, out + n, in.signed_varint());
      return in.ok();
    case ColumnEncoding::kFixed: {
      const BytesView cells = in.bytes(n * 8);
      if (in.ok()) std::memcpy(out, cells.data(), cells.size());
      return in.ok();
    }
    case ColumnEncoding::kUnsigned:
    case ColumnEncoding::kSigned:
    case ColumnEncoding::kDelta:
      break;
    case ColumnEncoding::kKeyDelta:
      if (keys.key == nullptr) return false;
      last_of_key_.assign(keys.count, 0);
      break;
    default:
      return false;
  }
  const uint8_t digits = in.u8();
  if (digits > kDigitsMax) return false;
  const uint64_t unit = kPowerOf10[digits];
  const auto scaled = [unit](uint64_t cell) { return static_cast<int64_t>(cell * unit); };
  uint64_t block[kBlock];
  uint64_t previous = 0;  // unsigned: hostile bytes may wrap around
  for (size_t begin = 0; begin < n; begin += kBlock) {
    const size_t m = std::min(kBlock, n - begin);
    if (!decode_block(in, m, block)) return false;
    int64_t* cells = out + begin;
    switch (encoding) {
      case ColumnEncoding::kUnsigned:
        for (size_t i = 0; i < m; ++i) cells[i] = scaled(block[i]);
        break;
      case ColumnEncoding::kSigned:
        for (size_t i = 0; i < m; ++i) cells[i] = scaled(static_cast<uint64_t>(unzigzag(block[i])));
        break;
      case ColumnEncoding::kDelta:
        for (size_t i = 0; i < m; ++i) {
          previous += static_cast<uint64_t>(unzigzag(block[i]));
          cells[i] = scaled(previous);
        }
        break;
      default:
        for (size_t i = 0; i < m; ++i) {
          int64_t& last = last_of_key_[static_cast<size_t>(keys.key[begin + i])];
          last = static_cast<int64_t>(static_cast<uint64_t>(last) +
                                      static_cast<uint64_t>(unzigzag(block[i])));
          cells[i] = scaled(static_cast<uint64_t>(last));
        }
    }
  }
  return true;
}

}  // namespace hindcast
