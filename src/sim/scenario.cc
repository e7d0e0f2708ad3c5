#include "sim/scenario.h"

#include <algorithm>

namespace hindcast::sim {

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all = {
      {.name = "steady", .about = "nothing breaks", .workload = {}, .faults = {}},
      {.name = "kill_during_ingest",
       .about = "the process dies between any two steps",
       .workload = {},
       .faults = {.kills = 6, .rewrites = 20}},
      {.name = "torn_log",
       .about = "power fails inside writes, syncs and recoveries of the log; syncs fail",
       .workload = {},
       .faults = {.power_losses = 2, .power_cuts = 6, .recovery_cuts = 2, .failed_syncs = 1}},
      {.name = "disk_full",
       .about = "the disk takes nothing more for a while",
       .workload = {},
       .faults = {.kills = 1, .power_losses = 1, .full_disks = 4},
       .node =
           [](WorldOptions& node, Rng& rng) {
             node.log_retention = ByteCount{node.log_segment.value * (12 + rng.below(12))};
           }},
      {.name = "kept_log",
       .about = "what is settled stays in the log until live needs its room",
       .workload = {},
       .faults =
           {.kills = 3, .power_losses = 1, .power_cuts = 2, .recovery_cuts = 1, .full_disks = 2},
       .node =
           [](WorldOptions& node, Rng& rng) {
             node.log_retention = ByteCount{node.log_segment.value * (6 + rng.below(8))};
             node.log_age = 1s + rng.below(600) * 1s;
           }},
      {.name = "late_storm",
       .about = "most events are late, many of them too late for the front door",
       .workload = {.late = 0.6, .ancient = 0.25, .advance = 0.2},
       .faults = {.kills = 3, .power_cuts = 1, .store_stalls = 1, .rewrites = 60},
       .node = [](WorldOptions& node,
                  Rng& rng) { node.lane.lane.late_as_replay = 10s + rng.below(20) * 1s; }},
      {.name = "corrections",
       .about = "events are corrected, deleted and sent again, also when they are ancient",
       .workload = {.late = 0.3, .ancient = 0.1, .repeat = 0.2, .correct = 0.35, .remove = 0.4},
       .faults = {.kills = 3, .power_cuts = 2, .rewrites = 40}},
      {.name = "tiny_memory",
       .about = "buffers spill all the time",
       .workload = {.batch_events_max = 30},
       .faults = {.kills = 3, .power_cuts = 1, .store_stalls = 1},
       .node =
           [](WorldOptions& node, Rng& rng) {
             node.lane.lane.memory_max = ByteCount{(20_KiB).value + rng.below((60_KiB).value)};
             node.lane.lane.reread_max = ByteCount{300 + rng.below(1'500)};
             node.lane.lane.late_events_max = 1 + rng.below(8);
             node.lane.lane.part_rows_max = static_cast<uint32_t>(1 + rng.below(6));
           }},
      {.name = "slow_store",
       .about = "the committer and the log's writer stop for long",
       .workload = {},
       .faults = {.kills = 2, .power_losses = 1, .store_stalls = 5, .log_stalls = 3}},
      {.name = "bad_day",
       .about = "all of it",
       .workload = {.late = 0.25, .ancient = 0.1, .correct = 0.15},
       .faults = {.kills = 2,
                  .power_losses = 1,
                  .power_cuts = 3,
                  .recovery_cuts = 1,
                  .failed_syncs = 1,
                  .full_disks = 1,
                  .store_stalls = 1,
                  .log_stalls = 1,
                  .rewrites = 20}},
      {.name = "replay_after_outage",
       .about = "what was lost while a source was away is read again",
       .workload = {.outage = 0.08},
       .faults = {.kills = 1, .store_stalls = 1},
       .past = PastPlan{}},
      {.name = "kill_during_replay",
       .about = "the process dies, and power fails, between any two steps of a replay",
       .workload = {.outage = 0.12, .lost_max = 10},
       .faults = {.kills = 8, .power_cuts = 2, .store_stalls = 2},
       .past = PastPlan{.fails = 0.05}},
      {.name = "history_with_faults",
       .about = "the history fails, lacks events, and says things twice or as they once were",
       .workload = {.outage = 0.1},
       .faults = {.kills = 3},
       .past = PastPlan{.fails = 0.2,
                        .broken = 0.05,
                        .repeats = 0.1,
                        .older = 0.1,
                        .lacks = 0.1,
                        .missing = 0.15,
                        .unreadable = 0.1}},
      {.name = "two_sources_reconnect",
       .about = "both sources go and come back, and two workers read beside each other",
       .workload = {.outage = 0.1, .both = 0.7},
       .faults = {.kills = 2, .store_stalls = 1},
       .past = PastPlan{.fails = 0.1, .broken = 0.02},
       .node = [](WorldOptions& node, Rng&) { node.recovery->runners = 2; }},
      {.name = "replay_beside_late_merges",
       .about = "late events, corrections and others rewrite the pages that a replay brings back",
       .workload = {.late = 0.4, .ancient = 0.2, .correct = 0.2, .outage = 0.12},
       .faults = {.kills = 2, .rewrites = 80},
       .past = PastPlan{.older = 0.05},
       .node =
           [](WorldOptions& node, Rng& rng) {
             node.lane.lane.late_as_replay = 10s + rng.below(20) * 1s;
             node.recovery->runners = 2;
           }},
  };
  return all;
}

const Scenario* find_scenario(std::string_view name) {
  const auto found = std::ranges::find(scenarios(), name, &Scenario::name);
  return found == scenarios().end() ? nullptr : &*found;
}

WorldOptions random_node(const Scenario& scenario, Rng& rng) {
  WorldOptions node = roomy_node(static_cast<uint32_t>(1 + rng.below(3)));
  node.log_retention = ByteCount{node.log_segment.value * (12 + rng.below(40))};
  LiveLaneOptions& lane = node.lane.lane;
  lane.delays = {{kLeft, rng.below(3) * 4s}, {kRight, rng.below(2) * 9s}};
  lane.late_as_replay = rng.chance(0.3) ? 1h : 20s + rng.below(60) * 1s;
  lane.memory_max = rng.chance(0.3) ? 60_KiB : 64_MiB;
  lane.reread_max = ByteCount{400 + rng.below(1'200)};
  lane.late_events_max = 1 + rng.below(200);
  lane.part_rows_max = static_cast<uint32_t>(1 + rng.below(60));
  node.lane.read_max = ByteCount{1 + rng.below(2'000)};
  node.lane.seal_budget = ByteCount{1 + rng.below(4'000)};
  node.lane.drain_events_max = 1 + rng.below(40);
  node.lane.drain_pages_max = 1 + rng.below(4);
  if (scenario.past) {
    node.recovery = RecoveryOptions{};
    node.recovery->runners = static_cast<uint32_t>(1 + rng.below(2));
    node.recovery->retries = static_cast<uint32_t>(rng.below(4));
    node.recovery->piece_events_max = 1 + rng.below(40);
    if (rng.chance(0.3)) node.recovery->limits.events.per_second = 20 + rng.below(100);
  }
  if (scenario.node != nullptr) scenario.node(node, rng);
  return node;
}

WorldOptions roomy_node(uint32_t partitions) {
  WorldOptions node;
  node.partitions = partitions;
  node.log_retention = 64_MiB;
  LiveLaneOptions& lane = node.lane.lane;
  lane.epoch = Epoch{1};
  lane.schema = stream_schema(partitions);
  lane.aggregates = lane_aggregates(lane.schema);
  lane.delays = {{kLeft, 0s}, {kRight, 0s}};
  node.lane.rollups = stream_rollups(lane.schema);
  return node;
}

}  // namespace hindcast::sim
