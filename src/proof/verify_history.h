// Verify against a history: reads it again behind the frontier and compares, digests first, top
// down. Only where they differ is anything more of ours read:
//
//   history ─ visible events of a page window ─ digest per page ═ head?  ── equal: done
//                                                   └─ digest per key ═ directories?  ── equal:
//                                                   done
//                                                          └─ events of that key, one by one
//
// So it moves no more of our rows than differ. What history has and we do not is `missing`, what it
// says otherwise of an event `differs`, and what we have and it does not `extra`: that one is told
// and never removed (law L9). An older revision in history is no difference, and neither is an
// event that a later revision deleted here.
//
// A page window is compared once history is past it, by its word or by its assumed order; where
// that order turns out to be wrong the stretch is read again and compared by its word alone. Memory
// is bounded: a stretch that holds too much is read in several passes, down to one slot of one
// window.
//
// Blocks; thread safety: any thread that may wait for the history, not the one that answers it.
#pragma once
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "history/history.h"
#include "proof/verify_report.h"
#include "store/store.h"

namespace hindcast {

struct HistorySubject {
  StreamSchema schema;
  std::vector<PartitionId> partitions;  // by index
  std::string source;                   // whose history it is
  std::vector<Bytes> keys = {};         // that the history lists, sorted; empty = it has all
  Duration finest{};  // shortest bucket of the stream's aggregates: differences are located to it
  /// Event time; grows to whole page windows, ends at the frontier. Without a start, from the
  /// oldest stored page.
  Window range{kMinEventTime, kMaxEventTime};
};

struct VerifyHistoryOptions {
  uint64_t events_max = 1'048'576;  // of history, held at once
  ByteCount read_max = 1_MiB;       // of history, asked for at once
  int retries = 5;                  // after kUnavailable and kOverloaded, in a row
  Duration retry_first = 1s;        // doubled each time, unless the history says when
  /// Waits so long; false = stopped meanwhile. Absent: does not wait.
  std::function<bool(Duration)> pause = nullptr;
  std::stop_token stop{};
};

/// Adds to `report`: pages and events compared, differences, what could not be compared, what it
/// took, and the page windows to refill. Errors: of reading the snapshot; kCancelled when stopped.
/// What the history fails to give is no error: it is `unread`.
Status verify_history(const HistorySubject& subject, History& history, const Snapshot& snapshot,
                      const VerifyHistoryOptions& options, VerifyReport& report);

}  // namespace hindcast
