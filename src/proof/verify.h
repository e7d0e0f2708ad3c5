// Verify: recomputes what is stored from what it was made of, in one snapshot: heads and rows from
// pages, rollups from their children. Reads only; what differs is named down to key and bucket.
//
// Thread safety: any thread.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/function.h"
#include "model/schema.h"
#include "store/store.h"

namespace hindcast {

struct VerifyAggregate {
  std::string name;
  AggregateId id;
  Rule rule;
  std::vector<Duration> levels;  // finest first
  size_t page_levels = 0;        // how many of them are folded from pages; the rest are rollups
};

struct VerifySubject {
  StreamSchema schema;
  std::vector<PartitionId> partitions;
  std::vector<VerifyAggregate> aggregates;
  Window range{kMinEventTime, kMaxEventTime};  // of page windows
};

struct VerifyReport {
  uint64_t pages = 0, events = 0, rows = 0;
  struct Difference {
    std::string aggregate;  // "" = the page itself
    std::string key, what;
    Window window;
  };
  std::vector<Difference> differences;  // the first 1,000
  uint64_t differences_total = 0;
  void add(Difference difference);
};

/// Compares everything behind the frontier of each partition, adding to `report`. Damaged pages are
/// differences, not errors. Errors: those of reading the snapshot itself.
Status verify_pages(const VerifySubject& subject, const Snapshot& snapshot, VerifyReport& report);

}  // namespace hindcast
