// What every Log asks of an append before it takes it.
#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "log/log.h"

namespace hindcast::log {

constexpr size_t kPayloadBytesMax = size_t{1} << 20;

/// Control records are what lets a lane make progress and free space, so they pass the bound that
/// events stop at.
inline bool is_control(RecordKind kind) {
  return kind != RecordKind::kEvents && kind != RecordKind::kDead;
}
inline bool only_control(const std::vector<LogAppend>& records) {
  return std::all_of(records.begin(), records.end(),
                     [](const LogAppend& r) { return is_control(r.header.kind); });
}

inline Status check_sizes(const std::vector<LogAppend>& records) {
  for (const LogAppend& record : records) {
    if (record.payload.size() > kPayloadBytesMax) {
      return invalid_argument("a log record holds at most 1 MiB, this one has " +
                              std::to_string(record.payload.size()) + " bytes");
    }
  }
  return {};
}

}  // namespace hindcast::log
