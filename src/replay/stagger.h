// Spreads the starts of sources that come back at the same moment, so that a broken network that
// heals is not followed by a storm of replays (and of requests to one history).
//
//   slots of `apart`   │·x·····│··x····│x······│·······   one source a slot, jitter in its first
//   half:
//                      now     +5s     +10s     +15s      at least apart / 2 between two starts
//
// Deterministic: equal seeds, sources and times give equal starts. Processes that share a history
// differ in their seed, and so in their jitter. Thread safety: confined to its owner.
#pragma once
#include <cstdint>
#include <vector>

#include "base/time.h"
#include "base/units.h"

namespace hindcast {

class Stagger {
 public:
  Stagger(uint64_t seed, Duration apart) : seed_(seed), apart_(apart) {}

  /// When this source may start: the next free slot at or after `now`. A source that comes back
  /// alone waits less than apart / 2.
  MonoTime start_of(SourceId source, MonoTime now);
  void set_apart(Duration apart) { apart_ = apart; }

 private:
  uint64_t seed_;
  Duration apart_;
  MonoTime next_slot_ = MonoTime::min();
};

/// The same for sources that are known together: offsets from now, one for each, in an order that
/// depends on the seed and not on the order of `sources`. All are below `within`; where that is too
/// short for all the slots, the slots are shorter. Requires: no source twice.
std::vector<Duration> stagger(uint64_t seed, const std::vector<SourceId>& sources, Duration apart,
                              Duration within);

}  // namespace hindcast
