#include "replay/horizon.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace hindcast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

EventTime hour(int n) { return parse_rfc3339("2024-03-10T00:00:00Z").value() + n * Duration(1h); }
ProcessingTime wall(int n) { return ProcessingTime(hour(n).time_since_epoch()); }
Window hours(int from, int to) { return {hour(from), hour(to)}; }

/// Keeps a week; it is midnight, so what lies before hour -168 is forgotten.
constexpr int kOldest = -7 * 24;
const Horizon kWeek{hour(kOldest), wall(0)};

std::optional<ReplayHorizon> horizon_of(const std::vector<Window>& left) {
  return replay_horizon(left, kWeek, std::nullopt);
}
/// Stretch after stretch in the order given, all within `takes`.
std::optional<ReplayHorizon> read_in(const std::vector<Window>& reading, Duration takes,
                                     uint32_t at_once = 1) {
  std::vector<Window> left = reading;
  std::ranges::sort(left);
  return replay_horizon(left, kWeek, Pace{reading, at_once, takes});
}

TEST(HorizonTest, AHistoryReachesBackAsFarAsItKeeps) {
  SourceConfig source;
  EXPECT_EQ(replayable_from(source, wall(0)), std::nullopt) << "no history";
  source.history.emplace();
  EXPECT_EQ(replayable_from(source, wall(0)), std::nullopt) << "it forgets nothing";
  source.history->keep = 7 * 24h;
  EXPECT_EQ(replayable_from(source, wall(0)), hour(kOldest));
  EXPECT_EQ(replayable_from(source, wall(5)), hour(kOldest + 5));
}

TEST(HorizonTest, AnInstantIsLostWhenItIsAsOldAsWhatIsKept) {
  EXPECT_EQ(kWeek.lost_at(hour(-1)), wall(7 * 24 - 1));
  EXPECT_EQ(kWeek.left(hour(kOldest)), Duration(0));
  EXPECT_EQ(kWeek.left(hour(kOldest - 2)), -Duration(2h));
  EXPECT_EQ(kWeek.lost_at(hour(kOldest - 2)), wall(-2));
}

// A gap may begin at the beginning of all time: nothing was ever seen before it.
TEST(HorizonTest, TheEndsOfTimeSaturate) {
  EXPECT_EQ(kWeek.left(kMinEventTime), Duration::min());
  EXPECT_LT(kWeek.lost_at(kMinEventTime), wall(0));
  EXPECT_EQ(kWeek.lost_at(kMaxEventTime), ProcessingTime::max());
  EXPECT_EQ((Horizon{kMinEventTime, wall(0)}).left(kMaxEventTime), Duration::max());
}

TEST(RefillableTest, TheOldestOpenPartOfAGapDecides) {
  const std::vector<Hole> holes = {{.state = Hole::State::kAccepted, .range = hours(-160, -150)},
                                   {.state = Hole::State::kOpen, .range = hours(-100, -90)},
                                   {.state = Hole::State::kUnfillable, .range = hours(-130, -120)},
                                   {.state = Hole::State::kOpen, .range = hours(-120, -110)}};
  const auto out = refillable(holes, kWeek);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->replayable_from, hour(kOldest));
  EXPECT_EQ(out->lost_at, wall(48));
  EXPECT_EQ(out->left, Duration(48h));
}

TEST(RefillableTest, WhatIsNotOpenNeedsNoRefill) {
  EXPECT_FALSE(refillable({}, kWeek));
  EXPECT_FALSE(refillable({{.state = Hole::State::kAccepted, .range = hours(-9, -8)}}, kWeek));
}

TEST(RefillableTest, AGapThatIsLostAlreadyHasLessThanNoTimeLeft) {
  const auto out = refillable({{.state = Hole::State::kOpen, .range = hours(-170, -90)}}, kWeek);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->left, -Duration(2h));
  EXPECT_EQ(out->lost_at, wall(-2));
}

TEST(ReplayHorizonTest, WithoutAnHonestForecastOnlyTheLossIsSaid) {
  const auto out = horizon_of({hours(-100, -50)});
  ASSERT_TRUE(out);
  EXPECT_EQ(out->lost_at, wall(68));
  EXPECT_EQ(out->replayable_from, hour(kOldest));
  EXPECT_EQ(out->in_time, std::nullopt);
  EXPECT_FALSE(out->unreadable);
  EXPECT_THAT(warnings_of(*out, ReplayOrder::kOldestFirst), IsEmpty());
}

