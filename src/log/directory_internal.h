// Where the records of each partition are: one small entry per (frame, partition), kept in memory.
//
// Thread safety: none; the channel's mutex guards it.
#pragma once
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "log/frame_internal.h"

namespace hindcast::log {

class Directory {
 public:
  void add(const Section& section);
  /// Sections of `partition` with records after `after`, in order, until they hold `max` bytes.
  std::vector<Section> find(PartitionId partition, Position after, uint64_t max) const;
  /// Forgets the sections of `partition` whose records are all below `below`.
  void drop(PartitionId partition, Position below);

  /// Position of the first section of `partition` with records at or after `from`.
  std::optional<uint64_t> first(PartitionId partition, Position from) const;
  /// Position of the first section, of all partitions, with records at or after what `from` says of
  /// its partition (nothing: with any).
  std::optional<uint64_t> oldest(const std::map<PartitionId, Position>& from) const;

 private:
  std::map<PartitionId, std::deque<Section>> partitions_;
};

}  // namespace hindcast::log
