#include "replay/chain.h"

namespace hindcast {

std::string_view to_string(Link link) {
  switch (link) {
    case Link::kHistory:
      return "history";
    case Link::kMerge:
      return "merge";
    case Link::kCommit:
      return "commit";
  }
  return "unknown";
}

Chain::Chain(Room room) : links_(room.begin(), room.end()) {}

bool Chain::try_take(Link link, Credits::Taker worker, ByteCount bytes, MonoTime now) {
  const std::scoped_lock lock(mutex_);
  return links_[static_cast<size_t>(link)].try_take(worker, bytes, now);
}

void Chain::give_back(Link link, ByteCount bytes) {
  const std::scoped_lock lock(mutex_);
  links_[static_cast<size_t>(link)].give_back(bytes);
}

void Chain::leave(Credits::Taker worker, MonoTime now) {
  const std::scoped_lock lock(mutex_);
  for (Credits& link : links_) link.leave(worker, now);
}

std::vector<Chain::State> Chain::states(MonoTime now) const {
  const std::scoped_lock lock(mutex_);
  std::vector<State> out;
  for (size_t i = 0; i < kLinks; ++i) {
    const Credits& link = links_[i];
    out.push_back(
        {static_cast<Link>(i), link.used(), link.max(), link.blocked(now), link.blocked_since()});
  }
  return out;
}

}  // namespace hindcast
