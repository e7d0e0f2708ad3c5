#include "replay/limits.h"

#include <algorithm>
#include <string>

namespace hindcast {
namespace {

constexpr uint64_t kRateMax = uint64_t{1} << 40;  // of a token bucket

Status check_rate(const RateLimit& limit, const std::string& name) {
  if (limit.per_second) {
    if (*limit.per_second >= 1 && *limit.per_second <= kRateMax) return {};
    return invalid_argument(name + " " + std::to_string(*limit.per_second) +
                            " is outside [1, 2^40] per second; to stop a replay, pause it");
  }
  if (limit.share > 0 && limit.share <= 1) return {};
  return invalid_argument(name + ": a share of capacity lies in (0%, 100%]");
}

Status check_count(uint16_t count, const std::string& name) {
  if (count >= 1 && count <= 256) return {};
  return invalid_argument(name + " " + std::to_string(count) +
                          " is outside [1, 256]; to stop a replay, pause it");
}

template <class T>
Status check_positive(T value, const std::string& name) {
  if (value > T{}) return {};
  return invalid_argument(name + " must be above zero");
}

}  // namespace

Status check(const Limits& limits) {
  HC_TRY(check_rate(limits.events, "rate"));
  HC_TRY(check_rate(limits.floor, "floor"));
  if (limits.bytes) HC_TRY(check_rate(*limits.bytes, "bytes_rate"));
  if (limits.store_ops) HC_TRY(check_rate(*limits.store_ops, "store_ops_rate"));
  if (limits.requests) HC_TRY(check_rate(*limits.requests, "requests_rate"));
  HC_TRY(check_count(limits.subwindows_at_once, "subwindows_at_once"));
  HC_TRY(check_count(limits.sources_at_once, "sources_at_once"));
  if (limits.stagger < Duration(0)) return invalid_argument("stagger must not be negative");
  HC_TRY(check_positive(limits.live_p99, "live_p99"));
  HC_TRY(check_positive(limits.live_queue_age, "live_queue_age"));
  HC_TRY(check_positive(limits.commit_p99, "commit_p99"));
  HC_TRY(check_positive(limits.l0_files, "l0_files"));
  HC_TRY(check_positive(limits.compaction_share, "compaction_share"));
  HC_TRY(check_positive(limits.cpu_pressure, "cpu_pressure"));
  HC_TRY(check_positive(limits.memory_max, "memory"));
  HC_TRY(check_positive(limits.replay_log_max, "replay_log_max"));
  return check_positive(limits.catch_up_within, "catch_up_within");
}

uint64_t per_second(const RateLimit& limit, uint64_t capacity) {
  if (limit.per_second) return *limit.per_second;
  return std::max<uint64_t>(static_cast<uint64_t>(limit.share * static_cast<double>(capacity)), 1);
}

}  // namespace hindcast
