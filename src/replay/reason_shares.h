// Time by reason as shares that add up.
//
// Pure. Thread safety: any thread.
#pragma once
#include <array>
#include <cstdint>

#include "replay/reason.h"

namespace hindcast {

/// The parts of `total` that the times are of their sum, whole numbers that add up to it: what is
/// lost by rounding down goes to the largest remainders. All 0 where no time was taken.
std::array<uint32_t, kReasons> shares_of(const ReasonTimes& times, uint32_t total);

}  // namespace hindcast
