// What a job tells of itself: times that add up, what live felt, and a memory of both.
#include "replay/job_account.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

constexpr MonoTime kStart{1h};
LatencySignal p99(Duration latency, uint64_t samples = 1'000) { return {latency, samples}; }

TEST(JobAccountTest, PausesAreNobodysTime) {
  JobAccount account(kStart);
  account.because(Reason::kReader, kStart + 1s);
  account.pause(kStart + 3s);
  account.resume(kStart + 10s);
  account.end(kStart + 11s);
  EXPECT_EQ(account.elapsed(kStart + 1h), 4s);
  EXPECT_EQ(account.times(kStart + 1h)[static_cast<size_t>(Reason::kSchedule)], 2s);
}

TEST(JobAccountTest, LiveIsNotedBeforeDuringAndAfter) {
  JobAccount account(kStart);
  EXPECT_FALSE(account.observe(p99(1ms), {}, false, true, kStart));
  EXPECT_FALSE(account.observe(p99(9ms), {}, false, true, kStart + 1s));  // waits: not its doing
  EXPECT_FALSE(account.observe(p99(4ms), {}, true, false, kStart + 2s));
  EXPECT_FALSE(account.observe(p99(3ms), {}, true, false, kStart + 3s));
  account.end(kStart + 4s);
  EXPECT_FALSE(account.observe(p99(8ms), {}, false, true, kStart + 5s));
  EXPECT_TRUE(account.observe(p99(2ms), {}, false, true, kStart + 9s));
  EXPECT_FALSE(account.observe(p99(7ms), {}, false, true, kStart + 10s));
  EXPECT_EQ(account.live().before, 1ms);
  EXPECT_EQ(account.live().worst, 4ms);
  EXPECT_EQ(account.live().after, 2ms);
}

TEST(JobAccountTest, FewSamplesHaveNoSay) {
  JobAccount account(kStart);
  account.observe(p99(1s, 99), {}, true, false, kStart);
  EXPECT_FALSE(account.live().before);
  EXPECT_FALSE(account.live().worst);
}

TEST(JobAccountTest, ARestartKeepsTimesAndLatencies) {
  JobAccount account(kStart);
  account.observe(p99(1ms), {}, true, false, kStart);
  account.because(Reason::kStore, kStart + 1s);
  const Bytes bytes = account.encode(kStart + 3s);
  Result<JobAccount> again = JobAccount::decode(bytes, kStart + 1h);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->elapsed(kStart + 2h), 3s);  // stands
  EXPECT_EQ(again->live().before, 1ms);
  EXPECT_FALSE(again->live().after);
  again->resume(kStart + 2h);
  EXPECT_EQ(again->elapsed(kStart + 2h + 1s), 4s);
  again->observe(p99(6ms), {}, true, false, kStart + 2h);
  EXPECT_EQ(again->live().before, 1ms);  // as it was noted first
}

TEST(JobAccountTest, GarbageIsRefused) {
  EXPECT_EQ(JobAccount::decode("", kStart).error().code, ErrorCode::kCorruption);
  Bytes bytes = JobAccount(kStart).encode(kStart);
  for (size_t i = 0; i < bytes.size(); ++i)
    EXPECT_FALSE(JobAccount::decode(BytesView(bytes).substr(0, i), kStart).has_value()) << i;
  bytes[0] = 9;
  EXPECT_FALSE(JobAccount::decode(bytes, kStart).has_value());
}

TEST(JobAccountTest, SpeedIsThatOfTheLastSeconds) {
  JobAccount account(kStart);
  for (int i = 1; i <= 10; ++i) account.did(100, kStart + i * 1s);
  EXPECT_NEAR(account.events_per_second(kStart + 10s), 100, 21);
  EXPECT_EQ(account.events_per_second(kStart + 30s), 0);
}

}  // namespace
}  // namespace hindcast
