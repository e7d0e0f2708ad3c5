#include "base/pacer.h"

#include <gtest/gtest.h>

#include <deque>

namespace hindcast {
namespace {

constexpr MonoTime kStart{1h};
constexpr ByteCount kPiece = 64_KiB;

TEST(PacerTest, PiecesGoAtTheRate) {
  Pacer pacer(32_MiB);
  MonoTime now = kStart;
  for (int i = 0; i < 512; ++i) now = pacer.take(kPiece, now);  // 32 MiB
  EXPECT_NEAR(std::chrono::duration<double>(now - kStart).count(), 1, 0.005);
}

// A lane that was idle for an hour is not owed an hour of the disk.
TEST(PacerTest, IdleTimeIsNeverOwedBeyondTheBurst) {
  Pacer pacer(32_MiB);
  (void)pacer.take(kPiece, kStart);
  const MonoTime later = kStart + 1h;
  uint64_t at_once = 0;
  while (pacer.take(kPiece, later) == later) ++at_once;
  EXPECT_LE(at_once, 2u);  // 2 ms at 32 MiB/s are one piece
}

TEST(PacerTest, InNoTimeGoesMoreThanTheRateTheBurstAndOnePiece) {
  constexpr uint64_t kRate = 8 << 20;
  Pacer pacer(ByteCount{kRate});
  MonoTime now = kStart;
  std::deque<std::pair<MonoTime, uint64_t>> gone;
  uint64_t within = 0;
  for (uint64_t i = 0; i < 2'000; ++i) {
    const uint64_t size = 1 + (i * 7'919) % kPiece.value;
    now = pacer.take(ByteCount{size}, now);
    gone.emplace_back(now, size);
    within += size;
    if (i % 97 == 0) now += Duration(i * 10'000);  // sometimes nothing is asked for
    while (gone.front().first + 50ms < gone.back().first) {
      within -= gone.front().second;
      gone.pop_front();
    }
    EXPECT_LE(within, kRate * 52 / 1000 + kPiece.value) << i;
  }
}

TEST(PacerTest, WithoutARateNothingWaits) {
  Pacer pacer(ByteCount{});
  EXPECT_EQ(pacer.take(1_GiB, kStart), kStart);
  EXPECT_EQ(pacer.take(1_GiB, kStart), kStart);
}

// A piece larger than a second's worth goes, and is paid for afterwards.
TEST(PacerTest, ALargePieceLeavesADebtAndPasses) {
  Pacer pacer(1_MiB);
  EXPECT_EQ(pacer.take(4_MiB, kStart), kStart);
  const MonoTime next = pacer.take(ByteCount{1}, kStart);
  EXPECT_GT(next, kStart + 3900ms);
  EXPECT_LT(next, kStart + 4100ms);
}

}  // namespace
}  // namespace hindcast
