// An embedded log on a simulated disk, driven by hand.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/sim_files.h"
#include "log/embedded_log.h"
#include "log/log_contract_test.h"

namespace hindcast {

inline const std::string kLogFolder = "/data/log";

inline EmbeddedLogOptions contract_options(const std::string& folder, LogKeeps keeps = {}) {
  EmbeddedLogOptions options;
  options.age = keeps.age;
  options.now = std::move(keeps.now);
  options.folder = folder;
  options.segment = kContractSegment;
  options.retention = kContractRetention;
  return options;
}

inline void settle(EmbeddedLog& log) {
  for (const Channel c : {Channel::kLive, Channel::kReplay}) {
    while (log.write_pending(c)) {
    }
    while (log.maintain(c)) {
    }
  }
}

/// Everything of one partition, over as many reads as it takes.
inline std::vector<LogRecord> read_all(Log& log, PartitionId partition,
                                       Channel channel = Channel::kLive, ByteCount max = 4_KiB) {
  std::vector<LogRecord> all;
  Position after;
  while (true) {
    auto chunk = log.read(partition, channel, after, max);
    if (!chunk) {
      ADD_FAILURE() << chunk.error().message;
      return all;
    }
    if (chunk->records.empty()) return all;
    for (LogRecord& r : chunk->records) all.push_back(std::move(r));
    after = chunk->next;
  }
}
inline std::vector<Bytes> payloads(const std::vector<LogRecord>& records) {
  std::vector<Bytes> out;
  out.reserve(records.size());
  for (const LogRecord& r : records) out.push_back(r.payload);
  return out;
}

}  // namespace hindcast
