// Turns of streams, piece by piece.
#include "replay/fair_queue.h"

#include <gtest/gtest.h>

#include <vector>

namespace hindcast {
namespace {

constexpr StreamId kTrades{1}, kSensors{2};

std::vector<uint64_t> order_of(FairQueue& queue) {
  std::vector<uint64_t> pieces;
  while (const auto turn = queue.pop()) pieces.push_back(turn->piece);
  return pieces;
}

// A backfill of years must not make the reconnect of another stream wait for its end.
TEST(FairQueueTest, AStreamOfHugePiecesLetsASmallOnePass) {
  FairQueue queue(1'000, 100);
  for (uint64_t piece = 0; piece < 3; ++piece) EXPECT_TRUE(queue.push({kTrades, piece, 3'000}));
  for (uint64_t piece = 10; piece < 16; ++piece) EXPECT_TRUE(queue.push({kSensors, piece, 500}));
  EXPECT_EQ(order_of(queue), (std::vector<uint64_t>{10, 11, 12, 13, 0, 14, 15, 1, 2}));
}

TEST(FairQueueTest, APieceLargerThanAnyQuantumIsServedAtOnceWhenAlone) {
  FairQueue queue(1, 1);
  EXPECT_TRUE(queue.push({kTrades, 7, UINT64_MAX}));
  EXPECT_EQ(queue.pop()->piece, 7u);
  EXPECT_EQ(queue.pop(), std::nullopt);
}

// Law L8.
TEST(FairQueueTest, AStreamsLineIsBoundedAndDoesNotFillTheOthers) {
  FairQueue queue(1'000, 2);
  EXPECT_TRUE(queue.push({kTrades, 1, 10}));
  EXPECT_TRUE(queue.push({kTrades, 2, 10}));
  EXPECT_FALSE(queue.push({kTrades, 3, 10}));
  EXPECT_TRUE(queue.push({kSensors, 4, 10}));
  EXPECT_EQ(queue.waiting(kTrades), 2u);
  EXPECT_EQ(order_of(queue), (std::vector<uint64_t>{1, 2, 4}));
}

TEST(FairQueueTest, AnIdleStreamSavesNothingUp) {
  FairQueue queue(1'000, 100);
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(queue.push({kTrades, 0, 1}));
    EXPECT_EQ(queue.pop()->piece, 0u);
  }
  EXPECT_TRUE(queue.push({kTrades, 1, 1'000}));
  EXPECT_TRUE(queue.push({kTrades, 2, 1'000}));
  EXPECT_TRUE(queue.push({kSensors, 3, 1'000}));
  EXPECT_EQ(order_of(queue), (std::vector<uint64_t>{1, 3, 2}));
}

// Histories often cannot say how many events a piece holds before it was read.
TEST(FairQueueTest, APieceThatTurnsOutLargerIsPaidForLater) {
  FairQueue queue(1'000, 100);
  for (uint64_t piece = 1; piece <= 2; ++piece) EXPECT_TRUE(queue.push({kTrades, piece, 1'000}));
  for (uint64_t piece = 11; piece <= 15; ++piece) EXPECT_TRUE(queue.push({kSensors, piece, 1'000}));
  EXPECT_EQ(queue.pop()->piece, 1u);
  queue.charge(kTrades, 3'000);
  EXPECT_EQ(order_of(queue), (std::vector<uint64_t>{11, 12, 13, 14, 2, 15}));
}

TEST(FairQueueTest, ADebtOutlivesAnEmptyLineAndADroppedOne) {
  FairQueue queue(1'000, 100);
  queue.charge(kTrades, 2'000);
  EXPECT_TRUE(queue.push({kTrades, 1, 1'000}));
  queue.drop(kTrades);
  queue.drop(kSensors);  // has nothing
  EXPECT_TRUE(queue.empty());
  EXPECT_TRUE(queue.push({kTrades, 2, 1'000}));
  for (uint64_t piece = 11; piece <= 13; ++piece) EXPECT_TRUE(queue.push({kSensors, piece, 1'000}));
  EXPECT_EQ(order_of(queue), (std::vector<uint64_t>{11, 12, 2, 13}));
}

TEST(FairQueueTest, DroppingTheStreamWhoseTurnItIsPassesTheTurnOn) {
  FairQueue queue(1'000, 100);
  for (uint64_t piece = 1; piece <= 3; ++piece) EXPECT_TRUE(queue.push({kTrades, piece, 400}));
  EXPECT_TRUE(queue.push({kSensors, 11, 1'000}));
  EXPECT_EQ(queue.pop()->piece, 1u);
  queue.drop(kTrades);
  EXPECT_EQ(queue.waiting(kTrades), 0u);
  EXPECT_EQ(order_of(queue), (std::vector<uint64_t>{11}));
}

}  // namespace
}  // namespace hindcast
