// Events of history by page, without moving one: a count and a digest for each page they fall
// into. Where these equal what the page's head says, history holds nothing new, and its events
// were read once, in the order in which they came.
//
// Confined to its owner. The batches stay with the caller and must not change meanwhile.
#pragma once
#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "model/digest.h"
#include "progress/watermark.h"
#include "store/store.h"

namespace hindcast {

/// Which events count; all others are outside.
struct EventScope {
  const StreamSchema& schema;
  const std::vector<PartitionId>& partitions;  // of the stream, by index
  const std::map<PartitionId, Frontier>& frontiers;
  Window range;
  const std::vector<Bytes>* keys = nullptr;  // sorted; null = all
  bool wants(BytesView key) const;
  bool behind(const PageKey& page) const;
};

class PageGroups {
 public:
  struct Group {
    PageKey page;
    uint64_t events = 0;
    Digest digest;         // multiset hash of all its events, as they came
    bool deletes = false;  // then the digest says nothing
  };

  explicit PageGroups(const EventScope& scope);

  void add(const EventBatch& batch);

  const std::vector<Group>& groups() const { return groups_; }  // in order of appearance
  uint64_t outside() const { return outside_; }
  /// The group of every row of the batch that was added as the n-th; kNoTarget = outside.
  const std::vector<uint32_t>& group_of(size_t n) const { return group_of_[n]; }
  size_t memory() const;

 private:
  /// Where the events of a key belong: its partition and slot as one number.
  struct Place {
    uint64_t key_hash;
    uint32_t number;  // partition by index × slots + slot; kNoTarget: the key is outside
    uint32_t recent;  // index into recent_
  };
  /// Groups found last: neighbours in a feed share windows, so this is nearly always right.
  struct Recent {
    int64_t window = INT64_MAX;
    uint32_t number = 0, group = 0;
  };
  void learn_keys(const EventBatch& batch);
  uint32_t look_up(int64_t window, const Place& place);

  const EventScope& scope_;
  std::vector<Group> groups_;
  std::vector<std::vector<uint32_t>> group_of_;
  uint64_t outside_ = 0;
  std::vector<Place> places_;   // of the batch under way, by key
  std::vector<Recent> recent_;  // one for each partition and slot, as far as kRecentMax goes
  std::map<PageKey, uint32_t> known_;
};

}  // namespace hindcast
