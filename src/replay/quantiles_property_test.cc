// Random latencies at random times against a sorted list.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "replay/quantiles.h"

namespace hindcast {
namespace {

struct Sample {
  MonoTime at;
  Duration latency;
};

RC_GTEST_PROP(QuantilesPropertyTest, EqualsASortedListWithinItsError, ()) {
  LatencyWindow window;
  std::vector<Sample> all;
  MonoTime now{Duration{1'000'000'000'000}};
  for (int steps = *rc::gen::inRange(1, 300); steps > 0; --steps) {
    now += Duration(*rc::gen::inRange<int64_t>(0, 200'000'000));
    const Duration latency{int64_t{1} << *rc::gen::inRange(0, 39)};
    all.push_back({now, latency + Duration(*rc::gen::inRange<int64_t>(0, latency.count()))});
    window.record(all.back().latency, now);
  }
  LatencyCounts counts;
  window.add_to(counts, now);

  const MonoTime slot_start{now.time_since_epoch() / LatencyWindow::kSlot * LatencyWindow::kSlot};
  std::vector<Duration> recent;
  for (const Sample& sample : all)
    if (sample.at >= slot_start - 9 * LatencyWindow::kSlot) recent.push_back(sample.latency);
  std::sort(recent.begin(), recent.end());
  RC_ASSERT(counts.count() == recent.size());
  for (const double share : {0.001, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(recent.size())));
    const Duration exact = recent[std::max<size_t>(rank, 1) - 1], shown = counts.quantile(share);
    RC_ASSERT(shown >= exact);
    RC_ASSERT(shown - exact <= exact / 32);
  }
}

}  // namespace
}  // namespace hindcast
