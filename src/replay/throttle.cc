#include "replay/throttle.h"

#include <algorithm>

namespace hindcast {
namespace {

constexpr uint64_t kRateMax = uint64_t{1} << 40;  // of a token bucket

/// f(amount, bucket) for the kinds that are limited.
template <class Buckets, class F>
void each_limited(const Work& cost, Buckets& buckets, F f) {
  size_t i = 0;
  each_kind(
      [&](uint64_t amount) {
        if (auto& bucket = buckets[i++]) f(amount, *bucket);
      },
      cost);
}

}  // namespace

TokenBucketOptions bucket_of(uint64_t per_second) {
  const uint64_t rate = std::clamp<uint64_t>(per_second, 1, kRateMax);
  return {rate, std::max<uint64_t>(rate / (1s / Throttle::kBurst), 1)};
}

void Throttle::set(const Work& per_second, MonoTime now) {
  stopped_ = per_second.events == 0;
  size_t i = 0;
  each_kind(
      [&](uint64_t speed) {
        std::optional<TokenBucket>& bucket = buckets_[i++];
        const TokenBucketOptions options = bucket_of(speed);
        if (speed == kNoLimit) {
          bucket.reset();
        } else if (!bucket) {
          bucket = TokenBucket::create(options, now).value();
        } else {
          bucket->set(options, now).value();
        }
      },
      per_second);
}

bool Throttle::try_take(const Work& cost, MonoTime now) {
  if (ready_at(cost, now) > now) return false;
  charge(cost, now);
  return true;
}

void Throttle::charge(const Work& cost, MonoTime now) {
  each_limited(cost, buckets_,
               [&](uint64_t amount, TokenBucket& bucket) { bucket.charge(amount, now); });
}

MonoTime Throttle::ready_at(const Work& cost, MonoTime now) const {
  if (stopped_) return MonoTime::max();
  MonoTime ready = now;
  each_limited(cost, buckets_, [&](uint64_t amount, const TokenBucket& bucket) {
    ready = std::max(ready, bucket.ready_at(amount, now));
  });
  return ready;
}

}  // namespace hindcast
