// What breaks, and when: a plan made from the seed before the history begins, as data that can be
// printed.
#pragma once
#include <string>
#include <vector>

#include "base/rng.h"

namespace hindcast::sim {

struct Fault {
  enum class Kind : uint8_t {
    kKill,         // the process dies between two steps; the disk cache survives
    kPowerLoss,    // so does the machine: what was not synced is lost or torn
    kPowerCut,     // power fails at the amount-th file operation from now
    kRecoveryCut,  // the same, counted from the next opening of the log
    kFailSync,     // the next sync fails
    kDiskFull,     // the disk takes nothing more for amount steps
    kStoreStall,   // the committer does not run for amount steps
    kLogStall,     // the log's writer does not run for amount steps
    kRewrite,      // somebody else rewrites a page, as a replay may at any time
  };
  uint64_t step = 0;
  Kind kind = Kind::kKill;
  uint64_t amount = 0;
  bool operator==(const Fault&) const = default;
};
std::string to_string(const Fault& fault);

/// How many of each are expected in a history.
struct FaultMix {
  double kills = 0, power_losses = 0, power_cuts = 0, recovery_cuts = 0, failed_syncs = 0;
  double full_disks = 0, store_stalls = 0, log_stalls = 0, rewrites = 0;
};
/// In order of steps, all below `steps`.
using FaultPlan = std::vector<Fault>;
FaultPlan make_faults(const FaultMix& mix, uint64_t steps, Rng& rng);

}  // namespace hindcast::sim
