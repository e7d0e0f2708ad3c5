#include "progress/replay_windows.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

TEST(ReplayWindowsTest, TheyAreDoneLeftOrSetAsideAndWhatNobodyAskedForIsNone) {
  ReplayJob job;
  job.range = {EventTime{}, EventTime(10min)};
  job.done = {{EventTime{}, EventTime(4min)}, {EventTime(5min), EventTime(6min)}};
  job.skipped = {{EventTime(1min), EventTime(3min)}};
  job.set_aside = {{{EventTime(7min), EventTime(9min)}, "truncated: a.gz"}};
  EXPECT_EQ(windows_done(job, 1min), 3u);
  EXPECT_EQ(windows_left(job, 1min), 3u);  // 4, 6, 9
  job.range.end = kMaxEventTime;           // follows the frontier: nobody can count what lies ahead
  EXPECT_EQ(windows_left(job, 1min), 2u);
}

}  // namespace
}  // namespace hindcast
