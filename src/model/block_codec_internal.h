// Blocks of 64 cells <-> bytes (docs/formats/events.md, "Column"): packed at one width, with the
// few wider cells set apart as exceptions (PFOR; Zukowski et al., "Super-scalar RAM-CPU cache
// compression"). Against varints that is as small, and has no branch per cell that the CPU could
// mispredict. Internal to the model.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace hindcast {

inline constexpr size_t kBlockCells = 64;

/// Significant bits: 0 for 0.
inline unsigned width_of(uint64_t v) {
  return v == 0 ? 0 : 64 - static_cast<unsigned>(__builtin_clzll(v));
}

/// Appends cells 0 … n - 1 of a block, 0 < n <= 64. `v` has 64 cells whatever n is: those behind
/// may be anything. `bits_min`: the least width.
void encode_block(const uint64_t* v, size_t n, unsigned bits_min, Bytes& out);
/// Reads n cells into v. False when the bytes are no block.
[[nodiscard]] bool decode_block(ByteReader& in, size_t n, uint64_t* v);

}  // namespace hindcast
