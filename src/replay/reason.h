// Why a replay goes as fast as it goes: every moment of it is charged to exactly one of these.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "base/time.h"

namespace hindcast {

enum class Reason : uint8_t {
  kRate,         // the deliberate ceiling, of all or of the job
  kFloor,        // live takes everything; only the guaranteed rest is left
  kLiveLatency,  // live would suffer
  kStore,        // a commit is not durable yet
  kStream,       // the frontier has not passed what is to be read
  kMemory,
  kConcurrency,  // other jobs have the workers
  kBudget,
  kSchedule,  // staggered, or history is not settled yet
  kReader,    // history answers, slowly or not at all
  kCompute,   // at work
};
inline constexpr size_t kReasons = 11;
std::string_view to_string(Reason reason);  // "live-latency"
/// Whoever set limits and times wants it so slow.
bool by_choice(Reason reason);

/// Time by reason.
using ReasonTimes = std::array<Duration, kReasons>;

}  // namespace hindcast
