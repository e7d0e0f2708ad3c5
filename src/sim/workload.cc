#include "sim/workload.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "model/key.h"
#include "progress/gap_edges.h"

namespace hindcast::sim {
namespace {

constexpr Duration kLateMax = 30s;

class Generator {
 public:
  Generator(const WorkloadPlan& plan, Rng& rng) : plan_(plan), rng_(rng) {}

  Batch batch() {
    Batch batch;
    batch.source = rng_.chance(0.7) ? kLeft : kRight;
    if (plan_.outage > 0 && outage(lines_[batch.source], batch)) return batch;
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
    delivered(batch);
    return batch;
  }

  /// What ends the outages that are left.
  std::vector<Batch> reconnects() {
    std::vector<Batch> out;
    for (auto& [source, line] : lines_) {
      if (!line.gap) continue;
      out.emplace_back().source = source;
      reconnect(line, out.back());
    }
    return out;
  }

 private:
  struct Line {
    std::optional<EventTime> highest;  // delivered
    std::optional<GapId> gap;          // disconnected since
    size_t to_lose = 0;
    bool goes_next = false;
  };

  /// Whether the batch is part of an outage. The edges are those that ingest sets: what is lost is
  /// at most as late as the source's reach says.
  bool outage(Line& line, Batch& batch) {
    if (line.to_lose > 0) {
      --line.to_lose;
      batch.lost = true;
      add_fresh(batch);
      return true;
    }
    if (line.gap) {
      reconnect(line, batch);
      return true;
    }
    if (!line.highest || !(line.goes_next || rng_.chance(plan_.outage))) return false;
    if (!line.goes_next && rng_.chance(plan_.both))
      lines_[batch.source == kLeft ? kRight : kLeft].goes_next = true;
    line.goes_next = false;
    line.gap = ++last_gap_;
    line.to_lose = 1 + rng_.below(plan_.lost_max);
    Gap gap{.id = last_gap_, .stream = kStream};
    gap.range = {gap_start(*line.highest, kLateMax), kMaxEventTime};
    batch.gap = GapRecord{.opened = std::move(gap), .bound = {}};
    batch.disconnected = true;
    return true;
  }

  void reconnect(Line& line, Batch& batch) {
    add_fresh(batch);
    const auto first = std::ranges::min(batch.events, {}, &Event::time).time;
    batch.gap =
        GapRecord{.opened = {},
                  .bound = GapBound{*line.gap, gap_end(*line.highest, EventTime(first), kLateMax)}};
    batch.connected = true;
    line.gap.reset();
    line.to_lose = 0;
    delivered(batch);
  }

  void add_fresh(Batch& batch) {
    for (size_t n = 1 + rng_.below(plan_.batch_events_max); n > 0; --n)
      batch.events.push_back(fresh(rng_.chance(plan_.late) ? kLateMax : Duration{}));
  }

  void delivered(const Batch& batch) {
    Line& line = lines_[batch.source];
    for (const Event& event : batch.events)
      line.highest = std::max(line.highest.value_or(kMinEventTime), EventTime(event.time));
  }

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
    if (how < plan_.late) time -= std::min(now_, milliseconds(kLateMax));
    if (how < plan_.ancient) time = milliseconds(now_);
    return at(time);
  }

  Event fresh(Duration late_max) {
    now_ += milliseconds(plan_.step_max);
    return at(now_ - std::min(now_, milliseconds(late_max)));
  }

  Event at(Duration time) {
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
  std::vector<Event> sent_;  // or lost
  std::map<SourceId, Line> lines_;
  GapId last_gap_ = 0;
};

}  // namespace

Workload make_workload(const WorkloadPlan& plan, Rng& rng) {
  Generator generator(plan, rng);
  Workload workload;
  while (workload.size() < plan.batches) workload.push_back(generator.batch());
  std::ranges::move(generator.reconnects(), std::back_inserter(workload));
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
  if (batch.gap) {
    to_all([&](PartitionId partition) {
      return LogAppend{{partition, RecordKind::kGap, batch.source, 0}, encode(*batch.gap)};
    });
  }
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
    if (batch.source == source && !batch.lost) batches_.push_back(batch);
  }
}

}  // namespace hindcast::sim
