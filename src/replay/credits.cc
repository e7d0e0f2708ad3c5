#include "replay/credits.h"

#include <algorithm>

#include "base/assert.h"

namespace hindcast {

bool Credits::try_take(Taker taker, ByteCount bytes, MonoTime now) {
  const auto place = std::find(line_.begin(), line_.end(), taker);
  const bool my_turn = line_.empty() || line_.front() == taker;
  const bool fits = used_.value == 0 || (used_ <= max_ && bytes <= max_ - used_);
  if (my_turn && fits) {
    if (place != line_.end()) drop_from_line(place, now);
    used_ += bytes;
    return true;
  }
  if (place == line_.end()) {
    if (line_.empty()) blocked_since_ = now;
    line_.push_back(taker);
  }
  return false;
}

void Credits::leave(Taker taker, MonoTime now) {
  const auto place = std::find(line_.begin(), line_.end(), taker);
  if (place != line_.end()) drop_from_line(place, now);
}

void Credits::drop_from_line(std::deque<Taker>::iterator place, MonoTime now) {
  const Duration until_now = blocked(now);
  line_.erase(place);
  if (line_.empty()) blocked_ = until_now;
}

void Credits::give_back(ByteCount bytes) {
  HC_ASSERT(bytes <= used_);
  used_ -= bytes;
}

std::optional<MonoTime> Credits::blocked_since() const {
  if (line_.empty()) return std::nullopt;
  return blocked_since_;
}

Duration Credits::blocked(MonoTime now) const {
  return line_.empty() ? blocked_ : blocked_ + std::max(now - blocked_since_, Duration(0));
}

}  // namespace hindcast
