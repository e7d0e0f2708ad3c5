#include "lane/parent_marks.h"

#include <algorithm>

namespace hindcast {

void MarkSet::add(const LaneAggregate& aggregate, const PageKey& page,
                  const std::vector<Bytes>& keys, Cause cause) {
  const EventTime bucket = align_down(page.window, *aggregate.parent);
  const auto [at, is_new] = marks_.try_emplace({aggregate.id, bucket, page.partition, page.slot});
  Mark& mark = at->second;
  if (is_new) {
    mark = {.aggregate = aggregate.id,
            .resolution = *aggregate.parent,
            .bucket = bucket,
            .partition = page.partition,
            .slot = page.slot,
            .keys = keys,
            .cause = cause};
    return;
  }
  mark.cause = std::max(mark.cause, cause);
  if (mark.keys.empty() || keys.empty()) {
    mark.keys.clear();
  } else {
    mark.keys.insert(mark.keys.end(), keys.begin(), keys.end());
  }
}

std::vector<Mark> MarkSet::take() {
  std::vector<Mark> out;
  for (auto& [at, mark] : marks_) {
    std::ranges::sort(mark.keys);
    mark.keys.erase(std::unique(mark.keys.begin(), mark.keys.end()), mark.keys.end());
    if (mark.keys.size() > kMarkKeysMax) mark.keys.clear();
    out.push_back(std::move(mark));
  }
  marks_.clear();
  return out;
}

void ParentMarks::changed(const PageKey& page, const std::vector<std::vector<Bytes>>& changed_keys,
                          EventTime frontier, Cause cause, MarkSet& out) {
  marked_.erase(marked_.begin(),
                marked_.upper_bound({frontier, AggregateId{UINT32_MAX}, UINT16_MAX}));
  for (size_t i = 0; i < aggregates_.size(); ++i) {
    const LaneAggregate& aggregate = aggregates_[i];
    if (!aggregate.parent || changed_keys[i].empty()) continue;
    const EventTime end = window_of(page.window, *aggregate.parent).end;
    if (end <= frontier) {
      out.add(aggregate, page, changed_keys[i], cause);
    } else if (marked_.insert({end, aggregate.id, page.slot}).second) {
      out.add(aggregate, page, {}, cause);
    }
  }
}

}  // namespace hindcast
