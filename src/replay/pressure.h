// The reactive half of the governor: how much slower replay must go when something is wrong. Each
// signal becomes a number of its own, 0 = far from it, 1 = at target; the largest one decides, and
// is the reason. (The deliberate half is replay/token_bucket.h.)
//
// Not among the pressures: the watermark's delay. An outage raises it, and recovery would brake
// itself. Nor the depth of the replay log: only replay empties it, so it does not slow replay down
// but changes who goes first (deep_replay_log).
//
// Pure. Thread safety: values.
#pragma once
#include <cstdint>
#include <optional>

#include "base/time.h"
#include "base/units.h"
#include "replay/divergence.h"
#include "replay/limits.h"
#include "replay/reason.h"
#include "replay/work.h"

namespace hindcast {

/// Of the last five seconds (quantiles.h).
struct LatencySignal {
  Duration p99{};
  uint64_t samples = 0;
};

struct StoreSignal {
  bool stopped = false;         // takes no writes: a hard bound
  bool slowed = false;          // delays writes
  uint32_t l0_files = 0;        // 0 where the store has no such thing
  double compaction_share = 0;  // pending bytes ÷ those at which it delays writes
};

/// What is measured, once a tick.
struct Signals {
  LatencySignal live_apply;   // append to applied, all shards merged
  Duration live_queue_age{};  // of the oldest record that is not applied
  LatencySignal commit;       // of replay's commits: handed over to durable
  StoreSignal store;
  bool disk_full = false;    // below the space that live needs: a hard bound
  ByteCount memory;          // of the process
  ByteCount replay_log;      // bytes waiting there
  uint64_t late_events = 0;  // likewise
  double cpu_pressure = 0;

  bool running = true;  // some job wants to run: neither paused, nor scheduled for later, nor done
  Work done;            // by all workers since the last tick, committed
  Work capacity;        // per second, of all workers (capacity.h)
  Backlog backlog;
  /// Whether some worker waited for allowance since the last tick; if none did, why it went no
  /// faster (explain(), time_ledger.h).
  bool throttled = true;
  Reason otherwise = Reason::kCompute;
};

struct Pressure {
  Reason reason = Reason::kRate;
  double value = 0;  // [0, 1000]
};

/// A p99 of fewer applies of live is chance.
inline constexpr uint64_t kLiveSamplesMin = 100;

/// The largest pressure of all. Fewer than kLiveSamplesMin applies or 20 commits in the window have
/// no say: a p99 of them is chance.
Pressure strongest(const Signals& signals, const Limits& limits);

/// The replay log nears its bound: late events, which empty it, go before jobs (fair_pair.h).
bool deep_replay_log(const Signals& signals, const Limits& limits);

/// What outranks even the floor (law L7): a stopped store, a full disk, memory at its bound. A
/// bound on memory that holds replay lets go at nine tenths only.
std::optional<Reason> hard_bound(const Signals& signals, const Limits& limits,
                                 std::optional<Reason> holding);

}  // namespace hindcast
