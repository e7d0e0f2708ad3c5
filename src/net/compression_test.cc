#include "net/compression.h"

#include <gtest/gtest.h>

#include <string>

#include "net/compression_test_util.h"

namespace hindcast {
namespace {

Bytes lines(int from, int to) {
  Bytes out;
  for (int i = from; i < to; ++i)
    out += "{\"id\":" + std::to_string(i) + ",\"price\":\"" + std::to_string(i * 7919) + "\"}\n";
  return out;
}

class CompressionTest : public testing::TestWithParam<Compression> {
 protected:
  static Bytes compress(BytesView text) {
    return GetParam() == Compression::kGzip ? gzip(text) : zstd(text);
  }

  /// Gives `input` in pieces and takes output in pieces, as a file source does.
  static Result<Bytes> stream(BytesView input, size_t in_piece, size_t out_piece) {
    const auto decoder = make_decompressor(GetParam());
    Bytes out;
    std::string buffer(out_piece, '\0');
    while (!input.empty()) {
      BytesView piece = input.substr(0, in_piece);
      input.remove_prefix(piece.size());
      for (;;) {
        auto written = decoder->read(piece, buffer.data(), buffer.size());
        if (!written) return std::move(written).error();
        out.append(buffer, 0, *written);
        if (*written < buffer.size()) break;
      }
      EXPECT_TRUE(piece.empty());
    }
    HC_TRY(decoder->finish());
    return out;
  }
};

TEST_P(CompressionTest, AnyCutOfInputAndOutputGivesTheSameText) {
  const Bytes text = lines(0, 5000);
  const Bytes packed = compress(text);
  for (const size_t in : {size_t{1}, size_t{7}, size_t{4096}, packed.size()}) {
    for (const size_t out : {size_t{1}, size_t{333}, size_t{1} << 20}) {
      const auto result = stream(packed, in, out);
      ASSERT_TRUE(result) << result.error().message;
      EXPECT_EQ(*result, text) << in << " " << out;
    }
  }
}

// `cat a.gz b.gz > c.gz` is how rotated logs are joined; stopping after the first member would lose
// the rest in silence.
TEST_P(CompressionTest, ConcatenatedStreamsAreOneStream) {
  const Bytes packed = compress(lines(0, 100)) + compress("") + compress(lines(100, 300));
  for (const size_t in : {size_t{1}, packed.size()}) {
    const auto result = stream(packed, in, 1000);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(*result, lines(0, 300));
  }
}

TEST_P(CompressionTest, TruncationIsAnErrorThatNamesTheByte) {
  Bytes packed = compress(lines(0, 50'000));
  packed.resize(packed.size() / 2);
  Bytes out;
  const auto result = decompress_all(GetParam(), packed, 16_MiB, out);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kCorruption);
  EXPECT_NE(result.error().message.find("truncated at byte " + std::to_string(packed.size())),
            std::string::npos)
      << result.error().message;
  EXPECT_GT(out.size(), 1000u);
  EXPECT_EQ(out, lines(0, 50'000).substr(0, out.size()));
}

TEST_P(CompressionTest, EveryTruncationIsFound) {
  const Bytes packed = compress(lines(0, 20));
  for (size_t size = 0; size < packed.size(); ++size) {
    Bytes out;
    EXPECT_FALSE(decompress_all(GetParam(), BytesView(packed).substr(0, size), 16_MiB, out))
        << size;
  }
}

TEST_P(CompressionTest, WhatIsNotCompressedIsRefused) {
  Bytes out;
  const auto result = decompress_all(GetParam(), "{\"id\":1}\n", 16_MiB, out);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("corrupt near byte"), std::string::npos)
      << result.error().message;
}

// 64 MiB of zeros are some 60 kB of gzip: without the bound, one small request would take all
// memory.
TEST_P(CompressionTest, BombStopsAtTheBound) {
  const Bytes packed = compress(Bytes(64 << 20, '\0'));
  ASSERT_LT(packed.size(), 100'000u);
  Bytes out;
  const auto result = decompress_all(GetParam(), packed, 1_MiB, out);
  ASSERT_TRUE(result);
  EXPECT_EQ(*result, Inflated::kTooLarge);
  EXPECT_LE(out.capacity(), 2u << 20);  // a string doubles
}

TEST_P(CompressionTest, ExactlyTheBoundIsAccepted) {
  const Bytes packed = compress(Bytes(1 << 20, 'x'));
  Bytes out;
  EXPECT_EQ(decompress_all(GetParam(), packed, 1_MiB, out).value(), Inflated::kComplete);
  EXPECT_EQ(out.size(), size_t{1} << 20);
  EXPECT_EQ(decompress_all(GetParam(), packed, ByteCount{(1 << 20) - 1}, out).value(),
            Inflated::kTooLarge);
}

INSTANTIATE_TEST_SUITE_P(Kinds, CompressionTest,
                         testing::Values(Compression::kGzip, Compression::kZstd),
                         [](const auto& parameter) {
                           return parameter.param == Compression::kGzip ? "gzip" : "zstd";
                         });

TEST(GzipTest, ZeroPaddingBehindAMemberIsNoError) {
  Bytes out;
  EXPECT_EQ(decompress_all(Compression::kGzip, gzip("a\n") + Bytes(512, '\0'), 1_MiB, out).value(),
            Inflated::kComplete);
  EXPECT_EQ(out, "a\n");
}

TEST(GzipTest, FlippedBitIsFoundByTheChecksum) {
  Bytes packed = gzip(lines(0, 1000));
  packed[packed.size() / 2] = static_cast<char>(packed[packed.size() / 2] ^ 0x10);
  Bytes out;
  EXPECT_FALSE(decompress_all(Compression::kGzip, packed, 16_MiB, out));
}

TEST(CompressionNamesTest, PathSuffixAndContentEncodingDecide) {
  EXPECT_EQ(compression_of_path("a/b.csv.gz"), Compression::kGzip);
  EXPECT_EQ(compression_of_path("b.ndjson.zst"), Compression::kZstd);
  EXPECT_EQ(compression_of_path("gz"), Compression::kNone);
  EXPECT_EQ(compression_of_path(".gz"), Compression::kNone);
  EXPECT_EQ(without_compression_suffix("b.csv.gz"), "b.csv");
  EXPECT_EQ(without_compression_suffix("b.csv"), "b.csv");
  EXPECT_EQ(compression_of_content_encoding("zstd"), Compression::kZstd);
  EXPECT_EQ(compression_of_content_encoding("br"), std::nullopt);
}

}  // namespace
}  // namespace hindcast
