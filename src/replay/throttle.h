// The token buckets of the replay lane, one for each kind of work, at the speeds of the governor.
//
//   governor ── per_second, 20 times a second ──► set()
//   worker ── try_take(what it is about to do) ──► goes on, or sleeps until ready_at()
//          ── charge(what else it has cost) ─────► a debt, paid off before the next grant
//
// Thread safety: confined to its owner. Time: handed in.
#pragma once
#include <array>
#include <optional>

#include "base/time.h"
#include "replay/token_bucket.h"
#include "replay/work.h"

namespace hindcast {

/// A bucket of so many a second (cut to what a bucket can hold, [1, 2^40]) with a burst of
/// Throttle::kBurst.
TokenBucketOptions bucket_of(uint64_t per_second);

/// Invariants, checked by throttle_property_test:
///  (1) Over any interval, events granted <= one burst + what the set speeds give + the largest
///  request. (2) A request of any size passes in the end unless stopped (law L7).
class Throttle {
 public:
  /// Given at once after idling: a quarter of a second of the speed.
  static constexpr Duration kBurst = 250ms;

  /// Stopped.
  explicit Throttle(MonoTime now) { set({}, now); }

  /// A kind at kNoLimit is free. At 0 events nothing is granted; a kind at 0 fills its bucket, and
  /// pays off its debts, by one token a second: next to nothing.
  void set(const Work& per_second, MonoTime now);

  /// All kinds or none.
  [[nodiscard]] bool try_take(const Work& cost, MonoTime now);
  /// What turned out to be spent (bytes, requests, operations of the store): taken in any case.
  void charge(const Work& cost, MonoTime now);
  /// Earliest time at which try_take would succeed if nothing changes; the end of time while
  /// stopped.
  MonoTime ready_at(const Work& cost, MonoTime now) const;

 private:
  bool stopped_ = true;
  std::array<std::optional<TokenBucket>, 4> buckets_;  // in the order of each_kind()
};

}  // namespace hindcast
