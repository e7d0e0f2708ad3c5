// The deliberate ceiling on a lane: how fast replay may go when nothing is wrong. Tokens are what
// the owner counts: events, bytes, store operations, requests to a history; one bucket for each.
//
// Thread safety: confined to the owning shard; no locks, never blocks.
// Time: never reads a clock. Every call is given `now`, so a simulation owns time.
#pragma once
#include <cstdint>

#include "base/result.h"
#include "base/time.h"

namespace hindcast {

struct TokenBucketOptions {
  uint64_t rate = 0;   // Tokens per second, sustained. Range: [1, 2^40]. To stop, pause instead.
  uint64_t burst = 0;  // Tokens given at once after idling. Range: [1, 2^40]. Larger means a
                       // burstier, not a faster, lane.
};

/// Invariants, checked by token_bucket_property_test:
///  (1) Over any interval, tokens granted <= burst + rate * elapsed + the largest single request.
///  (2) A clock that steps backwards grants nothing and forfeits nothing.
///  (3) A request larger than the burst is granted from a full bucket and leaves a debt, so that no
///      size of batch can stall the lane for ever (law L7); the debt is paid off before the next
///      grant. A debt is cut at a hundred years.
class TokenBucket {
 public:
  /// A full bucket. Errors: kInvalidArgument, naming the option that is out of range.
  static Result<TokenBucket> create(TokenBucketOptions options, MonoTime now);

  /// Changes the limits of a running lane. What is in the bucket stays (as far as the new burst
  /// holds it), and so does a debt: asking for another rate gains nothing at once. Errors as
  /// create(); nothing is changed then.
  Status set(TokenBucketOptions options, MonoTime now);

  /// All or nothing: a refused request leaves the bucket unchanged.
  [[nodiscard]] bool try_take(uint64_t cost, MonoTime now);

  /// Takes what has been spent already, in any case: it may leave a debt. Invariant (1) counts it
  /// as a request of that size.
  void charge(uint64_t cost, MonoTime now);

  /// Earliest time, not before `now`, at which try_take(cost) would succeed if nobody else takes
  /// first. The reader sleeps until then; polling would spend the CPU that the live lane needs.
  MonoTime ready_at(uint64_t cost, MonoTime now) const;

  const TokenBucketOptions& options() const { return options_; }

 private:
  TokenBucket(TokenBucketOptions options, MonoTime now) : options_(options), full_at_(now) {}

  TokenBucketOptions options_;
  // Kept as the instant at which the bucket is full again, not as a fractional token count: one
  // integer, and each grant rounds by less than 1 ns, always towards the slower side.
  MonoTime full_at_;
};

}  // namespace hindcast
