// What is verified in the background, and in which order: newly final stretches first, then, round
// and round, what was verified before, so that a byte that decays is found within one cycle.
//
//   oldest page ── scrub ──► ···· bad ···· until ── fresh ──► frontier
//                                  │
//             verified_through: nothing before it differed when last looked at
//
// A stretch is one coarsest bucket of the stream, so rollups are compared too. Where it stands is
// kept in the store's meta; a restart goes on there. (Cycles begin by the wall clock, because a
// process may not live as long as a cycle; it decides only how often something is read.)
//
// Thread safety: step() from one thread; the figures from any.
#pragma once
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "engine/catalog.h"
#include "engine/service.h"
#include "proof/verify.h"
#include "store/store.h"

namespace hindcast {

class VerifyCycle {
 public:
  /// `cycle`: a new one does not begin before the last one began so long ago. Catalog and store
  /// outlive it.
  VerifyCycle(const Catalog& catalog, Store& store, Duration cycle = 24h);

  /// From the store's meta. Errors: of the store. What cannot be read there begins anew.
  Status load();
  /// Verifies one stretch of one stream, and keeps where it stands. False: there is nothing to do
  /// now. `go_on` as in VerifySubject. Errors: of the store; kCancelled when go_on said so.
  Result<bool> step(ProcessingTime now, const std::function<bool(ByteCount)>& go_on);

  std::map<std::string, VerifiedStatus> status() const;

 private:
  struct Stream {
    const StreamInfo* info = nullptr;
    Duration stretch{};
    // Kept:
    EventTime fresh = kMinEventTime;  // looked at up to here
    EventTime scrub = kMinEventTime;  // looked at again up to here, in this cycle
    EventTime until = kMinEventTime;  // how far the cycle goes: `fresh` when it began
    ProcessingTime began{};           // the cycle; zero = none yet
    std::set<EventTime> bad;          // starts of stretches that differ; the lowest of them
  };
  std::optional<EventTime> through(const Stream& stream) const;
  Result<std::optional<EventTime>> next_stretch(const Snapshot& snapshot, Stream& stream,
                                                ProcessingTime now);
  Result<std::optional<EventTime>> next_page(const Snapshot& snapshot, const Stream& stream,
                                             EventTime from, EventTime end) const;
  Status verify(const Snapshot& snapshot, Stream& stream, EventTime start,
                const std::function<bool(ByteCount)>& go_on);
  Status keep(const Stream& stream);

  const Catalog& catalog_;
  Store& store_;
  const Duration cycle_;
  std::vector<Stream> streams_;
  size_t turn_ = 0;  // whose stretch is next: streams take turns
  mutable std::mutex mutex_;
  std::map<std::string, VerifiedStatus> status_;  // guarded by mutex_
};

}  // namespace hindcast
