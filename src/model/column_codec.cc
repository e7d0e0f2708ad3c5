#include <algorithm>
#include <array>
#include <bit>
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

unsigned width_of(uint64_t v) { return static_cast<unsigned>(std::bit_width(v)); }

// ---- blocks ----

struct BlockShape {
  unsigned bits;
  bool exceptions;
};

// The width at which packed cells plus exceptions are smallest (sizes of exceptions estimated).
BlockShape choose_shape(const uint64_t* v, size_t n, unsigned bits_min) {
  unsigned widest = 0, sum = 0;
  for (size_t i = 0; i < n; ++i) {
    const unsigned w = width_of(v[i]);
    sum += w;
    widest = std::max(widest, w);
  }
  const auto count = static_cast<unsigned>(n);
  const auto plain = [&](unsigned bits) {
    bits = std::max(bits, bits_min);
    return BlockShape{bits > kPackedBitsMax ? kRawBits : bits, false};
  };
  // Nearly equal widths: exceptions cannot gain a byte per eight cells.
  if (widest * count - sum < 2 * count + 16) return plain(widest);

  std::array<uint8_t, 65> with_width{};
  for (size_t i = 0; i < n; ++i) ++with_width[width_of(v[i])];
  unsigned best_bits = widest, best_cost = plain(widest).bits * count;
  unsigned apart = 0, apart_bits = 0;
  for (unsigned bits = widest; bits-- > bits_min;) {
    apart += with_width[bits + 1];
    apart_bits += with_width[bits + 1] * (bits + 1);
    const unsigned cost = bits * count + 8 + apart * 12 + (apart_bits - apart * bits) * 8 / 7;
    if (bits <= kPackedBitsMax && cost < best_cost) best_bits = bits, best_cost = cost;
  }
  if (best_bits == widest) return plain(widest);
  return {best_bits, true};
}

char* put_varint_at(char* p, uint64_t v) {
  while (v >= 0x80) *p++ = static_cast<char>(v | 0x80), v >>= 7;
  *p++ = static_cast<char>(v);
  return p;
}

void encode_block(const uint64_t* v, size_t n, unsigned bits_min, Bytes& out) {
  char buffer[2 + kBlock * 8 + 8 + kBlock * 11];
  const BlockShape shape = choose_shape(v, n, bits_min);
  char* p = buffer;
  *p++ = static_cast<char>(shape.bits | (shape.exceptions ? kHasExceptions : 0));
  char* const exception_count = p;
  if (shape.exceptions) ++p;
  if (shape.bits == kRawBits) {
    std::memcpy(p, v, n * 8);
    p += n * 8;
  } else {
    const uint64_t mask = (uint64_t{1} << shape.bits) - 1;
    char* const packed = p;
    uint64_t pending = 0;
    unsigned fill = 0;
    for (size_t i = 0; i < n; ++i) {
      pending |= (v[i] & mask) << fill;
      fill += shape.bits;
      std::memcpy(p, &pending, 8);
      p += fill >> 3;
      pending >>= fill & ~7u;
      fill &= 7;
    }
    p = packed + (n * shape.bits + 7) / 8;
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
ColumnEncoding guess_encoding(const int64_t* cells, size_t n, RowKeys keys,
                              std::vector<int64_t>& last_of_key) {
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
  uint64_t best = std::min(direct, delta);
  ColumnEncoding choice = delta < direct ? ColumnEncoding::kDelta : ColumnEncoding::kSigned;
  if (keys.count > 1 && n >= 4 * keys.count) {
    last_of_key.assign(keys.count, INT64_MIN);
    uint64_t by_key = 0, repeated = 0;
    for (size_t i = 0; i < std::min<size_t>(n, 4 * keys.count + 64); ++i) {
      int64_t& last = last_of_key[static_cast<size_t>(keys.key[i])];
      if (last != INT64_MIN) by_key += width_of(difference(cells[i], last)), ++repeated;
      last = cells[i];
    }
    // The first row of each key costs a full cell and its place among the exceptions.
    const uint64_t firsts = keys.count * (best + 16 * sampled) / n;
    if (repeated > 0 && sampled > 0 && by_key * sampled / repeated + firsts < best) {
      choice = ColumnEncoding::kKeyDelta;
    }
  }
  return choice;
}

}  // namespace

bool ColumnEncoder::encode_scaled(const int64_t* cells, size_t n, RowKeys keys,
                                  ColumnEncoding encoding, unsigned digits, unsigned bits_min,
                                  Bytes& out) {
  const uint64_t inverse = kInverseOf5[digits], low_bits = (uint64_t{1} << digits) - 1;
  put_u8(out, static_cast<uint8_t>(encoding));
  put_u8(out, static_cast<uint8_t>(digits));
  if (encoding == ColumnEncoding::kKeyDelta) last_of_key_.assign(keys.count, 0);
  uint64_t block[kBlock];
  int64_t scaled[kBlock];
  int64_t previous = 0;
  for (size_t begin = 0; begin < n; begin += kBlock) {
    const size_t m = std::min(kBlock, n - begin);
    const int64_t* in = cells + begin;
    if (digits > 0) {
      uint64_t wrong = 0;
      for (size_t i = 0; i < m; ++i) {
        // For a multiple this is its quotient. Else it is as a rule far larger than the cell; and
        // even then the decoder's multiplication, modulo 2^64 too, would give the cell back.
        scaled[i] = static_cast<int64_t>(static_cast<uint64_t>(in[i] >> digits) * inverse);
        wrong |= (static_cast<uint64_t>(in[i]) & low_bits) |
                 static_cast<uint64_t>(zigzag(scaled[i]) > zigzag(in[i]));
      }
      if (wrong != 0) return false;
      in = scaled;
    }
    switch (encoding) {
      case ColumnEncoding::kUnsigned:
        for (size_t i = 0; i < m; ++i) block[i] = static_cast<uint64_t>(in[i]);
        break;
      case ColumnEncoding::kSigned:
        for (size_t i = 0; i < m; ++i) block[i] = zigzag(in[i]);
        break;
      case ColumnEncoding::kDelta:
        block[0] = difference(in[0], previous);
        for (size_t i = 1; i < m; ++i) block[i] = difference(in[i], in[i - 1]);
        previous = in[m - 1];
        break;
      default:
        for (size_t i = 0; i < m; ++i) {
          int64_t& last = last_of_key_[static_cast<size_t>(keys.key[begin + i])];
          block[i] = difference(in[i], last);
          last = in[i];
        }
    }
    encode_block(block, m, bits_min, out);
  }
  return true;
}

void ColumnEncoder::encode(const int64_t* cells, size_t n, RowKeys keys, unsigned bits_min,
                           Bytes& out) {
  HC_ASSERT(n > 0);
  if (bits_min == 0 && std::all_of(cells, cells + n, [&](int64_t c) { return c == cells[0]; })) {
    put_u8(out,
           static_cast<uint8_t>(cells[0] == 0 ? ColumnEncoding::kZero : ColumnEncoding::kConstant));
    if (cells[0] != 0) put_signed(out, cells[0]);
    return;
  }
  ColumnEncoding encoding = guess_encoding(cells, n, keys, last_of_key_);
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

bool ColumnDecoder::decode(ByteReader& in, size_t n, RowKeys keys, int64_t* out) {
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
