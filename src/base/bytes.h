// Byte strings and their encoding: little-endian fixed integers, LEB128 varints, zigzag, and
// length-prefixed strings. Writers append to a std::string; readers never run past the end.
//
// Encoded data that is compared as bytes (store keys) uses the big-endian `put_be*` forms.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hindcast {

using Bytes = std::string;           // owned bytes
using BytesView = std::string_view;  // borrowed bytes
__extension__ using int128 = __int128;
__extension__ using uint128 = unsigned __int128;

constexpr uint64_t zigzag(int64_t v) {
  return (static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63);
}
constexpr int64_t unzigzag(uint64_t v) {
  return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1);
}

inline void put_u8(Bytes& out, uint8_t v) { out.push_back(static_cast<char>(v)); }
inline void put_u32(Bytes& out, uint32_t v) { out.append(reinterpret_cast<const char*>(&v), 4); }
inline void put_u64(Bytes& out, uint64_t v) { out.append(reinterpret_cast<const char*>(&v), 8); }
inline void put_varint(Bytes& out, uint64_t v) {
  while (v >= 0x80) {
    out.push_back(static_cast<char>(v | 0x80));
    v >>= 7;
  }
  out.push_back(static_cast<char>(v));
}
inline void put_signed(Bytes& out, int64_t v) { put_varint(out, zigzag(v)); }
inline void put_string(Bytes& out, BytesView s) {
  put_varint(out, s.size());
  out.append(s);
}
void put_varint128(Bytes& out, uint128 v);
inline void put_signed128(Bytes& out, int128 v) {
  put_varint128(out, (static_cast<uint128>(v) << 1) ^ static_cast<uint128>(v >> 127));
}
inline void put_be32(Bytes& out, uint32_t v) {
  v = __builtin_bswap32(v);
  out.append(reinterpret_cast<const char*>(&v), 4);
}
inline void put_be64(Bytes& out, uint64_t v) {
  v = __builtin_bswap64(v);
  out.append(reinterpret_cast<const char*>(&v), 8);
}
/// A signed integer so that byte order is numeric order.
inline void put_ordered(Bytes& out, int64_t v) {
  put_be64(out, static_cast<uint64_t>(v) ^ (uint64_t{1} << 63));
}

/// Reads what the put_ functions wrote. After the first failure every read returns zero or empty
/// and ok() is false, so a decoder checks once at its end. Never reads outside the view.
class ByteReader {
 public:
  explicit ByteReader(BytesView bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool ok() const { return ok_; }
  size_t remaining() const { return static_cast<size_t>(end_ - at_); }
  bool at_end() const { return at_ == end_; }

  uint8_t u8() { return need(1) ? static_cast<uint8_t>(*at_++) : uint8_t{0}; }
  uint32_t u32() { return fixed<uint32_t>(); }
  uint64_t u64() { return fixed<uint64_t>(); }
  uint32_t be32() { return __builtin_bswap32(fixed<uint32_t>()); }
  uint64_t be64() { return __builtin_bswap64(fixed<uint64_t>()); }
  int64_t ordered() { return static_cast<int64_t>(be64() ^ (uint64_t{1} << 63)); }
  uint64_t varint() {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      if (!need(1)) return 0;
      const auto b = static_cast<uint8_t>(*at_++);
      if (shift == 63 && b > 1) break;
      v |= static_cast<uint64_t>(b & 0x7f) << shift;
      if (b < 0x80) return v;
    }
    ok_ = false;
    return 0;
  }
  int64_t signed_varint() { return unzigzag(varint()); }
  uint128 varint128();
  int128 signed_varint128() {
    const uint128 v = varint128();
    return static_cast<int128>(v >> 1) ^ -static_cast<int128>(v & 1);
  }
  BytesView bytes(size_t n) {
    if (!need(n)) return {};
    const BytesView out(at_, n);
    at_ += n;
    return out;
  }
  BytesView string() {
    const uint64_t n = varint();
    return bytes(n);
  }
  void fail() {
    ok_ = false;
    at_ = end_;
  }

 private:
  bool need(size_t n) {
    if (remaining() >= n) return true;
    fail();
    return false;
  }
  template <class T>
  T fixed() {
    T v{};
    if (need(sizeof v)) {
      std::memcpy(&v, at_, sizeof v);
      at_ += sizeof v;
    }
    return v;
  }
  const char* at_;
  const char* end_;
  bool ok_ = true;
};

}  // namespace hindcast
