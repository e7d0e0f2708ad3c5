// What reading all of a part (part.cc) and little of it (part_index.cc) share.
#pragma once
#include <string>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/result.h"

namespace hindcast::part_internal {

inline constexpr BytesView kMagic = "HCPT";
inline constexpr uint8_t kVersion = 1;
inline constexpr size_t kPrefix = 4 + 1 + 4;  // magic, version, size of the head
inline constexpr size_t kDigestSize = 16;

inline uint32_t read_u32(BytesView bytes, size_t at) {
  return ByteReader(bytes.substr(at, 4)).u32();
}
inline Error damaged(const char* what) { return corruption(std::string("part: ") + what); }

inline Status check_prefix(BytesView bytes) {
  if (bytes.size() < kPrefix || !bytes.starts_with(kMagic)) return damaged("no magic");
  if (static_cast<uint8_t>(bytes[4]) != kVersion) return damaged("unknown version");
  return {};
}
inline uint32_t head_size(BytesView bytes) { return read_u32(bytes, 5); }

/// A chunk without its checksum. Errors: kCorruption.
inline Result<BytesView> checked_chunk(BytesView chunk) {
  if (chunk.size() < 4) return damaged("truncated chunk");
  const BytesView rows = chunk.substr(0, chunk.size() - 4);
  if (crc32c(rows) != read_u32(chunk, rows.size())) return damaged("checksum mismatch in a chunk");
  return rows;
}

}  // namespace hindcast::part_internal
