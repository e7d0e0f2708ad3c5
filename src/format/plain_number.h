// Numbers of a plain shape ("17", "-0.50") without a branch for each digit: found and converted
// eight or sixteen bytes at a time. Prices have all lengths, so a loop over digits is mispredicted
// at its end, which costs as much as all the rest of it.
//
// Little-endian, as all encodings here are.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "format/cell.h"

namespace hindcast {

inline constexpr std::array<uint64_t, 20> kPow10 = [] {
  std::array<uint64_t, 20> p{};
  p[0] = 1;
  for (size_t i = 1; i < p.size(); ++i) p[i] = p[i - 1] * 10;
  return p;
}();

/// Eight digits, the first one in the lowest byte (Lemire, "Quickly parsing eight digits").
/// Requires: digits, or zero bytes in front of them.
inline uint64_t eight_digits(uint64_t v) {
  v = (v & 0x0f0f0f0f0f0f0f0f) * 2561 >> 8;
  v = (v & 0x00ff00ff00ff00ff) * 6553601 >> 16;
  return (v & 0x0000ffff0000ffff) * 42949672960001 >> 32;
}
inline bool are_eight_digits(uint64_t v) {
  constexpr uint64_t kHigh = 0xf0f0f0f0f0f0f0f0, kDigits = 0x3030303030303030;
  return (v & kHigh) == kDigits &&
         ((v + 0x0606060606060606) & kHigh) == kDigits;  // the sum carries beyond '9'
}

/// `count` digits at `at`, at most 16; 16 bytes may be read.
inline uint64_t digits_at(const char* at, unsigned count) {
  uint64_t v = 0;
  std::memcpy(&v, at, sizeof v);
  if (count <= 8) return count == 0 ? 0 : eight_digits(v << (64 - 8 * count));
  uint64_t rest = 0;
  std::memcpy(&rest, at + 8, sizeof rest);
  return eight_digits(v) * kPow10[count - 8] + eight_digits(rest << (128 - 8 * count));
}

/// The digits of a plain cell without the point: at most 15 of them. Requires: cell.whole > 0.
inline uint64_t plain_mantissa(const Cell& cell) {
  const char* at = cell.text.data() + (cell.text[0] == '-');
  const uint64_t whole = digits_at(at, cell.whole);
  if (cell.fraction == 0) return whole;
  return whole * kPow10[cell.fraction] + digits_at(at + cell.whole + 1, cell.fraction);
}

/// What bytes are compared with, sixteen at a time. Made once before a loop over values: the
/// compiler would otherwise make each of them again for each value, which costs as much as the
/// comparison.
struct ByteConstants {
#if defined(__SSE2__)
  static __m128i all(char c) {
    __m128i v = _mm_set1_epi8(c);
    asm("" : "+x"(v));  // no longer a constant that could be made again
    return v;
  }
  __m128i zero = all('0'), nine = all(9), point = all('.');
  __m128i quote = all('"'), backslash = all('\\'), control = all(0x1f);
#endif
};

/// The number that begins at `at`, if it is plain and follows the grammar of JSON: sets text, whole
/// and fraction. Cell::kPlainPadding bytes may be read.
inline bool find_plain_number(const char* at, const ByteConstants& constants, Cell& out) {
#if defined(__SSE2__)
  const unsigned minus = *at == '-';
  const char* const first = at + minus;
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(first));
  const __m128i values = _mm_sub_epi8(bytes, constants.zero);
  const auto digits = static_cast<uint32_t>(
      _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(values, constants.nine), values)));
  const auto points =
      static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, constants.point)));
  const auto size = static_cast<unsigned>(__builtin_ctz(~(digits | points)));
  const uint32_t dots = points & ((1u << size) - 1);
  const unsigned whole = dots == 0 ? size : static_cast<unsigned>(__builtin_ctz(dots));
  const unsigned fraction = dots == 0 ? 0 : size - whole - 1;
  // Digits on both sides of the only point, no zero in front of another digit, and an end within
  // what was read.
  if (whole == 0 || size > 15 || (dots & (dots - 1)) != 0 || (dots != 0 && fraction == 0) ||
      (*first == '0' && whole > 1))
    return false;
  if ((first[size] | 0x20) == 'e') return false;
  out.text = {at, size + minus};
  out.whole = static_cast<uint8_t>(whole);
  out.fraction = static_cast<uint8_t>(fraction);
  return true;
#else
  static_cast<void>(at);
  static_cast<void>(constants);
  static_cast<void>(out);
  return false;
#endif
}

}  // namespace hindcast
