#include "replay/reason.h"

namespace hindcast {

std::string_view to_string(Reason reason) {
  switch (reason) {
    case Reason::kRate:
      return "rate";
    case Reason::kFloor:
      return "floor";
    case Reason::kLiveLatency:
      return "live-latency";
    case Reason::kStore:
      return "store";
    case Reason::kStream:
      return "stream";
    case Reason::kMemory:
      return "memory";
    case Reason::kConcurrency:
      return "concurrency";
    case Reason::kBudget:
      return "budget";
    case Reason::kSchedule:
      return "schedule";
    case Reason::kReader:
      return "reader";
    case Reason::kCompute:
      return "compute";
  }
  return "unknown";
}

bool by_choice(Reason reason) {
  return reason == Reason::kRate || reason == Reason::kBudget || reason == Reason::kSchedule;
}

}  // namespace hindcast
