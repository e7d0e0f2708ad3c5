#include "sim/recovery_checker.h"

#include <algorithm>

#include "model/key.h"
#include "sim/gap_checker.h"

namespace hindcast::sim {
namespace {

constexpr Window kAlways{kMinEventTime, kMaxEventTime};

PartitionId home_of(const StreamSchema& schema, const Event& event) {
  return partition_at(partition_of(event.key, schema.partitions));
}

template <class Map>
bool has(const Map& held, const Event& event) {
  const auto found = held.find(identity_of(event));
  return found != held.end() && rank(found->second) >= rank(event);
}

std::vector<PartitionId> all_partitions(const StreamSchema& schema) {
  std::vector<PartitionId> out;
  for (uint32_t p = 0; p < schema.partitions; ++p) out.push_back(partition_at(p));
  return out;
}

}  // namespace

RecoveryWatch::RecoveryWatch(const StreamSchema& schema, const Workload& workload)
    : schema_(schema) {
  for (const Batch& batch : workload) {
    if (batch.lost) lost_.insert(lost_.end(), batch.events.begin(), batch.events.end());
  }
}

void RecoveryWatch::look(const Snapshot& snapshot, const Journal& journal, const Past& past,
                         Failures& failures) {
  Held now;
  for (const Event& event : read_events(snapshot, schema_, failures))
    now.emplace(identity_of(event), event);
  for (const auto& [identity, event] : held_) {
    if (!has(now, event)) failures.add("L9", "event was there and is gone: " + to_string(event));
  }
  const CoverageFacts facts = snapshot.coverage(kStream).value();
  check_facts(snapshot, journal, facts, failures);
  check_lost(now, facts, past, failures);
  check_sealed(snapshot, journal, now, failures);
  check_job_counts(snapshot, failures);
  held_ = std::move(now);
}

void RecoveryWatch::check_facts(const Snapshot& snapshot, const Journal& journal,
                                const CoverageFacts& facts, Failures& failures) const {
  for (const PartitionId partition : all_partitions(schema_)) {
    const auto checkpoint = snapshot.checkpoint(partition).value();
    if (!checkpoint) continue;
    for (const Accepted& record : journal.of(partition)) {
      if (record.at > checkpoint->applied) break;
      if (!record.gap) continue;
      const bool opened = !record.gap->opened ||
                          std::ranges::count(facts.gaps, record.gap->opened->id, &Gap::id) > 0;
      const bool bound =
          !record.gap->bound || std::ranges::any_of(facts.bounds, [&](const GapBound& b) {
            return b.gap == record.gap->bound->gap && b.end >= record.gap->bound->end;
          });
      if (!opened || !bound)
        failures.add("L5", "a checkpoint covers a fact of a gap that is not in the store");
    }
  }
}

/// The gap of an event that was lost is in the log before anything that follows, so once it is
/// known, it is open there or the event is back.
void RecoveryWatch::check_lost(const Held& held, const CoverageFacts& facts, const Past& past,
                               Failures& failures) const {
  for (const Event& event : lost_) {
    if (past.lacked(event) || has(held, event)) continue;
    bool open = false, touched = false;
    for (const Gap& gap : facts.gaps) {
      Gap alone = gap;
      for (const GapBound& bound : facts.bounds) {
        if (bound.gap == gap.id) alone.range.end = bound.end;
      }
      touched |= alone.range.contains(EventTime(event.time));
      open |= state_at(facts, gap, EventTime(event.time), home_of(schema_, event), event.key) ==
              InstantState::kOpen;
    }
    if (touched && !open)
      failures.add("L5", "no gap is open and it is missing: " + to_string(event));
  }
}

/// What was applied while its page was not behind the frontier is in the page once it is.
void RecoveryWatch::check_sealed(const Snapshot& snapshot, const Journal& journal, const Held& held,
                                 Failures& failures) {
  for (const PartitionId partition : all_partitions(schema_)) {
    const auto checkpoint = snapshot.checkpoint(partition).value();
    if (!checkpoint) continue;
    const auto behind = [&](const Event& event) {
      return checkpoint->frontier.behind(align_down(EventTime(event.time), schema_.page_window),
                                         slot_of(event.key, schema_.slots));
    };
    std::vector<Event>& waiting = in_time_[partition];
    for (const Event& event : waiting) {
      if (behind(event) && !has(held, event))
        failures.add("L5", "sealed without an event that was in time: " + to_string(event));
    }
    std::erase_if(waiting, behind);
    const std::vector<Accepted>& records = journal.of(partition);
    Position& to = looked_to_[partition];
    for (auto at = std::ranges::upper_bound(records, to, {}, &Accepted::at);
         at != records.end() && at->at <= checkpoint->applied; ++at) {
      to = at->at;
      for (const Event& event : at->events) {
        if (!behind(event)) waiting.push_back(event);
      }
    }
  }
}

void check_completeness(const Snapshot& snapshot, const StreamSchema& schema,
                        const Workload& workload, const Past& past, Failures& failures) {
  const CoverageFacts facts = snapshot.coverage(kStream).value();
  const Coverage coverage(facts, all_partitions(schema));
  for (const Hole& hole : coverage.holes()) {
    if (hole.state == Hole::State::kOpen)
      failures.add("liveness", "gap " + std::to_string(hole.gap) + " is open at " +
                                   to_rfc3339(hole.range.start));
  }
  std::set<std::pair<EventTime, std::string>> lacking;  // page window and key
  for (const Batch& batch : workload) {
    for (const Event& event : batch.events) {
      if (past.lacks(event))
        lacking.emplace(align_down(EventTime(event.time), schema.page_window), event.key);
    }
  }
  const auto check = [&](const Row& row) {
    const Window bucket = window_of(row.at.bucket, row.at.resolution);
    bool must = false, may = false;
    for (const Gap& gap : facts.gaps) {
      Window range = gap.range;
      for (const GapBound& bound : facts.bounds) {
        if (bound.gap == gap.id) range.end = bound.end;
      }
      range = {std::max(range.start, bucket.start), std::min(range.end, bucket.end)};
      if (range.start >= range.end) continue;
      for (EventTime page = align_down(range.start, schema.page_window); page < range.end;
           page += schema.page_window) {
        must |= past.is_missing(page);
        may |= must || lacking.contains({page, row.at.key});
      }
    }
    const bool complete =
        coverage.touching(bucket, {row.at.partition, BytesView(row.at.key)}).nothing();
    if (complete ? must : !may) {
      failures.add("L1", "bucket " + to_rfc3339(bucket.start) + " " + row.at.key +
                             " is said to be " + (complete ? "complete" : "incomplete"));
    }
    return true;
  };
  for (const RollerAggregate& aggregate : stream_rollups(schema)) {
    for (const Duration resolution : aggregate.resolutions) {
      snapshot.rows({.aggregate = aggregate.id, .resolution = resolution, .range = kAlways}, check)
          .value();
    }
  }
}

void check_job_counts(const Snapshot& snapshot, Failures& failures) {
  snapshot
      .jobs([&](const ReplayJob& job) {
        const ReplayCounts& c = job.counts;
        if (c.read != c.added + c.duplicate + c.superseded + c.outside + c.dead_lettered) {
          failures.add("jobs", "the counts of job " + std::to_string(job.id) + " do not add up");
        }
        if (job.state == ReplayJob::State::kDone && !left_of(job.range, job.done).empty())
          failures.add("jobs", "job " + std::to_string(job.id) + " is done, and not all of it");
        return true;
      })
      .value();
}

Hash128 fingerprint(const Snapshot& snapshot, const StreamSchema& schema) {
  std::string text = std::to_string(snapshot.last_change().value);
  for (const PartitionId partition : all_partitions(schema)) {
    snapshot
        .heads({partition, kAlways},
               [&](const PageHead& head) {
                 text += " page " + std::to_string(head.version.value) + " " + to_hex(head.digest) +
                         " " + std::to_string(head.rows) + " " + std::to_string(head.parts.size());
                 return true;
               })
        .value();
    snapshot
        .marks(partition,
               [&](const Mark& mark) {
                 text += " mark " + std::to_string(mark.id);
                 return true;
               })
        .value();
  }
  for (const RollerAggregate& aggregate : stream_rollups(schema)) {
    for (const Duration resolution : aggregate.resolutions) {
      snapshot
          .rows({.aggregate = aggregate.id, .resolution = resolution, .range = kAlways},
                [&](const Row& row) {
                  text += " row " + std::to_string(row.version.value) + " " + to_hex(row.digest);
                  return true;
                })
          .value();
    }
  }
  return hash128(text);
}

}  // namespace hindcast::sim
