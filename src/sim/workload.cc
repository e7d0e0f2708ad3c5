#include "sim/workload.h"

#include <map>

#include "model/key.h"

namespace hindcast::sim {
namespace {

class Generator {
 public:
  Generator(const WorkloadPlan& plan, Rng& rng) : plan_(plan), rng_(rng) {}

  Batch batch() {
    Batch batch;
    batch.source = rng_.chance(0.7) ? kLeft : kRight;
    if (rng_.chance(plan_.advance)) {
      batch.advance = Advance{EventTime(now_),
                              rng_.chance(0.5) ? Advance::Why::kIdle : Advance::Why::kHeartbeat};
      return batch;
    }
    if (rng_.chance(plan_.disconnect)) {
      batch.disconnected = true;
      batch.connected = rng_.chance(0.5);
    }
    if (rng_.chance(plan_.dead)) batch.dead_letters = 1 + rng_.below(3);
    for (size_t n = 1 + rng_.below(plan_.batch_events_max); n > 0; --n) {
      batch.events.push_back(event());
    }
    return batch;
  }

 private:
  Event event() {
    if (!sent_.empty() && rng_.chance(plan_.repeat)) return sent_[rng_.below(sent_.size())];
    if (!sent_.empty() && rng_.chance(plan_.correct)) {
      Event e = sent_[rng_.below(sent_.size())];
      e.revision += static_cast<int64_t>(1 + rng_.below(2));
      e.op = rng_.chance(plan_.remove) ? Op::kDelete : Op::kUpsert;
      e.value = e.op == Op::kDelete ? 0 : e.id * 10 + e.revision;
      sent_.push_back(e);
      return e;
    }
    now_ += milliseconds(plan_.step_max);
    Duration time = now_;
    const double how = rng_.unit();
    if (how < plan_.late) time -= std::min(now_, milliseconds(30s));
    if (how < plan_.ancient) time = milliseconds(now_);
    const auto id = static_cast<int64_t>(sent_.size());
    sent_.push_back({.key = "k" + std::to_string(rng_.below(plan_.keys)),
                     .time = time,
                     .id = id,
                     .value = id * 10});
    return sent_.back();
  }

  Duration milliseconds(Duration below) {
    return Duration(1'000'000) * rng_.below(1 + static_cast<uint64_t>(below / 1ms));
  }

  const WorkloadPlan& plan_;
  Rng& rng_;
  Duration now_{};
  std::vector<Event> sent_;
};

}  // namespace

Workload make_workload(const WorkloadPlan& plan, Rng& rng) {
  Generator generator(plan, rng);
  Workload workload;
  while (workload.size() < plan.batches) workload.push_back(generator.batch());
  return workload;
}

std::vector<LogAppend> records_of(const StreamSchema& schema, const Batch& batch) {
  std::vector<LogAppend> out;
  const auto to_all = [&](auto make) {
    for (uint32_t p = 0; p < schema.partitions; ++p) out.push_back(make(partition_at(p)));
  };
  const auto connection = [&](RecordKind kind) {
    return [&batch, kind](PartitionId partition) {
      return LogAppend{{partition, kind, batch.source, 0}, encode(Connection{"simulated"})};
    };
  };
  if (batch.disconnected) to_all(connection(RecordKind::kDisconnected));
  if (batch.connected) to_all(connection(RecordKind::kConnected));
  std::map<uint32_t, std::vector<Event>> by_partition;
  for (const Event& e : batch.events) {
    by_partition[partition_of(e.key, schema.partitions)].push_back(e);
  }
  for (const auto& [p, events] : by_partition) {
    out.push_back(events_record(schema, partition_at(p), batch.source, events));
  }
  if (batch.dead_letters > 0) {
    out.push_back(dead_record(partition_at(0), batch.source, batch.dead_letters));
  }
  if (batch.advance) {
    to_all([&](PartitionId p) { return advance_record(p, batch.source, *batch.advance); });
  }
  return out;
}

Client::Client(SourceId source, const Workload& workload) {
  for (const Batch& batch : workload) {
    if (batch.source == source) batches_.push_back(batch);
  }
}

}  // namespace hindcast::sim
