// Why this speed, in literal times.
#include "replay/time_ledger.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/hex_test_util.h"

namespace hindcast {
namespace {

constexpr MonoTime kStart{Duration{5'000'000'000'000}};

Duration of(const ReasonTimes& times, Reason reason) { return times[static_cast<size_t>(reason)]; }
Duration sum(const ReasonTimes& times) {
  return std::accumulate(times.begin(), times.end(), Duration(0));
}

TEST(TimeLedgerTest, EachStretchIsChargedToTheReasonThatHeldThen) {
  TimeLedger ledger(Reason::kSchedule, kStart);
  ledger.switch_to(Reason::kCompute, kStart + 5s);
  ledger.switch_to(Reason::kStore, kStart + 7s);
  ledger.switch_to(Reason::kCompute, kStart + 7s + 250ms);
  const ReasonTimes totals = ledger.totals(kStart + 10s);
  EXPECT_EQ(of(totals, Reason::kSchedule), 5s);
  EXPECT_EQ(of(totals, Reason::kCompute), 4750ms);
  EXPECT_EQ(of(totals, Reason::kStore), 250ms);
  EXPECT_EQ(sum(totals), 10s);
  EXPECT_EQ(ledger.reason(), Reason::kCompute);
}

TEST(TimeLedgerTest, APausedJobIsChargedNothing) {
  TimeLedger ledger(Reason::kRate, kStart);
  ledger.stop(kStart + 3s);
  ledger.resume(Reason::kCompute, kStart + 1h);
  EXPECT_EQ(ledger.elapsed(kStart + 1h + 2s), 5s);
  EXPECT_EQ(of(ledger.totals(kStart + 1h + 2s), Reason::kRate), 3s);
  EXPECT_EQ(sum(ledger.recent(kStart + 1h)), 0s);
}

TEST(TimeLedgerTest, AClockThatStepsBackIsChargedOnce) {
  TimeLedger ledger(Reason::kRate, kStart);
  ledger.switch_to(Reason::kStore, kStart + 4s);
  ledger.switch_to(Reason::kCompute, kStart + 1s);
  EXPECT_EQ(of(ledger.totals(kStart + 6s), Reason::kRate), 4s);
  EXPECT_EQ(of(ledger.totals(kStart + 6s), Reason::kCompute), 2s);
  EXPECT_EQ(ledger.elapsed(kStart + 6s), 6s);
}

TEST(TimeLedgerTest, RecentForgetsWhatIsTenSecondsAgo) {
  TimeLedger ledger(Reason::kStore, kStart);
  ledger.switch_to(Reason::kRate, kStart + 1h);
  EXPECT_EQ(of(ledger.recent(kStart + 1h + 4s), Reason::kStore), 5s);
  EXPECT_EQ(of(ledger.recent(kStart + 1h + 4s), Reason::kRate), 4s);
  EXPECT_EQ(of(ledger.recent(kStart + 1h + 11s), Reason::kStore), 0s);
  EXPECT_EQ(sum(ledger.recent(kStart + 1h + 11s + 600ms)), 9s + 600ms);
}

TEST(TimeLedgerTest, ARestartGoesOnWithTheTotals) {
  TimeLedger ledger(Reason::kStore, kStart);
  ledger.switch_to(Reason::kRate, kStart + 2s);
  const Bytes bytes = ledger.encode(kStart + 5s);
  const MonoTime other_clock{Duration{77'000'000'000}};
  TimeLedger restored = TimeLedger::decode(bytes, other_clock).value();
  EXPECT_EQ(restored.elapsed(other_clock + 1h), 5s);
  restored.resume(Reason::kCompute, other_clock + 1h);
  EXPECT_EQ(restored.elapsed(other_clock + 1h + 1s), 6s);
  EXPECT_EQ(of(restored.totals(other_clock + 1h + 1s), Reason::kStore), 2s);
}

// docs/formats/replay.md
TEST(TimeLedgerTest, TheBytesAreThoseOfTheDescription) {
  TimeLedger ledger(Reason::kRate, kStart);
  ledger.switch_to(Reason::kStore, kStart + 2s);
  EXPECT_EQ(ledger.encode(kStart + 3s),
            test::from_hex("01 0b 80a8d6b907 00 00 8094ebdc03 00 00 00 00 00 00 00"));
}

TEST(TimeLedgerTest, DamagedBytesAreRefused) {
  const Bytes good = TimeLedger(Reason::kRate, kStart).encode(kStart + 1s);
  EXPECT_TRUE(TimeLedger::decode(good, kStart).has_value());
  Bytes version = good, more = good + "x", huge = good.substr(0, 2);
  version[0] = 9;
  for (size_t i = 0; i < kReasons; ++i) put_varint(huge, UINT64_MAX);
  for (const Bytes& bad : {Bytes(), good.substr(0, good.size() - 1), version, more, huge})
    EXPECT_EQ(TimeLedger::decode(bad, kStart).error().code, ErrorCode::kCorruption);
}

// "Slow because of compute" would send the operator to buy machines when a limit is what holds.
TEST(ExplainTest, AWorkerThatComputesDoesNotHideOneThatWaitsForItsLimit) {
  EXPECT_EQ(explain({Reason::kCompute, Reason::kRate}, Reason::kConcurrency), Reason::kRate);
  EXPECT_EQ(explain({Reason::kStore, Reason::kLiveLatency}, Reason::kConcurrency),
            Reason::kLiveLatency);
  EXPECT_EQ(explain({Reason::kReader, Reason::kStore}, Reason::kConcurrency), Reason::kStore);
  EXPECT_EQ(explain({Reason::kCompute, Reason::kCompute}, Reason::kConcurrency), Reason::kCompute);
}

TEST(ExplainTest, AJobWithoutAWorkerHasTheReasonOfWhoeverGaveItNone) {
  EXPECT_EQ(explain({}, Reason::kConcurrency), Reason::kConcurrency);
  EXPECT_EQ(explain({}, Reason::kStream), Reason::kStream);
}

TEST(ExplainTest, EveryReasonHasAPlaceInTheOrder) {
  for (size_t i = 0; i < kReasons; ++i) {
    const auto reason = static_cast<Reason>(i);
    EXPECT_EQ(explain({reason}, Reason::kBudget), reason);
    EXPECT_NE(to_string(reason), "unknown");
  }
}

}  // namespace
}  // namespace hindcast
