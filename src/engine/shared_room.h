// A bound for all lanes together, of which a busy one may use what the others leave: each has an
// equal part for certain, and beside that whatever nobody uses. Lanes look at it when they apply,
// so while a quiet lane fills up its part, a busy one may hold that much too much until its next
// event: together they stay below twice the bound.
//
// Thread safety: each lane's number is written by its shard alone; any thread reads.
#pragma once
#include <atomic>
#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "base/units.h"

namespace hindcast {

class SharedRoom {
 public:
  SharedRoom(ByteCount all, size_t lanes)
      : all_(all.value), part_(all.value / lanes), lanes_(lanes) {}

  /// What lane `lane` uses now, and so how much it may use.
  ByteCount use(size_t lane, ByteCount bytes) {
    HC_ASSERT(lane < lanes_.size());
    const uint64_t before = lanes_[lane].exchange(bytes.value, std::memory_order_relaxed);
    const uint64_t used =
        used_.fetch_add(bytes.value - before, std::memory_order_relaxed) + bytes.value - before;
    const uint64_t others = used - bytes.value;
    return ByteCount{others < all_ - part_ ? all_ - others : part_};
  }

 private:
  const uint64_t all_, part_;
  std::vector<std::atomic<uint64_t>> lanes_;  // figures; they publish nothing else
  std::atomic<uint64_t> used_{0};             // likewise: their sum
};

}  // namespace hindcast
