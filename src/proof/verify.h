// Verify against pages: recomputes what is stored from what it was made of, in one snapshot: heads
// and rows from pages, rollups from their children. Reads only; what differs is named down to key
// and bucket, and goes into a plan for proof/repair.h. A damaged page is a difference like any
// other: what is left of it is compared all the same.
//
// Thread safety: any thread.
#pragma once
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/function.h"
#include "model/schema.h"
#include "proof/verify_report.h"
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
  /// Called with the bytes of each page that was read; false ends the verification early (a rate
  /// limit, a stop). Absent: goes on.
  std::function<bool(ByteCount)> go_on = nullptr;
};

/// What would make right what differs.
struct RepairPlan {
  struct Parent {
    AggregateId aggregate;
    Duration resolution{};
    EventTime bucket{};
    PartitionId partition;
    uint16_t slot = 0;
    auto operator<=>(const Parent&) const = default;
  };
  std::set<PageKey> pages;   // to be made anew, with the rows that stand on them
  std::set<Parent> parents;  // rollups to be folded again
};

/// Compares everything behind the frontier of each partition, adding to `report` and, if given, to
/// `plan`. Errors: those of reading the snapshot itself; kCancelled when go_on said so.
Status verify_pages(const VerifySubject& subject, const Snapshot& snapshot, VerifyReport& report,
                    RepairPlan* plan = nullptr);

}  // namespace hindcast
