// How far a replay job has got, in page windows of its range.
//
// Pure. Thread safety: any thread.
#pragma once
#include <cstdint>
#include <vector>

#include "progress/replay_job.h"

namespace hindcast {

/// Those that were read to their end.
uint64_t windows_done(const ReplayJob& job, Duration page_window);
/// The stretches of its range that are neither done nor set aside, by time.
std::vector<Window> stretches_left(const ReplayJob& job);
/// Their page windows, without a part of the range that has no end.
uint64_t windows_left(const ReplayJob& job, Duration page_window);

}  // namespace hindcast
