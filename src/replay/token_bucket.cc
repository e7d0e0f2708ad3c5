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
  // Missing to a full bucket, in tokens; then what the new burst lacks over the same content.
  const auto lacking_for = static_cast<uint64_t>(std::max(full_at_ - now, Duration(0)).count());
  const uint128_ lacking =
      (uint128_{lacking_for} * options_.rate + kNanosPerSecond - 1) / kNanosPerSecond;
  const uint128_ owed_to = lacking + options.burst;
  const uint128_ missing = owed_to > options_.burst ? owed_to - options_.burst : 0;
  const uint64_t tokens = static_cast<uint64_t>(std::min<uint128_>(missing, UINT64_MAX));
  options_ = options;
  full_at_ = later(now, time_for(tokens, options.rate));
  return {};
}

bool TokenBucket::try_take(uint64_t cost, MonoTime now) {
  if (ready_at(cost, now) > now) return false;
  full_at_ = later(std::max(full_at_, now), time_for(cost, options_.rate));
  return true;
}

// Granted once what is missing to a full bucket, plus the request, fits the burst; a request beyond
// the burst, once nothing is missing.
MonoTime TokenBucket::ready_at(uint64_t cost, MonoTime now) const {
  const uint64_t spare = options_.burst - std::min(cost, options_.burst);
  return std::max(now, full_at_ - time_within(spare, options_.rate));
}

}  // namespace hindcast
