// Windows of event time against each other.
//
// Pure. Thread safety: values.
#pragma once
#include <algorithm>

#include "base/time.h"

namespace hindcast {

inline bool empty(const Window& w) { return w.start >= w.end; }

/// What lies in both; empty() where they do not meet.
inline Window common(const Window& a, const Window& b) {
  return {std::max(a.start, b.start), std::min(a.end, b.end)};
}

}  // namespace hindcast
