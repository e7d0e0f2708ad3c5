#include "lane/page_groups.h"

#include <algorithm>

#include "base/assert.h"
#include "model/key.h"

namespace hindcast {
namespace {

constexpr size_t kRecentMax = 4'096;

}  // namespace

bool EventScope::wants(BytesView key) const {
  return keys == nullptr ||
         std::ranges::binary_search(*keys, key, {}, [](BytesView k) { return k; });
}

bool EventScope::behind(const PageKey& page) const {
  const auto frontier = frontiers.find(page.partition);
  return frontier != frontiers.end() && frontier->second.behind(page.window, page.slot);
}

PageGroups::PageGroups(const EventScope& scope)
    : scope_(scope),
      recent_(std::min<size_t>(scope.partitions.size() * scope.schema.slots, kRecentMax)) {
  HC_ASSERT(scope.partitions.size() == scope.schema.partitions);
  HC_ASSERT(scope.partitions.size() * scope.schema.slots < kNoTarget);
}

void PageGroups::learn_keys(const EventBatch& batch) {
  places_.resize(batch.keys.size());
  const uint32_t partitions = scope_.schema.partitions;
  const uint16_t slots = scope_.schema.slots;
  const auto recents = static_cast<uint32_t>(recent_.size());
  for (uint32_t k = 0; k < batch.keys.size(); ++k) {
    const uint64_t hash = batch.keys.hash(k);
    const uint32_t number = partition_of_hash(hash, partitions) * slots + slot_of_hash(hash, slots);
    places_[k] = {
        .key_hash = hash, .number = number, .recent = number < recents ? number : number % recents};
  }
  if (scope_.keys == nullptr) return;
  for (uint32_t k = 0; k < batch.keys.size(); ++k) {
    if (!scope_.wants(batch.keys[k])) places_[k].number = kNoTarget;
  }
}

uint32_t PageGroups::look_up(int64_t window, const Place& place) {
  const uint16_t slots = scope_.schema.slots;
  const PageKey page{scope_.partitions[place.number / slots], event_time_ns(window),
                     static_cast<uint16_t>(place.number % slots)};
  const auto [known, is_new] = known_.try_emplace(page, kNoTarget);
  if (is_new && scope_.behind(page)) {
    known->second = static_cast<uint32_t>(groups_.size());
    groups_.push_back({.page = page});
  }
  recent_[place.recent] = {window, place.number, known->second};
  return known->second;
}

void PageGroups::add(const EventBatch& batch) {
  learn_keys(batch);
  std::vector<uint32_t>& group_of = group_of_.emplace_back(batch.size(), kNoTarget);
  const EventHasher hasher(scope_.schema, batch);
  uint64_t key_hashes[EventHasher::kBlock];
  Digest digests[EventHasher::kBlock];
  uint64_t inside = 0;
  Window within{kMaxEventTime, kMinEventTime};  // what of `window` is in range
  int64_t window = 0;
  for (size_t begin = 0; begin < batch.size(); begin += EventHasher::kBlock) {
    const size_t count = std::min(EventHasher::kBlock, batch.size() - begin);
    for (size_t i = 0; i < count; ++i) key_hashes[i] = places_[batch.key[begin + i]].key_hash;
    hasher.block(begin, count, key_hashes, digests);
    for (size_t i = 0; i < count; ++i) {
      const size_t row = begin + i;
      const Place& place = places_[batch.key[row]];
      const EventTime time = event_time_ns(batch.time[row]);
      if (!within.contains(time)) {
        if (!scope_.range.contains(time)) continue;
        within = window_of(time, scope_.schema.page_window);
        window = unix_ns(within.start);
        within.start = std::max(within.start, scope_.range.start);
        within.end = std::min(within.end, scope_.range.end);
      }
      if (place.number == kNoTarget) continue;
      const Recent& recent = recent_[place.recent];
      const bool found = recent.window == window && recent.number == place.number;
      const uint32_t group = found ? recent.group : look_up(window, place);
      if (group == kNoTarget) continue;
      group_of[row] = group;
      ++inside;
      ++groups_[group].events;
      groups_[group].digest += digests[i];
    }
  }
  for (size_t row = 0; row < batch.op.size(); ++row) {
    if (batch.op_at(row) == Op::kDelete && group_of[row] != kNoTarget)
      groups_[group_of[row]].deletes = true;
  }
  outside_ += batch.size() - inside;
}

size_t PageGroups::memory() const {
  size_t bytes = groups_.capacity() * sizeof(Group) + known_.size() * 96;
  for (const auto& rows : group_of_) bytes += rows.capacity() * sizeof(uint32_t);
  return bytes;
}

}  // namespace hindcast
