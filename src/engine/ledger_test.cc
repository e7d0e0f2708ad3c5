#include "engine/ledger.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

constexpr SourceId kSource{1};
constexpr PartitionId kPartition{7};
LogCounts events(uint64_t n) { return {{{kSource, kPartition}, n}}; }

// Every event is in exactly one place at every moment, also on its way through the replay log.
TEST(LedgerTest, EveryMoveKeepsTheBalance) {
  Ledger ledger;
  const auto tally = [&] { return ledger.read().at(kSource); };
  ledger.appended(events(10));
  EXPECT_EQ(ledger.unapplied(kPartition), 10U);
  EXPECT_TRUE(tally().balanced());
  ledger.applied(events(10));
  EXPECT_EQ(ledger.unapplied(kPartition), 0U);
  ledger.to_replay(events(4));
  EXPECT_EQ(tally().open, 6U);
  ledger.settled({{kSource, {.aggregated = 5, .duplicate = 1}}}, /*from_replay=*/false);
  ledger.settled({{kSource, {.aggregated = 4}}}, /*from_replay=*/true);
  EXPECT_EQ(tally().pending(), 0U);
  EXPECT_EQ(tally().settled, (Tallies{.aggregated = 9, .duplicate = 1}));
  EXPECT_TRUE(tally().balanced());
}

TEST(LedgerTest, WhatTheLogRefusesWasNeverReceived) {
  Ledger ledger;
  ledger.appended(events(10));
  ledger.withdrawn(events(10));
  EXPECT_EQ(ledger.read().at(kSource).received, 0U);
  EXPECT_EQ(ledger.unapplied(kPartition), 0U);
}

// What the store had settled before a restart is part of what the lane says it received.
TEST(LedgerTest, ARestartGoesOnFromTheStore) {
  Ledger ledger;
  ledger.restore(kSource, {.aggregated = 7});
  ledger.recovered(kSource, /*received=*/12, /*open=*/3, /*replay=*/2);
  EXPECT_TRUE(ledger.read().at(kSource).balanced());
}

}  // namespace
}  // namespace hindcast
