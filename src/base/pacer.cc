#include "base/pacer.h"

#include <algorithm>

namespace hindcast {

MonoTime Pacer::take(ByteCount bytes, MonoTime now) {
  if (per_second_ == ByteCount{}) return now;
  const MonoTime go = std::max(free_at_, now);
  const double seconds = static_cast<double>(bytes.value) / static_cast<double>(per_second_.value);
  free_at_ = std::max(free_at_, now - kBurst) + Duration(static_cast<int64_t>(seconds * 1e9) + 1);
  return go;
}

}  // namespace hindcast
