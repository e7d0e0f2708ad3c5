#include <algorithm>

#include "base/assert.h"
#include "log/directory_internal.h"

namespace hindcast::log {

void Directory::add(const Section& section) {
  auto& sections = partitions_[section.partition];
  HC_ASSERT(sections.empty() || sections.back().end() <= section.position);
  sections.push_back(section);
}

std::vector<Section> Directory::find(PartitionId partition, Position after, uint64_t max) const {
  std::vector<Section> out;
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return out;
  const auto& sections = found->second;
  auto it = std::upper_bound(
      sections.begin(), sections.end(), after.lo,
      [](uint64_t position, const Section& s) { return position < s.last_record(); });
  uint64_t bytes = 0;
  for (; it != sections.end() && (out.empty() || bytes + it->bytes <= max); ++it) {
    bytes += it->bytes;
    out.push_back(*it);
  }
  return out;
}

void Directory::drop(PartitionId partition, Position below) {
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return;
  auto& sections = found->second;
  while (!sections.empty() && sections.front().last_record() < below.lo) sections.pop_front();
  if (sections.empty()) partitions_.erase(found);
}

std::optional<uint64_t> Directory::first(PartitionId partition, Position from) const {
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return std::nullopt;
  const auto& sections = found->second;
  const auto it = std::partition_point(sections.begin(), sections.end(), [&](const Section& s) {
    return Position{0, s.last_record()} < from;
  });
  return it == sections.end() ? std::nullopt : std::optional(it->position);
}

std::optional<uint64_t> Directory::oldest(const std::map<PartitionId, Position>& from) const {
  std::optional<uint64_t> oldest;
  for (const auto& [partition, sections] : partitions_) {
    const auto asked = from.find(partition);
    const auto position = first(partition, asked == from.end() ? Position{} : asked->second);
    if (position && (!oldest || *position < *oldest)) oldest = position;
  }
  return oldest;
}

}  // namespace hindcast::log
