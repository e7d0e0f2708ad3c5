// Random backlogs and speeds: a storm is called exactly by the rule, and a forecast keeps its word.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

#include "replay/divergence.h"

namespace hindcast {
namespace {

constexpr MonoTime kStart{Duration{1'000'000'000'000}};

RC_GTEST_PROP(DivergencePropertyTest, AStormBeginsOnlyAfterThreeGrowingWindowsThatNobodyChose, ()) {
  Divergence divergence(1h);
  std::vector<int64_t> backlog{*rc::gen::inRange<int64_t>(1'000, 100'000)};  // a sample each 10 s
  std::vector<bool> chosen{false};
  divergence.observe({backlog[0] * 1s, 0}, false, kStart);
  for (int i = 1; i < 100; ++i) {
    backlog.push_back(std::max<int64_t>(backlog.back() + *rc::gen::inRange<int64_t>(-4, 9), 0));
    chosen.push_back(*rc::gen::inRange(0, 40) == 0);
    const bool before = divergence.storm().has_value();
    divergence.observe({backlog.back() * 1s, 0}, chosen.back(), kStart + i * 10s);
    bool grew = i >= 18;
    for (int window = 0; window < 3 && grew; ++window) {
      const size_t last = static_cast<size_t>(i - window * 6);
      grew = backlog[last] > backlog[last - 6];
      for (size_t k = last - 5; k <= last; ++k) grew = grew && !chosen[k];
    }
    if (grew) RC_ASSERT(divergence.storm().has_value());
    if (!before && !grew) RC_ASSERT(!divergence.storm().has_value());
    if (i >= 6 && backlog.back() < backlog[backlog.size() - 7])
      RC_ASSERT(!divergence.storm().has_value());
    if (divergence.storm()) RC_ASSERT(!divergence.eta());
  }
}

// As long as its thirds go on to hold, the end comes between `earliest` and `latest`.
RC_GTEST_PROP(DivergencePropertyTest, AForecastEnclosesTheEndAtAnySpeedThatWasSeen, ()) {
  Divergence divergence(1h);
  Duration backlog = *rc::gen::inRange<int64_t>(10'000, 1'000'000) * 1s;
  const int64_t speeds[] = {*rc::gen::inRange<int64_t>(1, 20), *rc::gen::inRange<int64_t>(1, 20),
                            *rc::gen::inRange<int64_t>(1, 20)};
  for (int i = 0; i <= 6; ++i) {
    if (i > 0) backlog -= speeds[(i - 1) / 2] * 10s;
    divergence.observe({backlog, 0}, false, kStart + i * 10s);
  }
  const auto eta = divergence.eta();
  const auto [slowest, fastest] = std::minmax({speeds[0], speeds[1], speeds[2]});
  RC_ASSERT(eta.has_value() == (fastest <= 3 * slowest));
  if (!eta) return;
  RC_ASSERT(eta->earliest <= eta->left);
  RC_ASSERT(eta->left <= eta->latest);
  for (const int64_t speed : speeds) {
    RC_ASSERT(backlog / speed >= eta->earliest - 1us);
    RC_ASSERT(backlog / speed <= eta->latest + 1us);
  }
}

}  // namespace
}  // namespace hindcast
