#include "base/bytes.h"

namespace hindcast {

void put_varint128(Bytes& out, uint128 v) {
  while (v >= 0x80) {
    out.push_back(static_cast<char>(static_cast<uint8_t>(v) | 0x80));
    v >>= 7;
  }
  out.push_back(static_cast<char>(v));
}

uint128 ByteReader::varint128() {
  uint128 v = 0;
  for (unsigned shift = 0; shift < 133; shift += 7) {
    const uint8_t b = u8();
    if (!ok_) return 0;
    if (shift == 126 && b > 3) break;
    v |= static_cast<uint128>(b & 0x7f) << shift;
    if (b < 0x80) return v;
  }
  fail();
  return 0;
}

}  // namespace hindcast
