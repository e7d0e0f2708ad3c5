// Keys: canonical bytes of a key's components, so that byte order is component order (integers
// numeric, text bytewise) and equal keys have equal bytes. The schema says the component types.
//
//   int component   8 bytes, big-endian, sign bit flipped
//   text component  raw bytes when last; else 0x00 -> 0x00 0xFF, then a terminator 0x00 0x01
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/result.h"
#include "model/schema.h"

namespace hindcast {

using KeyPart = std::variant<int64_t, std::string>;

/// Requires: parts match `types` in number and type.
Bytes encode_key(std::span<const PartType> types, std::span<const KeyPart> parts);
/// Appends one component; `last` = it is the last of its key.
void append_key_part(Bytes& out, int64_t part);
void append_key_part(Bytes& out, std::string_view part, bool last);
/// Errors: kCorruption when the bytes are no key of these types.
Result<std::vector<KeyPart>> decode_key(std::span<const PartType> types, BytesView key);
/// What a user types and sees: "BTCUSDT", "EWR/UA", "17". Components joined by '/'.
std::string key_to_string(std::span<const PartType> types, BytesView key);
/// A key as a user writes it: components separated by '/', or a JSON array of them. Errors:
/// kInvalidArgument with the expected shape.
Result<Bytes> key_from_string(std::span<const PartType> types, std::string_view text);

/// Slot of a key within a page window, and its partition within the stream. Fixed for ever: stored
/// pages depend on them.
uint16_t slot_of(BytesView key, uint16_t slots);
uint32_t partition_of(BytesView key, uint32_t partitions);

namespace internal {
// Slots and partitions must not be correlated with each other, nor with hash tables over hash64.
constexpr uint64_t kSlotSalt = 0x9e3779b97f4a7c15;
constexpr uint64_t kPartitionSalt = 0xd6e8feb86659fd93;

inline uint64_t scaled_hash(uint64_t key_hash, uint64_t salt, uint64_t bound) {
  const uint64_t h = mix(key_hash ^ salt, salt);
  return static_cast<uint64_t>((static_cast<uint128>(h) * bound) >> 64);
}
}  // namespace internal

/// The same from hash64(key), which a StringTable knows already.
inline uint16_t slot_of_hash(uint64_t key_hash, uint16_t slots) {
  return static_cast<uint16_t>(internal::scaled_hash(key_hash, internal::kSlotSalt, slots));
}
inline uint32_t partition_of_hash(uint64_t key_hash, uint32_t partitions) {
  return static_cast<uint32_t>(
      internal::scaled_hash(key_hash, internal::kPartitionSalt, partitions));
}

}  // namespace hindcast
