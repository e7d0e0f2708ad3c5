#include "model/int256.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

constexpr int128 kMax = static_cast<int128>(~uint128{0} >> 1);
constexpr int128 kMin = -kMax - 1;

TEST(Int256Test, ASumMayLeave128BitsAndComeBack) {
  Int256 sum = kMax;
  EXPECT_EQ(sum.to_int128(), kMax);
  sum += Int256(1);
  EXPECT_EQ(sum.to_int128(), std::nullopt);
  sum += Int256(-1);
  EXPECT_EQ(sum.to_int128(), kMax);
  EXPECT_EQ((Int256(kMin) + Int256(-1)).to_int128(), std::nullopt);
}

TEST(Int256Test, ProductsAreExact) {
  EXPECT_EQ(Int256::product(-3, 7).to_int128(), -21);
  EXPECT_EQ(Int256::product(0, kMin).to_int128(), 0);
  // (2^127)^2 = 2^254, and 2^254 / 2^127 = 2^127, which no int128 holds, but its negative does.
  const Int256 square = Int256::product(kMin, kMin);
  EXPECT_FALSE(square.negative());
  EXPECT_EQ(divide_half_even(square, kMin), kMin);
  EXPECT_EQ(divide_half_even(square, -Int256(kMin)), std::nullopt);
}

TEST(Int256Test, DivisionRoundsHalfToEven) {
  const auto by_two = [](int128 n) { return divide_half_even(n, 2).value(); };
  EXPECT_EQ(by_two(1), 0);
  EXPECT_EQ(by_two(3), 2);
  EXPECT_EQ(by_two(5), 2);
  EXPECT_EQ(by_two(-1), 0);
  EXPECT_EQ(by_two(-3), -2);
  EXPECT_EQ(divide_half_even(7, -2), -4);
  EXPECT_EQ(divide_half_even(10, 4), 2);
  EXPECT_EQ(divide_half_even(11, 4), 3);
  // The long way: the same with numbers beyond 128 bits.
  const int128 big = int128{1} << 100;
  EXPECT_EQ(divide_half_even(Int256::product(big, 5), Int256::product(big, 2)), 2);
  EXPECT_EQ(divide_half_even(Int256::product(big, 7), Int256::product(big, -2)), -4);
}

TEST(Int256Test, ConversionToDoubleIsTheNearest) {
  EXPECT_EQ(Int256(-5).to_double(), -5.0);
  EXPECT_EQ(Int256::product(int128{1} << 120, int128{1} << 100).to_double(), 0x1p220);
  // 2^80 + 2^27 is half way between two doubles: to even. One more decides it.
  const int128 half = (int128{1} << 80) + (int128{1} << 27);
  EXPECT_EQ(Int256(half).to_double(), 0x1p80);
  EXPECT_EQ(Int256(half + 1).to_double(), 0x1.0000000000001p80);
}

TEST(Int256Test, BytesAreThoseOfSmallerIntegersAsFarAsTheseGo) {
  for (const int128 v : {int128{0}, int128{-1}, int128{63}, int128{-64}, kMax, kMin}) {
    Bytes small, wide;
    put_signed128(small, v);
    put_signed256(wide, v);
    EXPECT_EQ(small, wide);
  }
}

TEST(Int256Test, WideNumbersComeBackAsTheyWereWritten) {
  for (const Int256& v : {Int256(kMax) + Int256(1), Int256(kMin) + Int256(-1),
                          Int256::product(kMin, kMin), Int256::product(kMin, kMax)}) {
    Bytes bytes;
    put_signed256(bytes, v);
    ByteReader in(bytes);
    EXPECT_EQ(signed_varint256(in), v);
    EXPECT_TRUE(in.ok() && in.at_end());
    ByteReader cut(BytesView(bytes).substr(0, bytes.size() - 1));
    (void)signed_varint256(cut);
    EXPECT_FALSE(cut.ok());
  }
}

TEST(Int256Test, AVarintBeyond256BitsIsRefused) {
  Bytes bytes(36, '\xff');
  for (const auto& [last, fine] : {std::pair{'\x0f', true}, {'\x10', false}, {'\x8f', false}}) {
    const Bytes all = bytes + last;
    ByteReader in(all);
    (void)signed_varint256(in);
    EXPECT_EQ(in.ok(), fine);
  }
}

}  // namespace
}  // namespace hindcast
