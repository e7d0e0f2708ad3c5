#include "base/hash.h"

#include <nmmintrin.h>
#include <xxhash.h>

#include <array>
#include <charconv>
#include <cstring>

namespace hindcast {

uint64_t hash64(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

Hash128 hash128(std::string_view bytes) {
  const XXH128_hash_t h = XXH3_128bits(bytes.data(), bytes.size());
  return {h.high64, h.low64};
}

uint32_t crc32c(std::string_view bytes, uint32_t seed) {
  uint64_t crc = ~seed;
  const char* p = bytes.data();
  size_t n = bytes.size();
  for (; n >= 8; p += 8, n -= 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    crc = _mm_crc32_u64(crc, word);
  }
  auto tail = static_cast<uint32_t>(crc);
  for (; n > 0; ++p, --n) tail = _mm_crc32_u8(tail, static_cast<uint8_t>(*p));
  return ~tail;
}

std::string to_hex(Hash128 h) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out(32, '0');
  for (int i = 0; i < 32; ++i) {
    const uint64_t half = i < 16 ? h.hi : h.lo;
    out[static_cast<size_t>(i)] = kDigits[(half >> (60 - 4 * (i % 16))) & 15];
  }
  return out;
}

Result<Hash128> hash128_from_hex(std::string_view text) {
  Hash128 h;
  const auto half = [&](std::string_view part, uint64_t& out) {
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), out, 16);
    return error == std::errc() && end == part.data() + part.size();
  };
  if (text.size() != 32 || !half(text.substr(0, 16), h.hi) || !half(text.substr(16), h.lo)) {
    return invalid_argument("expected 32 hex digits");
  }
  return h;
}

}  // namespace hindcast
