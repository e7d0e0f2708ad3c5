#include "replay/token_bucket.h"

#include <algorithm>
#include <string>

#include "base/rng.h"

namespace hindcast {
namespace {

constexpr uint64_t kTokensMax = uint64_t{1} << 40;
constexpr uint64_t kNanosPerSecond = 1'000'000'000;
constexpr uint64_t kLongest = uint64_t{100} * 365 * 86'400 * kNanosPerSecond;

Status check(const TokenBucketOptions& options) {
  const auto in_range = [](uint64_t value) { return value >= 1 && value <= kTokensMax; };
  if (!in_range(options.rate)) {
    return invalid_argument("rate " + std::to_string(options.rate) +
                            " is outside [1, 2^40] per second; to stop a lane, pause it");
  }
  if (!in_range(options.burst)) {
    return invalid_argument("burst " + std::to_string(options.burst) + " is outside [1, 2^40]");
  }
  return {};
}

/// How long `rate` needs for `tokens`, rounded up: towards the slower side.
Duration time_for(uint64_t tokens, uint64_t rate) {
  const uint128_ nanos = (uint128_{tokens} * kNanosPerSecond + rate - 1) / rate;
  return Duration(static_cast<int64_t>(std::min<uint128_>(nanos, kLongest)));
}

/// The same rounded down, for what a waiter is let off.
Duration time_within(uint64_t tokens, uint64_t rate) {
  const uint128_ nanos = uint128_{tokens} * kNanosPerSecond / rate;
  return Duration(static_cast<int64_t>(std::min<uint128_>(nanos, kLongest)));
}

MonoTime later(MonoTime t, Duration by) {
  return t > MonoTime::max() - by ? MonoTime::max() : t + by;
}

}  // namespace

Result<TokenBucket> TokenBucket::create(TokenBucketOptions options, MonoTime now) {
  HC_TRY(check(options));
  return TokenBucket(options, now);
}

Status TokenBucket::set(TokenBucketOptions options, MonoTime now) {
  HC_TRY(check(options));
  // What is missing to a full bucket, in tokens x nanoseconds, so that many small changes (a
  // governor makes twenty a second) round away no token; then what the new burst holds more or
  // less.
  const auto lacking_for = static_cast<uint64_t>(std::max(full_at_ - now, Duration(0)).count());
  const uint128_ owed =
      uint128_{lacking_for} * options_.rate + uint128_{options.burst} * kNanosPerSecond;
  const uint128_ had = uint128_{options_.burst} * kNanosPerSecond;
  const uint128_ missing = owed > had ? owed - had : 0;
  const uint128_ nanos = (missing + options.rate - 1) / options.rate;
  options_ = options;
  full_at_ = later(now, Duration(static_cast<int64_t>(std::min<uint128_>(nanos, kLongest))));
  return {};
}

bool TokenBucket::try_take(uint64_t cost, MonoTime now) {
  if (ready_at(cost, now) > now) return false;
  charge(cost, now);
  return true;
}

void TokenBucket::charge(uint64_t cost, MonoTime now) {
  full_at_ = later(std::max(full_at_, now), time_for(cost, options_.rate));
}

// Granted once what is missing to a full bucket, plus the request, fits the burst; a request beyond
// the burst, once nothing is missing.
MonoTime TokenBucket::ready_at(uint64_t cost, MonoTime now) const {
  const uint64_t spare = options_.burst - std::min(cost, options_.burst);
  return std::max(now, full_at_ - time_within(spare, options_.rate));
}

}  // namespace hindcast
