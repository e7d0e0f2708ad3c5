// What the governor is told to keep: the deliberate ceiling and floor of the replay lane, and the
// targets of its safety valve. Everything may change while replays run.
#pragma once
#include <cstdint>
#include <optional>

#include "base/result.h"
#include "base/time.h"
#include "base/units.h"
#include "format/config.h"
#include "replay/work.h"

namespace hindcast {

struct Limits {
  // The ceiling: how fast when nothing is wrong. Shares are of measured capacity (capacity.h).
  RateLimit events{.per_second = std::nullopt, .share = 0.25};
  std::optional<RateLimit> bytes, store_ops, requests;  // of history, the store, the history
  /// Events per second that replay gets whatever live needs (law L7). Above the ceiling it is the
  /// ceiling. Larger means a shorter worst recovery and a longer worst latency of live.
  RateLimit floor{.per_second = std::nullopt, .share = 0.02};
  uint16_t subwindows_at_once = 2;  // of all jobs; range [1, 256]
  uint16_t sources_at_once = 2;     // whose histories are read at the same time; range [1, 256]
  Duration stagger = 5s;            // between automatic jobs of sources that came back at once

  // Targets: the valve closes above them. Smaller means a calmer live lane and a slower replay.
  Duration live_p99 = 20ms;       // append to applied; judged from 100 samples on
  Duration live_queue_age = 1s;   // the oldest record that waits for the live lane
  Duration commit_p99 = 500ms;    // of replay's commits; judged from 20 samples on
  uint32_t l0_files = 24;         // RocksDB delays writes at 32, and stops them at 64
  double compaction_share = 0.7;  // of pending compaction bytes at which the store delays writes
  double cpu_pressure = 0.6;      // share of time in which somebody waited for a CPU
  // Bounds. From four fifths of them on the valve closes; late events go before jobs.
  ByteCount memory_max = 1_GiB;      // of the process; a hard bound, which outranks the floor
  ByteCount replay_log_max = 4_GiB;  // of the log's channel
  /// Within which a backlog is to be gone: what a storm measures missing capacity by.
  Duration catch_up_within = 1h;
};

/// Errors: kInvalidArgument, naming the limit that makes no sense and what would.
Status check(const Limits& limits);

/// A limit in units per second, at least 1.
uint64_t per_second(const RateLimit& limit, uint64_t capacity);

}  // namespace hindcast
