#include "sim/stream.h"

#include "model/key.h"

namespace hindcast::sim {

std::string to_string(const Event& event) {
  return event.key + " " + to_rfc3339(EventTime(event.time)) + " id " + std::to_string(event.id) +
         " revision " + std::to_string(event.revision) +
         (event.op == Op::kDelete ? " deleted" : " value " + std::to_string(event.value));
}

StreamSchema stream_schema(uint32_t partitions) {
  StreamSchema schema;
  schema.name = "simulated";
  schema.key = {PartType::kText};
  schema.id = {PartType::kInt};
  schema.values = {{.name = "v", .type = ValueType::kDecimal, .precision = 18, .scale = 0}};
  schema.page_window = 10s;
  schema.slots = 4;
  schema.partitions = partitions;
  return schema;
}

std::vector<RollerAggregate> stream_rollups(const StreamSchema& schema) {
  Rule rule{.aggregate = "a", .functions = {}};
  for (const char* text : {"count()", "sum(v)", "first(v)", "last(v)"}) {
    rule.functions.push_back(parse_function(schema, text, text).value());
  }
  return {{AggregateId{1}, rule, {5s, 10s, 1min, 5min}}, {AggregateId{2}, rule, {10s, 1min}}};
}

std::vector<LaneAggregate> lane_aggregates(const StreamSchema& schema) {
  std::vector<LaneAggregate> out;
  for (RollerAggregate& aggregate : stream_rollups(schema)) {
    LaneAggregate& lane = out.emplace_back();
    lane.id = aggregate.id;
    lane.rule = std::move(aggregate.rule);
    for (const Duration resolution : aggregate.resolutions) {
      if (resolution <= schema.page_window) {
        lane.resolutions.push_back(resolution);
      } else if (!lane.parent) {
        lane.parent = resolution;
      }
    }
  }
  return out;
}

EventBatch to_batch(const StreamSchema& schema, std::span<const Event> events) {
  EventBatch batch(schema);
  for (const Event& e : events) {
    batch.key.push_back(batch.keys.intern(e.key));
    batch.time.push_back(e.time.count());
    batch.revision.push_back(e.revision);
    batch.op.push_back(static_cast<uint8_t>(e.op));
    batch.id[0].push_back(e.id);
    batch.values[0].push_back(e.value);
  }
  return batch;
}

std::vector<Event> to_events(const EventBatch& batch) {
  std::vector<Event> out;
  for (size_t i = 0; i < batch.size(); ++i) {
    out.push_back({std::string(batch.keys[batch.key[i]]), Duration(batch.time[i]), batch.id[0][i],
                   batch.revision_at(i), batch.op_at(i), batch.values[0][i]});
  }
  return out;
}

LogAppend events_record(const StreamSchema& schema, PartitionId partition, SourceId source,
                        std::span<const Event> events) {
  return {{partition, RecordKind::kEvents, source, static_cast<uint32_t>(events.size())},
          encode_events(schema, EventsRecord{}, to_batch(schema, events), 0, events.size())};
}

LogAppend advance_record(PartitionId partition, SourceId source, const Advance& advance) {
  return {{partition, RecordKind::kAdvance, source, 0}, encode(advance)};
}

LogAppend dead_record(PartitionId partition, SourceId source, size_t letters) {
  const std::vector<DeadLetter> list(letters, DeadLetter{.reason = "malformed", .raw = "{"});
  return {{partition, RecordKind::kDead, source, static_cast<uint32_t>(letters)}, encode(list)};
}

}  // namespace hindcast::sim
