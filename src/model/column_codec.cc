#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <optional>

#include "base/assert.h"
#include "model/block_codec_internal.h"
#include "model/column_codec_internal.h"

namespace hindcast {
namespace {

constexpr size_t kBlock = kBlockCells;
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

// ---- doubles ----

// Beyond 15 digits a double is no decimal that anyone wrote.
constexpr unsigned kDecimalDigitsMax = 15;

// The integers whose quotients by 10^digits are exactly these doubles. False if one has none.
bool to_decimals(const int64_t* cells, size_t n, unsigned digits, int64_t* out) {
  const auto unit = static_cast<double>(kPowerOf10[digits]);
  for (size_t i = 0; i < n; ++i) {
    const double scaled = std::nearbyint(std::bit_cast<double>(cells[i]) * unit);
    if (!(std::abs(scaled) < 0x1p53)) return false;
    out[i] = static_cast<int64_t>(scaled);
    if (std::bit_cast<int64_t>(static_cast<double>(out[i]) / unit) != cells[i]) return false;
  }
  return true;
}

// The fewest digits that do for a sample; nullopt when none do.
std::optional<unsigned> guess_decimals(const int64_t* cells, size_t n) {
  unsigned digits = 0;
  const size_t step = std::max<size_t>(1, n / 32);
  for (size_t i = 0; i < n; i += step) {
    for (int64_t ignored; !to_decimals(cells + i, 1, digits, &ignored); ++digits) {
      if (digits == kDecimalDigitsMax) return std::nullopt;
    }
  }
  return digits;
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

void ColumnEncoder::encode_doubles(const int64_t* cells, size_t n, const RowKeys& keys,
                                   Bytes& out) {
  if (std::all_of(cells, cells + n, [&](int64_t c) { return c == cells[0]; })) {
    encode(cells, n, {}, 0, out);
    return;
  }
  const std::optional<unsigned> digits = guess_decimals(cells, n);
  decimals_.resize(n);
  if (digits && to_decimals(cells, n, *digits, decimals_.data())) {
    put_u8(out, static_cast<uint8_t>(ColumnEncoding::kDecimal));
    put_u8(out, static_cast<uint8_t>(*digits));
    encode(decimals_.data(), n, keys, 0, out);
    return;
  }
  put_u8(out, static_cast<uint8_t>(ColumnEncoding::kFixed));
  out.append(reinterpret_cast<const char*>(cells), n * 8);
}

bool ColumnDecoder::decode(ByteReader& in, size_t n, const RowKeys& keys, int64_t* out) {
  const auto encoding = static_cast<ColumnEncoding>(in.u8());
  if (encoding != ColumnEncoding::kDecimal) return decode_integers(encoding, in, n, keys, out);
  const uint8_t digits = in.u8();
  const auto integers = static_cast<ColumnEncoding>(in.u8());
  if (digits > kDecimalDigitsMax || !decode_integers(integers, in, n, keys, out)) return false;
  const auto unit = static_cast<double>(kPowerOf10[digits]);
  for (size_t i = 0; i < n; ++i)
    out[i] = std::bit_cast<int64_t>(static_cast<double>(out[i]) / unit);
  return true;
}

bool ColumnDecoder::decode_integers(ColumnEncoding encoding, ByteReader& in, size_t n,
                                    const RowKeys& keys, int64_t* out) {
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
