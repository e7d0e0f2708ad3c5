// How far a replay job has got, in page windows of its range.
//
// Pure. Thread safety: any thread.
#pragma once
#include <cstdint>

#include "progress/replay_job.h"

namespace hindcast {

/// Those that were read to their end.
uint64_t windows_done(const ReplayJob& job, Duration page_window);
/// Those that are neither done nor set aside, without a part of the range that has no end.
uint64_t windows_left(const ReplayJob& job, Duration page_window);

}  // namespace hindcast
