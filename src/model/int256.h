// Exact sums: a signed 256-bit integer with just the operations that aggregates need.
//
// Why not 128 bits: a product of two decimals takes up to 120, so a few hundred of them may leave
// 128 and come back. A sum that is tested when it is final, not while it grows, does not depend on
// the order of its terms. 2^64 products of two int64 stay below 2^191, so no sum of events wraps
// here.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace hindcast {

class Int256 {
 public:
  constexpr Int256() = default;
  constexpr Int256(int128 v)  // NOLINT: implicit by design, it loses nothing
      : limbs_{static_cast<uint64_t>(v), static_cast<uint64_t>(static_cast<uint128>(v) >> 64),
               v < 0 ? ~uint64_t{0} : 0, v < 0 ? ~uint64_t{0} : 0} {}
  /// Exact.
  static Int256 product(int128 a, int128 b);

  /// Both wrap modulo 2^256; no sum of events gets there.
  Int256& operator+=(const Int256& o);
  Int256 operator-() const;
  friend Int256 operator+(Int256 a, const Int256& b) { return a += b; }
  friend Int256 operator-(Int256 a, const Int256& b) { return a += -b; }

  bool negative() const { return (limbs_[3] >> 63) != 0; }
  bool zero() const { return (limbs_[0] | limbs_[1] | limbs_[2] | limbs_[3]) == 0; }
  /// Its value, unless it does not fit.
  std::optional<int128> to_int128() const;
  /// The nearest double, ties to even.
  double to_double() const;

  bool operator==(const Int256&) const = default;

 private:
  friend std::optional<int128> divide_half_even(const Int256&, const Int256&);
  friend void put_signed256(Bytes&, const Int256&);
  friend Int256 signed_varint256(ByteReader&);
  unsigned bits() const;  // position of the highest set bit, as unsigned, plus one
  void shift_left_or(unsigned bit);
  bool below(const Int256& o) const;  // as unsigned

  std::array<uint64_t, 4> limbs_{};  // two's complement, least significant first
};

/// numerator / denominator, rounded half to even; nullopt when it does not fit. Requires:
/// denominator is not zero.
std::optional<int128> divide_half_even(const Int256& numerator, const Int256& denominator);

/// Zigzag and LEB128, as put_signed128: equal bytes for equal values.
void put_signed256(Bytes& out, const Int256& v);
Int256 signed_varint256(ByteReader& in);

/// 10^exponent. Requires: 0 <= exponent <= 38.
uint128 power_of_ten(unsigned exponent);

}  // namespace hindcast
