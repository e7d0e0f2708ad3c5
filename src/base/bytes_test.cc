#include "base/bytes.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/rng.h"

namespace hindcast {
namespace {

TEST(BytesTest, WhatIsPutIsRead) {
  Bytes out;
  put_u8(out, 200);
  put_u32(out, 0xdeadbeef);
  put_u64(out, UINT64_MAX);
  put_varint(out, 300);
  put_varint(out, UINT64_MAX);
  put_signed(out, INT64_MIN);
  put_string(out, "key");
  put_varint128(out, ~uint128{0});
  put_signed128(out, -(int128{1} << 100));
  put_be32(out, 7);
  put_ordered(out, -5);
  ByteReader in(out);
  EXPECT_EQ(in.u8(), 200);
  EXPECT_EQ(in.u32(), 0xdeadbeef);
  EXPECT_EQ(in.u64(), UINT64_MAX);
  EXPECT_EQ(in.varint(), 300U);
  EXPECT_EQ(in.varint(), UINT64_MAX);
  EXPECT_EQ(in.signed_varint(), INT64_MIN);
  EXPECT_EQ(in.string(), "key");
  EXPECT_TRUE(in.varint128() == ~uint128{0});
  EXPECT_TRUE(in.signed_varint128() == -(int128{1} << 100));
  EXPECT_EQ(in.be32(), 7U);
  EXPECT_EQ(in.ordered(), -5);
  EXPECT_TRUE(in.ok() && in.at_end());
}

// Decoders check once at their end, so nothing after a short read may look like data.
TEST(BytesTest, AShortReadMakesEverythingAfterItFail) {
  ByteReader in(
      BytesView("\x05"
                "ab",
                3));
  EXPECT_EQ(in.string(), "");
  EXPECT_EQ(in.u8(), 0);
  EXPECT_FALSE(in.ok());
}

TEST(BytesTest, AnOverlongVarintIsRefused) {
  const Bytes long_varint(11, '\xff');
  ByteReader in(long_varint);
  in.varint();
  EXPECT_FALSE(in.ok());
}

TEST(BytesTest, OrderedIntegersCompareAsBytes) {
  Bytes a, b;
  put_ordered(a, -1);
  put_ordered(b, 1);
  EXPECT_LT(a, b);
}

TEST(HashTest, Crc32cMatchesItsPublishedVectorsAndContinues) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c(Bytes(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c("6789", crc32c("12345")), crc32c("123456789"));
}

TEST(HashTest, HexIsReadBack) {
  const Hash128 h{0x0123456789abcdef, 0xfedcba9876543210};
  EXPECT_EQ(to_hex(h), "0123456789abcdeffedcba9876543210");
  EXPECT_EQ(hash128_from_hex(to_hex(h)).value(), h);
  EXPECT_FALSE(hash128_from_hex("0123"));
  EXPECT_FALSE(hash128_from_hex("0123456789abcdeffedcba987654321g"));
}

TEST(RngTest, SeedsDecideTheSequenceAndBoundsHold) {
  Rng a(1), b(1), c(2);
  EXPECT_EQ(a.next(), b.next());
  EXPECT_NE(a.next(), c.next());
  for (int i = 0; i < 1000; ++i) {
    ASSERT_LT(a.below(3), 3U);
    ASSERT_LT(a.unit(), 1.0);
  }
}

}  // namespace
}  // namespace hindcast
