#include "replay/quantiles.h"

#include <algorithm>
#include <cmath>

namespace hindcast {
namespace {

int64_t slot_number(MonoTime now) {
  const int64_t nanos = now.time_since_epoch().count(), size = LatencyWindow::kSlot.count();
  return nanos / size - (nanos % size < 0 ? 1 : 0);
}

}  // namespace

Duration LatencyCounts::upper_end(size_t bucket) {
  if (bucket < kParts) return Duration(static_cast<int64_t>(bucket));
  const size_t shift = bucket / kParts - 1, part = bucket % kParts + kParts;
  return Duration(static_cast<int64_t>(((part + 1) << shift) - 1));
}

LatencyCounts& LatencyCounts::operator+=(const LatencyCounts& other) {
  for (size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  return *this;
}

LatencyCounts& LatencyCounts::operator-=(const LatencyCounts& earlier) {
  for (size_t i = 0; i < kBuckets; ++i) counts_[i] -= earlier.counts_[i];
  count_ -= earlier.count_;
  return *this;
}

Duration LatencyCounts::quantile(double share) const {
  if (count_ == 0) return {};
  const auto wanted = static_cast<uint64_t>(std::ceil(share * static_cast<double>(count_)));
  const uint64_t rank = std::clamp<uint64_t>(wanted, 1, count_);
  uint64_t seen = 0;
  size_t bucket = 0;
  while ((seen += counts_[bucket]) < rank) ++bucket;
  return upper_end(bucket);
}

void LatencyWindow::turn_to(MonoTime now) {
  const int64_t number = slot_number(now);
  const auto slots = static_cast<int64_t>(kSlots);
  slot_ = &slots_[static_cast<size_t>((number % slots + slots) % slots)];
  slot_->number.store(kEmpty, std::memory_order_relaxed);
  for (auto& count : slot_->counts) count.store(0, std::memory_order_release);
  slot_->number.store(number, std::memory_order_release);
  slot_end_ = MonoTime((number + 1) * kSlot);
}

void LatencyWindow::add_to(LatencyCounts& counts, MonoTime now) const {
  const int64_t last = slot_number(now), first = last - static_cast<int64_t>(kSlots) + 1;
  for (const Slot& slot : slots_) {
    const int64_t number = slot.number.load(std::memory_order_acquire);
    if (number < first || number > last) continue;
    LatencyCounts of_slot;
    for (size_t i = 0; i < slot.counts.size(); ++i) {
      const uint32_t count = slot.counts[i].load(std::memory_order_acquire);
      if (count > 0) of_slot.add(i, count);  // few are: adding zeros would take five times as long
    }
    // Otherwise the slot was reused meanwhile, and what was read is of two times.
    if (slot.number.load(std::memory_order_relaxed) == number) counts += of_slot;
  }
}

}  // namespace hindcast
