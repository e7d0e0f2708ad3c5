#include "model/int256.h"

#include <bit>
#include <cmath>

#include "base/assert.h"

namespace hindcast {
namespace {

constexpr uint128 magnitude(int128 v) {
  return v < 0 ? -static_cast<uint128>(v) : static_cast<uint128>(v);
}
constexpr uint64_t low(uint128 v) { return static_cast<uint64_t>(v); }
constexpr uint64_t high(uint128 v) { return static_cast<uint64_t>(v >> 64); }
constexpr uint128 kInt128Limit = uint128{1} << 127;  // magnitude of the smallest int128

}  // namespace

Int256 Int256::product(int128 a, int128 b) {
  const uint128 x = magnitude(a), y = magnitude(b);
  const uint128 ll = static_cast<uint128>(low(x)) * low(y);
  const uint128 lh = static_cast<uint128>(low(x)) * high(y);
  const uint128 hl = static_cast<uint128>(high(x)) * low(y);
  const uint128 hh = static_cast<uint128>(high(x)) * high(y);
  const uint128 middle = static_cast<uint128>(high(ll)) + low(lh) + low(hl);
  const uint128 top = hh + high(lh) + high(hl) + high(middle);
  Int256 out;
  out.limbs_ = {low(ll), low(middle), low(top), high(top)};
  return (a < 0) != (b < 0) ? -out : out;
}

Int256& Int256::operator+=(const Int256& o) {
  uint64_t carry = 0;
  for (size_t i = 0; i < 4; ++i) {
    const uint128 sum = static_cast<uint128>(limbs_[i]) + o.limbs_[i] + carry;
    limbs_[i] = low(sum);
    carry = high(sum);
  }
  return *this;
}

Int256 Int256::operator-() const {
  Int256 out;
  for (size_t i = 0; i < 4; ++i) out.limbs_[i] = ~limbs_[i];
  return out += Int256(1);
}

std::optional<int128> Int256::to_int128() const {
  const auto v = static_cast<int128>(static_cast<uint128>(limbs_[1]) << 64 | limbs_[0]);
  if (Int256(v) == *this) return v;
  return std::nullopt;
}

unsigned Int256::bits() const {
  for (unsigned i = 4; i > 0; --i) {
    if (limbs_[i - 1] != 0) return 64 * i - static_cast<unsigned>(std::countl_zero(limbs_[i - 1]));
  }
  return 0;
}

double Int256::to_double() const {
  if (negative()) return -(-*this).to_double();
  const unsigned width = bits();
  if (width <= 64) return static_cast<double>(limbs_[0]);
  // The 64 highest bits, the last of them set if any bit below is: the conversion then rounds as
  // the whole number would.
  const unsigned shift = width - 64, limb = shift / 64, bit = shift % 64;
  uint64_t top = limbs_[limb] >> bit;
  if (bit != 0) top |= limbs_[limb + 1] << (64 - bit);
  bool rest = bit != 0 && (limbs_[limb] << (64 - bit)) != 0;
  for (unsigned i = 0; i < limb; ++i) rest |= limbs_[i] != 0;
  return std::ldexp(static_cast<double>(top | (rest ? 1 : 0)), static_cast<int>(shift));
}

void Int256::shift_left_or(unsigned bit) {
  for (size_t i = 3; i > 0; --i) limbs_[i] = limbs_[i] << 1 | limbs_[i - 1] >> 63;
  limbs_[0] = limbs_[0] << 1 | bit;
}

bool Int256::below(const Int256& o) const {
  for (size_t i = 4; i > 0; --i) {
    if (limbs_[i - 1] != o.limbs_[i - 1]) return limbs_[i - 1] < o.limbs_[i - 1];
  }
  return false;
}

std::optional<int128> divide_half_even(const Int256& numerator, const Int256& denominator) {
  HC_ASSERT(!denominator.zero());
  const bool negative = numerator.negative() != denominator.negative();
  const Int256 n = numerator.negative() ? -numerator : numerator;
  const Int256 d = denominator.negative() ? -denominator : denominator;

  Int256 quotient, remainder;
  if (n.bits() <= 128 && d.bits() <= 128) {  // nearly always; and ten times faster
    const uint128 a = static_cast<uint128>(n.limbs_[1]) << 64 | n.limbs_[0];
    const uint128 b = static_cast<uint128>(d.limbs_[1]) << 64 | d.limbs_[0];
    quotient.limbs_ = {low(a / b), high(a / b), 0, 0};
    remainder.limbs_ = {low(a % b), high(a % b), 0, 0};
  } else {
    for (unsigned i = n.bits(); i > 0; --i) {  // school division in base two
      remainder.shift_left_or(static_cast<unsigned>(n.limbs_[(i - 1) / 64] >> ((i - 1) % 64)) & 1);
      const bool one = !remainder.below(d);
      if (one) remainder += -d;
      quotient.shift_left_or(one ? 1 : 0);
    }
  }

  const Int256 other_half = d - remainder;  // compared with the remainder without doubling it
  const bool odd = (quotient.limbs_[0] & 1) != 0;
  if (other_half.below(remainder) || (other_half == remainder && odd)) quotient += Int256(1);

  if (quotient.limbs_[2] != 0 || quotient.limbs_[3] != 0) return std::nullopt;
  const uint128 result = static_cast<uint128>(quotient.limbs_[1]) << 64 | quotient.limbs_[0];
  if (result > (negative ? kInt128Limit : kInt128Limit - 1)) return std::nullopt;
  return static_cast<int128>(negative ? -result : result);
}

void put_signed256(Bytes& out, const Int256& v) {
  if (const auto small = v.to_int128()) {
    const auto least = static_cast<int64_t>(*small);
    return least == *small ? put_signed(out, least) : put_signed128(out, *small);
  }
  Int256 z = v;
  z.shift_left_or(0);
  if (v.negative()) {
    for (uint64_t& limb : z.limbs_) limb = ~limb;
  }
  auto& l = z.limbs_;
  while (z.bits() > 7) {
    put_u8(out, static_cast<uint8_t>(l[0] | 0x80));
    for (size_t i = 0; i < 3; ++i) l[i] = l[i] >> 7 | l[i + 1] << 57;
    l[3] >>= 7;
  }
  put_u8(out, static_cast<uint8_t>(l[0]));
}

Int256 signed_varint256(ByteReader& in) {
  Int256 z;
  for (unsigned shift = 0;; shift += 7) {
    const uint8_t b = in.u8();
    const uint64_t digits = b & 0x7f;
    const unsigned limb = shift / 64, bit = shift % 64;
    if (shift == 252 && b > 15) in.fail();  // beyond 256 bits, or no end
    if (!in.ok()) return {};
    z.limbs_[limb] |= digits << bit;
    if (bit > 57 && limb < 3) z.limbs_[limb + 1] |= digits >> (64 - bit);
    if (b < 0x80) break;
  }
  const uint64_t sign = -(z.limbs_[0] & 1);
  for (size_t i = 0; i < 3; ++i) z.limbs_[i] = (z.limbs_[i] >> 1 | z.limbs_[i + 1] << 63) ^ sign;
  z.limbs_[3] = (z.limbs_[3] >> 1) ^ sign;
  return z;
}

uint128 power_of_ten(unsigned exponent) {
  HC_ASSERT(exponent <= 38);
  uint128 power = 1;
  for (unsigned i = 0; i < exponent; ++i) power *= 10;
  return power;
}

}  // namespace hindcast
