// Hashes: XXH3 of byte strings, a fast mixer for integers, and the 128-bit value type of both.
#pragma once
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hindcast {

struct Hash128 {
  uint64_t hi = 0, lo = 0;
  auto operator<=>(const Hash128&) const = default;
};

uint64_t hash64(std::string_view bytes);
Hash128 hash128(std::string_view bytes);
/// CRC32C (Castagnoli), continuing from `seed` (0 to start).
uint32_t crc32c(std::string_view bytes, uint32_t seed = 0);

/// 32 lower-case hex digits, high half first.
std::string to_hex(Hash128 h);
Result<Hash128> hash128_from_hex(std::string_view text);

/// Folded 64x64→128 multiply: the mixing step of wyhash (Wang Yi).
inline uint64_t mix(uint64_t a, uint64_t b) {
  __extension__ const unsigned __int128 m = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(m) ^ static_cast<uint64_t>(m >> 64);
}

}  // namespace hindcast