TEST(ReplayHorizonTest, WhatIsForgottenAlreadyIsNamedAndIsNotInTime) {
  const auto out = horizon_of({hours(-200, -190), hours(-180, -100)});
  ASSERT_TRUE(out);
  EXPECT_EQ(out->unreadable, hours(-200, kOldest));
  EXPECT_EQ(out->in_time, false);
  EXPECT_FALSE(out->too_late);
  EXPECT_EQ(horizon_of({hours(-200, -190), hours(-100, -90)})->unreadable, hours(-200, -190));
  EXPECT_THAT(warnings_of(*out, ReplayOrder::kOldestFirst),
              ElementsAre("history keeps 1w: from 2024-03-01T16:00:00Z to 2024-03-03T00:00:00Z can "
                          "no longer be read"));
}

TEST(ReplayHorizonTest, NothingLeftIsNothingToLose) { EXPECT_FALSE(horizon_of({})); }

// The beginning is lost in ten hours. Newest first it is begun when ten of eleven parts are read.
TEST(ReplayHorizonTest, TheOrderDecides) {
  const Window oldest = hours(kOldest + 10, kOldest + 20), newer = hours(-120, -20);
  EXPECT_EQ(read_in({oldest, newer}, 11h)->in_time, true);
  EXPECT_EQ(read_in({newer, oldest}, 11h)->in_time, true);
  EXPECT_EQ(read_in({oldest, newer}, 33h)->in_time, true);
  const auto late = read_in({newer, oldest}, 22h);
  EXPECT_EQ(late->in_time, false);
  EXPECT_EQ(late->too_late, (ReplayHorizon::TooLate{hour(kOldest + 10), wall(10), wall(20)}));
  EXPECT_THAT(warnings_of(*late, ReplayOrder::kNewestFirst),
              ElementsAre("history forgets 2024-03-03T10:00:00Z at 2024-03-10T10:00:00Z; at this "
                          "rate it is read at 2024-03-10T20:00:00Z: raise the rate, or let it read "
                          "the oldest first"));
}

// At half the clock's speed the beginning is in time and the end is not.
TEST(ReplayHorizonTest, AReplaySlowerThanTheClockLosesWhatItReadsLast) {
  const auto out = read_in({hours(kOldest + 10, kOldest + 40)}, 60h);
  EXPECT_EQ(out->in_time, false);
  EXPECT_EQ(out->too_late, (ReplayHorizon::TooLate{hour(kOldest + 40), wall(40), wall(60)}));
  EXPECT_THAT(warnings_of(*out, ReplayOrder::kOldestFirst),
              ElementsAre(testing::EndsWith(": raise the rate")));
  EXPECT_EQ(read_in({hours(kOldest + 30, kOldest + 60)}, 60h)->in_time, true);
}

// Side by side, the older one begins sooner and ends later than one after the other.
TEST(ReplayHorizonTest, StretchesThatAreReadAtOnceShareTheSpeed) {
  const Window newer = hours(-100, -90), oldest = hours(kOldest + 5, kOldest + 15);
  EXPECT_EQ(read_in({newer, oldest}, 10h)->in_time, true);
  EXPECT_EQ(read_in({newer, oldest}, 10h, 2)->in_time, true);
  EXPECT_EQ(read_in({newer, oldest}, 14h)->too_late,
            (ReplayHorizon::TooLate{hour(kOldest + 5), wall(5), wall(7)}));
  EXPECT_EQ(read_in({newer, oldest}, 14h, 2)->in_time, true) << "begun at once";
  EXPECT_EQ(read_in({newer, oldest}, 16h, 2)->too_late,
            (ReplayHorizon::TooLate{hour(kOldest + 15), wall(15), wall(16)}));
}

TEST(ReplayHorizonTest, WhatCannotBeReadYetIsNoPartOfTheForecast) {
  const std::vector<Window> endless = {{hour(kOldest + 10), kMaxEventTime}};
  const auto out = [&](const Pace& pace) { return replay_horizon(endless, kWeek, pace)->in_time; };
  EXPECT_EQ(out({{hours(kOldest + 10, -1)}, 1, 9h}), true);
  EXPECT_EQ(out({{hours(kOldest + 10, -1)}, 1, 900h}), false);
  EXPECT_EQ(out({{}, 1, 9h}), std::nullopt);
}

// Two thirds are gone, and at once: the rest takes a third of the time.
TEST(ReplayHorizonTest, WhatIsForgottenCostsNoTime) {
  const Window gone = hours(kOldest - 20, kOldest), older = hours(kOldest + 5, kOldest + 10),
               newer = hours(kOldest + 10, kOldest + 15);
  const auto in_time = read_in({newer, older, gone}, 30h);
  EXPECT_EQ(in_time->in_time, false) << "of all";
  EXPECT_FALSE(in_time->too_late) << "of what can still be read";
  const auto late = read_in({newer, older, gone}, 33h);
  EXPECT_TRUE(late->too_late);
  EXPECT_THAT(warnings_of(*late, ReplayOrder::kNewestFirst),
              ElementsAre(HasSubstr("no longer"), HasSubstr("history forgets")));
}

}  // namespace
}  // namespace hindcast
