// Reading again what was lost: steps of the workers, and what must hold once all is read.
#include <algorithm>

#include "sim/history.h"

namespace hindcast::sim {

std::unique_ptr<Past> History::make_past() {
  if (!scenario_.past) return nullptr;
  auto past =
      std::make_unique<Past>(options_.lane.lane.schema, workload_, *scenario_.past, rng_.next());
  options_.recovery->history = &past->history();
  return past;
}

void History::step_recovery() {
  Recovery& recovery = *world_.recovery();
  const size_t who = rng_.below(recovery.runners() + 1);
  if (who == recovery.runners()) {
    if (recovery.look_for_gaps(world_.mono_now(), world_.now())) after("jobs for gaps");
    return;
  }
  if (recovery.due(who) > world_.mono_now()) {
    if (!rng_.chance(0.3)) return;
    world_.wait_until(recovery.due(who));
  }
  recovery.step(who, world_.mono_now(), world_.now());
  after("worker " + std::to_string(who));
}

/// A round of all workers. Whether there is work that goes on by itself.
bool History::settle_recovery() {
  if (!past_) return false;
  Recovery& recovery = *world_.recovery();
  bool moved = recovery.look_for_gaps(world_.mono_now(), world_.now()) ||
               recovery.ask_again(world_.mono_now(), world_.now());
  for (int turn = 0; turn < 10; ++turn) {
    for (size_t i = 0; i < recovery.runners(); ++i) {
      if (turn == 0) world_.wait_until(std::min(recovery.due(i), world_.mono_now() + 1s));
      if (recovery.due(i) > world_.mono_now()) continue;
      recovery.step(i, world_.mono_now(), world_.now());
    }
  }
  moved |= recovery.busy();
  if (moved) after("workers");
  return moved;
}

std::vector<Event> History::expected() const {
  std::vector<Event> events;
  for (const Batch& batch : workload_) {
    for (const Event& event : batch.events) {
      if (!batch.lost || (past_ && !past_->lacks(event))) events.push_back(event);
    }
  }
  return events;
}

void History::check_jobs() {
  const auto snapshot = world_.store().snapshot().value();
  check_completeness(*snapshot, options_.lane.lane.schema, workload_, *past_, failures_);
  uint64_t added = 0;
  snapshot
      ->jobs([&](const ReplayJob& job) {
        added += job.counts.added;
        if (!job.ended())
          failures_.add("liveness", "job " + std::to_string(job.id) + " has not ended");
        return true;
      })
      .value();
  report_.recovered = added;
}

void History::replay_all(const char* phase) {
  Duration end{};
  for (const Batch& batch : workload_) {
    for (const Event& event : batch.events) end = std::max(end, event.time);
  }
  after(phase);
  // With room for gaps, which reach beyond the events at their edges.
  world_.recovery()->read_all({EventTime(-1min), EventTime(end + 1min)}, world_.mono_now(),
                              world_.now());
  settle(phase);
}

void History::replay_again() {
  if (past_->is_whole()) return replay_for_nothing();
  // The past is found after all. Then everything is there, and everything is complete.
  past_->make_whole();
  replay_all("made whole");
  if (!failures_.empty()) return;
  const StreamSchema& schema = options_.lane.lane.schema;
  const auto snapshot = world_.store().snapshot().value();
  NaiveModel model;
  for (const Event& event : expected()) model.add(event);
  compare(read_content(*snapshot, schema, failures_), model.content(schema), "L1", failures_);
  check_completeness(*snapshot, schema, workload_, *past_, failures_);
  if (failures_.empty()) replay_for_nothing();
}

void History::replay_for_nothing() {
  const StreamSchema& schema = options_.lane.lane.schema;
  const Hash128 before = fingerprint(*world_.store().snapshot().value(), schema);
  replay_all("replayed for nothing");
  if (!failures_.empty()) return;
  const auto snapshot = world_.store().snapshot().value();
  if (fingerprint(*snapshot, schema) != before)
    failures_.add("L10", "a replay of what was there wrote something");
  ReplayJob last;
  snapshot
      ->jobs([&](const ReplayJob& job) {
        last = job;
        return true;
      })
      .value();
  if (last.state != ReplayJob::State::kDone || last.counts.added > 0 ||
      last.counts.pages_changed > 0 || last.counts.rows_changed > 0 ||
      last.counts.bytes_written > 0) {
    failures_.add("L10", "a replay of what was there says that it added something");
  }
}

}  // namespace hindcast::sim
