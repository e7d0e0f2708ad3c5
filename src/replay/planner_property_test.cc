// Random ranges, densities, limits and restarts: the three invariants of the header, by painting
// each planned page.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <utility>

#include "replay/planner.h"

namespace hindcast {
namespace {

constexpr int64_t kPage = 10;

std::vector<DensityStep> any_density() {
  std::vector<DensityStep> steps(*rc::gen::inRange<size_t>(0, 6));
  for (DensityStep& step : steps) {
    step.from = event_time_ns(*rc::gen::inRange<int64_t>(-150, 150));
    step.events = *rc::gen::element<uint64_t>(0, 1, 7, 60, 400, 5'000);
    step.bytes = ByteCount{step.events * *rc::gen::inRange<uint64_t>(0, 20)};
  }
  std::ranges::sort(steps, {}, &DensityStep::from);
  return steps;
}

PlannerLimits any_limits() {
  return {.events_max = *rc::gen::inRange<uint64_t>(1, 1'000),
          .bytes_max = ByteCount{*rc::gen::inRange<uint64_t>(1, 5'000)},
          .pages_max = *rc::gen::inRange<uint64_t>(1, 40)};
}

uint64_t naive_events(const std::vector<DensityStep>& steps, int64_t page) {
  if (steps.empty()) return 0;
  uint64_t events = steps.front().events;
  for (const DensityStep& step : steps) {
    if (unix_ns(step.from) < page + kPage) events = step.events;
  }
  return events;
}

RC_GTEST_PROP(PlannerPropertyTest, TilesTheRangeWithinTheLimitsAcrossRestarts, ()) {
  const int64_t start = *rc::gen::inRange<int64_t>(-120, 120);
  const int64_t end = start + *rc::gen::inRange<int64_t>(1, 120);
  PlannerOptions options{
      .range = {event_time_ns(start), event_time_ns(end)},
      .page_window = Duration(kPage),
      .slots = *rc::gen::inRange<uint16_t>(1, 9),
      .density = any_density(),
      .order = *rc::gen::element(ReplayOrder::kOldestFirst, ReplayOrder::kNewestFirst),
      .limits = any_limits()};
  const bool oldest = options.order == ReplayOrder::kOldestFirst;
  const uint16_t slots = options.slots;
  Planner planner = Planner::create(options).value();

  std::map<std::pair<int64_t, uint16_t>, int> painted;  // (instant, slot): how often
  PlanCursor expected = planner.cursor();
  while (const auto plan = planner.next()) {
    const int64_t from = unix_ns(plan->range.start), to = unix_ns(plan->range.end);
    RC_ASSERT(from < to && plan->slot_begin < plan->slot_end && plan->slot_end <= slots);
    for (int64_t t = from; t < to; ++t) {
      for (uint16_t slot = plan->slot_begin; slot < plan->slot_end; ++slot) ++painted[{t, slot}];
    }
    // In order, and cut only at pages.
    RC_ASSERT((oldest ? from : to) == unix_ns(expected.at));
    RC_ASSERT(plan->slot_begin == expected.slot);
    RC_ASSERT(from == start || from % kPage == 0);
    RC_ASSERT(to == end || to % kPage == 0);
    expected = plan->slot_end == slots ? PlanCursor{event_time_ns(oldest ? to : from), 0}
                                       : PlanCursor{expected.at, plan->slot_end};
    RC_ASSERT(planner.cursor() == expected);
    // Within the limits, and no less than what the densities say.
    const int64_t first_page = unix_ns(align_down(plan->range.start, Duration(kPage)));
    const bool one_window = to - first_page <= kPage;
    const uint64_t width = plan->slot_end - plan->slot_begin;
    uint64_t events = 0, pages = 0;
    for (int64_t page = first_page; page < to; page += kPage) {
      const uint64_t here = naive_events(options.density, page);
      events += (here * width + slots - 1) / slots;
      pages += std::min(here, width);
    }
    RC_ASSERT(plan->events == events);
    if (!one_window || width > 1) {
      RC_ASSERT(plan->events <= options.limits.events_max);
      RC_ASSERT(plan->bytes.value <= options.limits.bytes_max.value);
      RC_ASSERT(pages <= options.limits.pages_max);
    }
    if (!one_window) RC_ASSERT(width == slots);
    if (*rc::gen::inRange(0, 4) == 0) {
      options.density = any_density();
      options.limits = any_limits();
      planner = Planner::create(options, planner.cursor()).value();
    }
  }
  RC_ASSERT(painted.size() == static_cast<size_t>(end - start) * slots);
  for (const auto& [page, times] : painted) RC_ASSERT(times == 1);
}

}  // namespace
}  // namespace hindcast
