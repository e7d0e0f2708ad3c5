#include "replay/reason_shares.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>

namespace hindcast {
namespace {

ReasonTimes times(Duration rate, Duration store, Duration compute) {
  ReasonTimes out{};
  out[static_cast<size_t>(Reason::kRate)] = rate;
  out[static_cast<size_t>(Reason::kStore)] = store;
  out[static_cast<size_t>(Reason::kCompute)] = compute;
  return out;
}
uint32_t of(const std::array<uint32_t, kReasons>& shares, Reason reason) {
  return shares[static_cast<size_t>(reason)];
}

TEST(ReasonTest, EveryReasonHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kReasons; ++i) names.insert(to_string(static_cast<Reason>(i)));
  EXPECT_EQ(names.size(), kReasons);
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(SharesTest, AddUpToTheTotalWhateverWouldBeLostByRounding) {
  const auto thirds = shares_of(times(1s, 1s, 1s), 1000);
  EXPECT_EQ(of(thirds, Reason::kRate), 334u);
  EXPECT_EQ(of(thirds, Reason::kStore), 333u);
  EXPECT_EQ(of(thirds, Reason::kCompute), 333u);
  for (const Duration small : {1ns, 999ns, 7919ns, 123'456'789ns}) {
    for (const uint32_t total : {100u, 1000u}) {
      const auto shares = shares_of(times(small, 3 * small + 1ns, 100h), total);
      EXPECT_EQ(std::accumulate(shares.begin(), shares.end(), 0u), total);
    }
  }
}

TEST(SharesTest, TheLargestRemainderIsRoundedUp) {
  const auto shares = shares_of(times(815ms, 125ms, 60ms), 100);
  EXPECT_EQ(of(shares, Reason::kRate), 82u);  // 81.5, the first of two equal ones
  EXPECT_EQ(of(shares, Reason::kStore), 12u);
  EXPECT_EQ(of(shares, Reason::kCompute), 6u);
}

TEST(SharesTest, OfNoTimeThereAreNone) {
  const auto shares = shares_of(ReasonTimes{}, 100);
  EXPECT_EQ(std::accumulate(shares.begin(), shares.end(), 0u), 0u);
}

}  // namespace
}  // namespace hindcast
