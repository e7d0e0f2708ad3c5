#include "replay/latency_meter.h"

#include <gtest/gtest.h>

#include <memory>

namespace hindcast {
namespace {

constexpr MonoTime kStart{1h};

LatencyCounts all_of(const LatencyMeter& meter) {
  LatencyCounts counts;
  meter.add_all_to(counts);
  return counts;
}

// The governor must forget, a report of an hour must not.
TEST(LatencyMeterTest, WhatTheWindowForgetsStaysInAll) {
  const auto meter = std::make_unique<LatencyMeter>();
  meter->record(2ms, kStart);
  meter->record(4ms, kStart + 10s);
  LatencyCounts lately;
  meter->add_lately_to(lately, kStart + 10s);
  EXPECT_EQ(lately.count(), 1U);
  EXPECT_GE(lately.quantile(1), 4ms);
  EXPECT_EQ(all_of(*meter).count(), 2U);
}

TEST(LatencyMeterTest, ASpanIsWhatItsEndHasMoreThanItsBeginning) {
  const auto meter = std::make_unique<LatencyMeter>();
  meter->record(900ms, kStart);
  const LatencyCounts before = all_of(*meter);
  for (int i = 0; i < 100; ++i) meter->record(1ms, kStart + 1s);
  LatencyCounts span = all_of(*meter);
  span -= before;
  EXPECT_EQ(span.count(), 100U);
  EXPECT_LT(span.quantile(1), 2ms);
}

}  // namespace
}  // namespace hindcast
