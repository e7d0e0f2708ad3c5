#include "model/distinct.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/hash.h"

namespace hindcast {
namespace {

uint64_t hash_of(uint64_t value) {
  return hash64({reinterpret_cast<const char*>(&value), sizeof value});
}

DistinctSketch of_range(uint64_t begin, uint64_t end) {
  DistinctSketch sketch;
  for (uint64_t i = begin; i < end; ++i) sketch.add(hash_of(i));
  return sketch;
}
Bytes bytes_of(const DistinctSketch& sketch) {
  Bytes out;
  sketch.encode(out);
  return out;
}
Status merge(DistinctSketch& into, BytesView bytes) {
  ByteReader in(bytes);
  into.merge(in);
  return in.ok() && in.at_end() ? Status() : corruption("sketch");
}

TEST(DistinctTest, IsExactWhileItIsSmall) {
  for (const uint64_t n : {0U, 1U, 2U, 100U, 512U}) EXPECT_EQ(of_range(0, n).estimate(), n);
}

// Four standard errors: once in 16,000 sketches by chance, and here the values are fixed.
TEST(DistinctTest, StaysWithinItsStatedError) {
  for (const uint64_t n :
       {513U, 600U, 1'000U, 3'000U, 10'000U, 20'000U, 30'000U, 100'000U, 1'000'000U}) {
    const double estimate = static_cast<double>(of_range(0, n).estimate());
    const auto truth = static_cast<double>(n);
    EXPECT_NEAR(estimate, truth, 4 * 0.0162 * truth);
  }
}

// Over many sketches the error is 1.6 % and has no bias, also around 10,000, where plain
// HyperLogLog has one.
TEST(DistinctTest, OverManySketchesTheErrorIsAsStated) {
  for (const uint64_t n : {700U, 5'000U, 10'000U, 20'000U}) {
    constexpr int kSketches = 100;
    double sum = 0, squares = 0;
    for (uint64_t s = 0; s < kSketches; ++s) {
      const auto estimate = static_cast<double>(of_range(s << 32, (s << 32) + n).estimate());
      const double error = estimate / static_cast<double>(n) - 1;
      sum += error;
      squares += error * error;
    }
    EXPECT_LT(std::sqrt(squares / kSketches), 0.0162 * 1.25) << n;
    EXPECT_LT(std::abs(sum / kSketches), 0.0065) << n;  // four standard errors of the mean
  }
}

// Bytes depend on the set of values alone; else equal content would not give equal rows (law L1).
TEST(DistinctTest, OrderRepetitionAndSplitLeaveNoTrace) {
  for (const uint64_t n : {10U, 512U, 513U, 5'000U}) {
    const Bytes whole = bytes_of(of_range(0, n));
    DistinctSketch backwards;
    for (uint64_t i = n; i-- > 0;) {
      backwards.add(hash_of(i));
      backwards.add(hash_of(i));
    }
    EXPECT_EQ(bytes_of(backwards), whole);
    DistinctSketch merged;
    for (const uint64_t cut : {n / 3, n / 2}) {
      ASSERT_TRUE(merge(merged, bytes_of(of_range(cut, n))));
      ASSERT_TRUE(merge(merged, bytes_of(of_range(0, cut))));
    }
    EXPECT_EQ(bytes_of(merged), whole);
  }
}

TEST(DistinctTest, AReusedSketchForgetsWhatItHeld) {
  DistinctSketch sketch = of_range(0, 10'000);
  sketch.reset();
  EXPECT_EQ(sketch.estimate(), 0u);
  for (uint64_t i = 0; i < 1'000; ++i) sketch.add(hash_of(i));
  EXPECT_EQ(bytes_of(sketch), bytes_of(of_range(0, 1'000)));
}

TEST(DistinctTest, ATruncatedSketchIsCorrupt) {
  for (const uint64_t n : {3U, 1'000U}) {
    const Bytes whole = bytes_of(of_range(0, n));
    for (size_t size = 0; size < whole.size(); ++size) {
      DistinctSketch sketch;
      ASSERT_FALSE(merge(sketch, BytesView(whole).substr(0, size))) << size;
    }
  }
}

TEST(DistinctTest, EntriesAndRanksThatCannotBeAreCorrupt) {
  DistinctSketch sketch;
  Bytes repeated;
  for (const uint64_t v : {2, 5, 0}) put_varint(repeated, v);
  EXPECT_FALSE(merge(sketch, repeated));
  Bytes beyond;
  for (const uint64_t v : {uint64_t{1}, uint64_t{1} << 44}) put_varint(beyond, v);
  EXPECT_FALSE(merge(sketch, beyond));
  Bytes wrong_count;
  put_varint(wrong_count, 514);
  EXPECT_FALSE(merge(sketch, wrong_count));
  Bytes ranks;
  put_varint(ranks, 513);
  ranks.append(3072, '\xff');
  EXPECT_FALSE(merge(sketch, ranks));
}

// Registers that no events leave behind still give a number, not a crash.
TEST(DistinctTest, ForgedRegistersGiveANumber) {
  Bytes empty, full;
  put_varint(empty, 513);
  empty.append(3072, '\0');
  put_varint(full, 513);
  for (int i = 0; i < 1024; ++i) full.append("\x61\x18\x86");  // four times rank 33
  DistinctSketch none, all;
  ASSERT_TRUE(merge(none, empty));
  EXPECT_EQ(none.estimate(), 0u);
  ASSERT_TRUE(merge(all, full));
  EXPECT_EQ(all.estimate(), uint64_t{1'000'000'000'000'000'000});
}

}  // namespace
}  // namespace hindcast
