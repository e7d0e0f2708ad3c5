// Limits that make no sense are refused by name.
#include "replay/limits.h"

#include <gtest/gtest.h>

#include <functional>

namespace hindcast {
namespace {

std::string refusal(const std::function<void(Limits&)>& change) {
  Limits limits;
  change(limits);
  const Status status = check(limits);
  return status ? "accepted"
                : status.error().message.substr(0, status.error().message.find_first_of(" :"));
}

TEST(LimitsTest, TheDefaultsAreAccepted) { EXPECT_TRUE(check(Limits()).has_value()); }

TEST(LimitsTest, OutOfRangeNamesTheLimit) {
  EXPECT_EQ(refusal([](Limits& l) { l.events.per_second = 0; }), "rate");
  EXPECT_EQ(refusal([](Limits& l) { l.events.per_second = (uint64_t{1} << 40) + 1; }), "rate");
  EXPECT_EQ(refusal([](Limits& l) { l.floor.share = 0; }), "floor");
  EXPECT_EQ(refusal([](Limits& l) { l.floor.share = 1.01; }), "floor");
  EXPECT_EQ(refusal([](Limits& l) { l.bytes = RateLimit{.per_second = 0}; }), "bytes_rate");
  EXPECT_EQ(refusal([](Limits& l) { l.store_ops = RateLimit{}; }), "store_ops_rate");
  EXPECT_EQ(refusal([](Limits& l) { l.requests = RateLimit{.share = -1}; }), "requests_rate");
  EXPECT_EQ(refusal([](Limits& l) { l.subwindows_at_once = 0; }), "subwindows_at_once");
  EXPECT_EQ(refusal([](Limits& l) { l.subwindows_at_once = 257; }), "subwindows_at_once");
  EXPECT_EQ(refusal([](Limits& l) { l.live_p99 = 0s; }), "live_p99");
  EXPECT_EQ(refusal([](Limits& l) { l.live_queue_age = -1s; }), "live_queue_age");
  EXPECT_EQ(refusal([](Limits& l) { l.commit_p99 = 0s; }), "commit_p99");
  EXPECT_EQ(refusal([](Limits& l) { l.l0_files = 0; }), "l0_files");
  EXPECT_EQ(refusal([](Limits& l) { l.compaction_share = 0; }), "compaction_share");
  EXPECT_EQ(refusal([](Limits& l) { l.cpu_pressure = 0; }), "cpu_pressure");
  EXPECT_EQ(refusal([](Limits& l) { l.memory_max = {}; }), "memory");
  EXPECT_EQ(refusal([](Limits& l) { l.replay_log_max = {}; }), "replay_log_max");
  EXPECT_EQ(refusal([](Limits& l) { l.catch_up_within = 0s; }), "catch_up_within");
}

TEST(LimitsTest, AShareIsOfCapacityAndNeverNothing) {
  EXPECT_EQ(per_second({.per_second = 50'000}, 7), 50'000u);
  EXPECT_EQ(per_second({.share = 0.25}, 1'000'000), 250'000u);
  EXPECT_EQ(per_second({.share = 0.02}, 7), 1u);
}

}  // namespace
}  // namespace hindcast
