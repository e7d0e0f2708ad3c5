#include "engine/outages.h"

#include <algorithm>
#include <utility>

#include "progress/gap_edges.h"

namespace hindcast {

Outages::Outages(Duration page_window, std::map<SourceId, Line> lines)
    : page_window_(page_window), lines_(std::move(lines)) {}

void Outages::restore(SourceId source, EventTime highest, bool ended) {
  Line& line = lines_.at(source);
  line.highest = std::max(line.highest, highest);
  line.ended = ended;
}

void Outages::restore(const Gap& gap) {
  Open& open = open_.emplace_back(Open{.gap = gap.id});
  for (const auto& [source, line] : lines_) {
    if (!line.lossy) continue;
    open.highest_before = std::max(open.highest_before, line.highest);
    open.reach = std::max(open.reach, line.reach);
  }
}

bool Outages::keeps_up(const Line& line, EventTime edge, Duration reach) const {
  return line.highest >= gap_start(edge, std::max(reach, page_window_));
}

void Outages::begin(Line& line, EventTime first) {
  if (!std::exchange(line.delivering, true)) line.since = first;
  line.ended = false;
}

std::vector<GapBound> Outages::delivered(SourceId source, std::span<const int64_t> times,
                                         bool thin) {
  if (thin && !open_.empty()) return {};  // else it is the next silence that has to open a gap
  Line& line = lines_.at(source);
  begin(line, event_time_ns(std::ranges::min(times)));
  line.highest = std::max(line.highest, event_time_ns(std::ranges::max(times)));
  if (open_.empty()) return {};
  return bounds_at(line, event_time_ns(std::ranges::min(times)));
}

/// Only events move the highest: where the next outage begins errs towards a larger gap.
std::vector<GapBound> Outages::heartbeat(SourceId source, EventTime to, bool thin) {
  if (thin && !open_.empty()) return {};
  Line& line = lines_.at(source);
  if (line.highest != kMinEventTime) begin(line, to);  // else nothing says where an outage begins
  return bounds_at(line, to);
}

std::vector<GapBound> Outages::bounds_at(const Line& line, EventTime first) {
  std::vector<GapBound> bounds;
  std::erase_if(open_, [&](const Open& open) {
    if (!line.lossy && !keeps_up(line, open.highest_before, open.reach)) return false;
    bounds.push_back(
        {open.gap, gap_end(open.highest_before, first, std::max(open.reach, line.reach))});
    return true;
  });
  return bounds;
}

std::optional<EventTime> Outages::disconnected(SourceId source,
                                               std::optional<EventTime> whole_until) {
  Line& line = lines_.at(source);
  if (!std::exchange(line.delivering, false) || !line.lossy) return std::nullopt;
  const EventTime edge = std::min(line.highest, whole_until.value_or(line.highest));
  for (const auto& [id, other] : lines_) {
    if (other.delivering && other.since <= edge && keeps_up(other, line.highest, line.reach))
      return std::nullopt;
  }
  return gap_start(edge, line.reach);
}

void Outages::ended(SourceId source) {
  Line& line = lines_.at(source);
  line.delivering = false;
  line.ended = true;
}

std::optional<std::pair<SourceId, EventTime>> Outages::stopped() const {
  if (!open_.empty()) return std::nullopt;
  const std::pair<const SourceId, Line>* last = nullptr;
  for (const auto& entry : lines_) {
    const Line& line = entry.second;
    if (!line.lossy || line.ended || line.highest == kMinEventTime) continue;
    if (last == nullptr || line.highest > last->second.highest) last = &entry;
  }
  if (last == nullptr) return std::nullopt;
  return std::pair(last->first, gap_start(last->second.highest, last->second.reach));
}

void Outages::opened(GapId gap, SourceId source) {
  const Line& line = lines_.at(source);
  open_.push_back({gap, line.highest, line.reach});
}

}  // namespace hindcast
