// What a replay does, in the four things that can be dear: events merged, bytes read from history,
// operations of the store, requests to the history. Fan-out (rows, rollups) shows as store_ops.
#pragma once
#include <cstdint>

namespace hindcast {

/// An amount, or where a name says `per_second`, a speed.
struct Work {
  uint64_t events = 0, bytes = 0, store_ops = 0, requests = 0;
  Work& operator+=(const Work& o) {
    events += o.events;
    bytes += o.bytes;
    store_ops += o.store_ops;
    requests += o.requests;
    return *this;
  }
  bool operator==(const Work&) const = default;
};

/// Calls f(member of each of several Work values) for events, bytes, store_ops and requests.
template <class F, class... W>
void each_kind(F f, W&... works) {
  f(works.events...);
  f(works.bytes...);
  f(works.store_ops...);
  f(works.requests...);
}

/// As a speed: not limited.
inline constexpr uint64_t kNoLimit = UINT64_MAX;

}  // namespace hindcast
