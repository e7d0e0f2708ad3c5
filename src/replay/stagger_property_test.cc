// Random sets of sources: within the bound, apart from each other, whatever the order.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

#include "replay/stagger.h"

namespace hindcast {
namespace {

RC_GTEST_PROP(StaggerPropertyTest, StartsAreBoundedApartEvenAndIndependentOfOrder, ()) {
  const auto numbers = *rc::gen::container<std::set<uint32_t>>(rc::gen::inRange(0u, 10'000u));
  RC_PRE(!numbers.empty());
  std::vector<SourceId> sources;
  for (const uint32_t number : numbers) sources.emplace_back(number);
  const uint64_t seed = *rc::gen::arbitrary<uint64_t>();
  const Duration apart(*rc::gen::inRange<int64_t>(1'000, 10'000'000'000));
  const Duration within(*rc::gen::inRange<int64_t>(1'000'000, 60'000'000'000));
  const std::vector<Duration> offsets = stagger(seed, sources, apart, within);

  const Duration slot = std::min(apart, within / static_cast<int64_t>(sources.size()));
  std::vector<Duration> sorted = offsets;
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < sorted.size(); ++i) {
    RC_ASSERT(sorted[i] >= static_cast<int64_t>(i) * slot);
    RC_ASSERT(sorted[i] < static_cast<int64_t>(i + 1) * slot);
    if (i > 0) RC_ASSERT(sorted[i] - sorted[i - 1] >= slot / 2);
  }
  RC_ASSERT(sorted.back() < within);

  std::reverse(sources.begin(), sources.end());
  std::vector<Duration> reversed = stagger(seed, sources, apart, within);
  std::reverse(reversed.begin(), reversed.end());
  RC_ASSERT(reversed == offsets);
}

}  // namespace
}  // namespace hindcast
