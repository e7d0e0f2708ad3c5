// The one stream that all histories are about: its shape, its aggregates, and its events as plain
// structs that the naive model can handle without any of the code under test.
#pragma once
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lane/live_lane.h"
#include "lane/roller.h"
#include "log/log.h"
#include "model/event_batch.h"
#include "progress/control.h"

namespace hindcast::sim {

inline constexpr StreamId kStream{1};
inline constexpr SourceId kLeft{1}, kRight{2};
inline constexpr SourceId kSources[] = {kLeft, kRight};

constexpr PartitionId partition_at(uint32_t index) { return PartitionId{index + 1}; }

/// Key text, id integer, one integer value. Equal (key, time, id, revision, op) have equal values.
struct Event {
  std::string key;
  Duration time{};  // since the epoch
  int64_t id = 0;
  int64_t revision = 0;
  Op op = Op::kUpsert;
  int64_t value = 0;
  auto operator<=>(const Event&) const = default;
};
std::string to_string(const Event& event);

/// Pages of 10 s in four slots.
StreamSchema stream_schema(uint32_t partitions);
/// 5 s and 10 s inside the page with 1 min and 5 min above; and 10 s with 1 min.
std::vector<RollerAggregate> stream_rollups(const StreamSchema& schema);
/// The same as the lane sees them.
std::vector<LaneAggregate> lane_aggregates(const StreamSchema& schema);

EventBatch to_batch(const StreamSchema& schema, std::span<const Event> events);
std::vector<Event> to_events(const EventBatch& batch);

LogAppend events_record(const StreamSchema& schema, PartitionId partition, SourceId source,
                        std::span<const Event> events);
LogAppend advance_record(PartitionId partition, SourceId source, const Advance& advance);
LogAppend dead_record(PartitionId partition, SourceId source, size_t letters);

}  // namespace hindcast::sim
