// What must hold once everything is healed, closed and at rest.
#include <algorithm>

#include "sim/history.h"

namespace hindcast::sim {

void History::check_end() {
  const StreamSchema& schema = options_.lane.lane.schema;
  const auto snapshot = world_.store().snapshot().value();
  NaiveModel model;
  std::map<SourceId, uint64_t> dead;
  for (uint32_t p = 0; p < options_.partitions; ++p) {
    for (const Accepted& record : journal_.of(partition_at(p))) {
      for (const Event& event : record.events) model.add(event);
      if (record.header.kind == RecordKind::kDead)
        dead[record.header.source] += record.header.events;
    }
  }
  if (past_) {
    for (const Event& event : expected()) model.add(event);
  }
  const Content content = read_content(*snapshot, schema, failures_);
  compare(content, model.content(schema), "L1", failures_);
  if (!failures_.empty()) return;
  Hash128 reference;
  compare(content, without_faults(reference), "L1 (other than without faults)", failures_);
  if (canonical_hash(*snapshot, schema, content) != reference) {
    failures_.add("L1", "the canonical content is not that of the run without faults");
  }

  // L2 and L3 at quiescence: all that was acknowledged is settled, and each letter is kept.
  NaiveModel sent;
  for (const Event& event : expected()) sent.add(event);
  compare(content, sent.content(schema), "L2", failures_);
  uint64_t aggregated = 0;
  for (const SourceId source : kSources) {
    const Tallies tallies = snapshot->tallies(source).value();
    aggregated += tallies.aggregated;
    if (tallies.settled() != journal_.received(source)) {
      failures_.add("L3", "source " + std::to_string(source.value) + ": received " +
                              std::to_string(journal_.received(source)) + ", settled " +
                              std::to_string(tallies.settled()));
    }
    uint64_t letters = 0;
    snapshot
        ->dead_letters(source, {},
                       [&](const DeadLetterFact&) {
                         ++letters;
                         return true;
                       })
        .value();
    if (tallies.dead_lettered != dead[source] || letters != dead[source]) {
      failures_.add("L3", "dead letters are lost or counted twice");
    }
  }
  // Each identity is added once, and again by each correction that beats what is there.
  // With replays, some are added there, and counted by their jobs.
  const bool corrected = scenario_.workload.correct > 0;
  if (!past_ && (corrected ? aggregated < model.identities() : aggregated != model.identities())) {
    failures_.add("L3", "aggregated " + std::to_string(aggregated) + " of " +
                            std::to_string(model.identities()) + " identities");
  }

  // Liveness: everything is final, nothing waits.
  for (uint32_t p = 0; p < options_.partitions; ++p) {
    const std::string which = "partition " + std::to_string(p + 1);
    const auto checkpoint = snapshot->checkpoint(partition_at(p)).value();
    if (!checkpoint || checkpoint->frontier.window != EventTime(kEndOfTime)) {
      failures_.add("liveness", which + ": closed, and the frontier is not at the end");
    }
    snapshot
        ->marks(partition_at(p),
                [&](const Mark&) {
                  failures_.add("liveness", which + ": a mark is left");
                  return false;
                })
        .value();
    // What no checkpoint covers is void, and may lie there until the next hand-off.
    if (checkpoint && !checkpoint->replay.empty() &&
        world_.lane(p).drain().read_after() < checkpoint->replay.back().last) {
      failures_.add("liveness", which + ": the replay log is not drained");
    }
    for (const auto& [source, events] : world_.lane(p).lane().pending()) {
      if (events > 0) failures_.add("liveness", which + ": events are pending");
    }
  }
}

Content History::without_faults(Hash128& hash) {
  std::vector<Event> events = expected();
  std::ranges::stable_sort(events, {}, &Event::time);
  World world(roomy_node(options_.partitions), report_.seed);
  world.start().value();
  const StreamSchema schema = stream_schema(options_.partitions);
  const auto deliver = [&](const Batch& batch) {
    world.log().append(Channel::kLive, records_of(schema, batch),
                       [](const Result<std::vector<Position>>& done) { done.value(); });
    world.write_log(Channel::kLive);
  };
  constexpr size_t kBatch = 64;
  for (size_t begin = 0; begin < events.size(); begin += kBatch) {
    const size_t end = std::min(begin + kBatch, events.size());
    Batch batch;
    batch.source = kLeft;
    batch.events.assign(events.begin() + static_cast<ptrdiff_t>(begin),
                        events.begin() + static_cast<ptrdiff_t>(end));
    deliver(batch);
  }
  Batch closing;
  closing.source = kLeft;
  closing.advance = Advance{EventTime(kEndOfTime), Advance::Why::kEnd};
  deliver(closing);
  for (bool more = true; more;) {
    for (uint32_t lane = 0; lane < options_.partitions; ++lane) {
      world.lane(lane).run(world.now()).value();
    }
    more = world.store_has_commits();
    while (world.store_has_commits()) world.complete_commit();
    for (const Channel c : {Channel::kLive, Channel::kReplay}) {
      if (world.log_has_writes(c)) {
        world.write_log(c);
        more = true;
      }
    }
  }
  const auto snapshot = world.store().snapshot().value();
  const Content content = read_content(*snapshot, schema, failures_);
  hash = canonical_hash(*snapshot, schema, content);
  return content;
}

}  // namespace hindcast::sim
