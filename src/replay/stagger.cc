#include "replay/stagger.h"

#include <algorithm>
#include <numeric>

#include "base/rng.h"

namespace hindcast {
namespace {

Rng rng_of(uint64_t seed, SourceId source) {
  return Rng(seed ^ (uint64_t{source.value} + 1) * 0x9e3779b97f4a7c15);
}

}  // namespace

MonoTime Stagger::start_of(SourceId source, MonoTime now) {
  const MonoTime slot = std::max(now, next_slot_);
  next_slot_ = slot + apart_;
  const auto half = static_cast<uint64_t>(std::max<int64_t>(apart_.count() / 2, 1));
  return slot + Duration(static_cast<int64_t>(rng_of(seed_, source).below(half)));
}

std::vector<Duration> stagger(uint64_t seed, const std::vector<SourceId>& sources, Duration apart,
                              Duration within) {
  if (sources.empty()) return {};
  std::vector<size_t> order(sources.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto rank = [&](size_t i) {
    Rng rng = rng_of(seed, sources[i]);
    rng.next();  // the first number is the jitter
    return std::pair(rng.next(), sources[i]);
  };
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return rank(a) < rank(b); });

  Stagger starts(seed, std::min(apart, within / static_cast<int64_t>(sources.size())));
  std::vector<Duration> offsets(sources.size());
  for (const size_t i : order)
    offsets[i] = starts.start_of(sources[i], MonoTime{}).time_since_epoch();
  return offsets;
}

}  // namespace hindcast
