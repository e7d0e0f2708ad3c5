// Plans of literal ranges: an hour's pages in four slots.
#include "replay/planner.h"

#include <gtest/gtest.h>

#include <string>

namespace hindcast {
namespace {

constexpr EventTime at(Duration t) { return EventTime(t); }

PlannerOptions hours(Duration from, Duration to, std::vector<DensityStep> density) {
  return {.range = {at(from), at(to)},
          .page_window = 1h,
          .slots = 4,
          .density = std::move(density),
          .limits = {.events_max = 1'000, .bytes_max = 1_MiB, .pages_max = 100}};
}

/// "0h–2h all 400" for each subwindow: range, slots, expected events.
std::vector<std::string> planned(PlannerOptions options,
                                 std::optional<PlanCursor> from = std::nullopt) {
  const uint16_t slots = options.slots;
  Planner planner = Planner::create(std::move(options), from).value();
  std::vector<std::string> out;
  while (const auto plan = planner.next()) {
    const auto text = [](EventTime t) { return to_string(t.time_since_epoch()); };
    const bool all = plan->slot_begin == 0 && plan->slot_end == slots;
    out.push_back(
        text(plan->range.start) + "-" + text(plan->range.end) + " " +
        (all ? "all" : std::to_string(plan->slot_begin) + ".." + std::to_string(plan->slot_end)) +
        " " + std::to_string(plan->events));
  }
  return out;
}
using Plans = std::vector<std::string>;

TEST(PlannerTest, SparseWindowsGoTogether) {
  EXPECT_EQ(planned(hours(0h, 7h, {{at(0h), 300, 1_KiB}})),
            (Plans{"0-3h all 900", "3h-6h all 900", "6h-7h all 300"}));
}

TEST(PlannerTest, ADenseWindowIsSplitByEvenRangesOfSlots) {
  EXPECT_EQ(planned(hours(0h, 1h, {{at(0h), 2'000, 1_KiB}})),
            (Plans{"0-1h 0..2 1000", "0-1h 2..4 1000"}));
  // Three slots would fit, but 3 + 1 is no better than 2 + 2.
  EXPECT_EQ(planned(hours(0h, 1h, {{at(0h), 1'200, 1_KiB}})),
            (Plans{"0-1h 0..2 600", "0-1h 2..4 600"}));
}

TEST(PlannerTest, BytesBoundASubwindowAsEventsDo) {
  EXPECT_EQ(planned(hours(0h, 2h, {{at(0h), 8, 2_MiB}})),
            (Plans{"0-1h 0..2 4", "0-1h 2..4 4", "1h-2h 0..2 4", "1h-2h 2..4 4"}));
}

TEST(PlannerTest, OneSlotOfOneWindowIsTheSmallestPiece) {
  EXPECT_EQ(planned(hours(0h, 1h, {{at(0h), 40'000, 1_KiB}})),
            (Plans{"0-1h 0..1 10000", "0-1h 1..2 10000", "0-1h 2..3 10000", "0-1h 3..4 10000"}));
}

TEST(PlannerTest, EachWindowHasTheDensityOfTheLastStepInIt) {
  const std::vector<DensityStep> density = {
      {at(1h), 100, 1_KiB}, {at(2h + 10min), 920, 1_KiB}, {at(3h), 50, 1_KiB}};
  EXPECT_EQ(planned(hours(0h, 5h, density)),
            (Plans{"0-2h all 200", "2h-4h all 970", "4h-5h all 50"}));
}

// The ends of a gap lie where a connection broke, not on a page.
TEST(PlannerTest, OnlyTheEndsOfTheRangeCutPages) {
  EXPECT_EQ(planned(hours(30min, 2h + 15min, {{at(0h), 600, 1_KiB}})),
            (Plans{"30m-1h all 600", "1h-2h all 600", "2h-135m all 600"}));
}

TEST(PlannerTest, NewestFirstCutsFromTheEnd) {
  PlannerOptions options = hours(0h, 7h, {{at(0h), 300, 1_KiB}, {at(6h), 2'000, 1_KiB}});
  options.order = ReplayOrder::kNewestFirst;
  EXPECT_EQ(planned(options),
            (Plans{"6h-7h 0..2 1000", "6h-7h 2..4 1000", "3h-6h all 900", "0-3h all 900"}));
}

// A guess that nothing is there would make one subwindow of everything.
TEST(PlannerTest, WithoutEstimatesNoWindowsAreMerged) {
  EXPECT_EQ(planned(hours(0h, 3h, {})), (Plans{"0-1h all 0", "1h-2h all 0", "2h-3h all 0"}));
}

TEST(PlannerTest, TheEmptyWholeOfTimeIsOneSubwindow) {
  PlannerOptions options = hours(0h, 1h, {{at(0h), 0, 0_KiB}});
  options.range = {kMinEventTime, kMaxEventTime};
  for (const ReplayOrder order : {ReplayOrder::kOldestFirst, ReplayOrder::kNewestFirst}) {
    options.order = order;
    Planner planner = Planner::create(options).value();
    EXPECT_EQ(planner.next()->range, options.range);
    EXPECT_FALSE(planner.next().has_value());
  }
}

TEST(PlannerTest, PagesBoundHowManyWindowsGoTogether) {
  PlannerOptions options = hours(0h, 4h, {{at(0h), 3, 1_KiB}});
  options.limits.pages_max = 7;  // two windows of three events touch six pages at most
  EXPECT_EQ(planned(options), (Plans{"0-2h all 6", "2h-4h all 6"}));
}

TEST(PlannerTest, ARestartGoesOnAtTheCursor) {
  const PlannerOptions options = hours(0h, 3h, {{at(0h), 2'000, 1_KiB}});
  EXPECT_EQ(planned(options, PlanCursor{at(1h), 2}),
            (Plans{"1h-2h 2..4 1000", "2h-3h 0..2 1000", "2h-3h 2..4 1000"}));
  EXPECT_EQ(planned(options, PlanCursor{at(3h), 0}), Plans{});
}

TEST(PlannerTest, WhatCannotBePlannedIsNamed) {
  const auto refusal = [](PlannerOptions options, std::optional<PlanCursor> from = std::nullopt) {
    const auto planner = Planner::create(std::move(options), from);
    return planner ? "accepted" : planner.error().message;
  };
  EXPECT_EQ(refusal(hours(1h, 1h, {})), "the range to replay is empty");
  EXPECT_EQ(refusal(hours(0h, 1h, {{at(2h), 1, 1_KiB}, {at(1h), 1, 1_KiB}})),
            "density estimates must be in order of time");
  EXPECT_EQ(refusal(hours(0h, 1h, {}), PlanCursor{at(2h), 0}),
            "progress at 1970-01-01T02:00:00Z slot 0 lies outside the range");
  PlannerOptions nothing = hours(0h, 1h, {});
  nothing.limits.events_max = 0;
  EXPECT_EQ(refusal(nothing), "a subwindow must be allowed some events, bytes and pages");
}

}  // namespace
}  // namespace hindcast
