#include "sim/faults.h"

#include <algorithm>

namespace hindcast::sim {
namespace {

const char* name_of(Fault::Kind kind) {
  switch (kind) {
    case Fault::Kind::kKill:
      return "kill";
    case Fault::Kind::kPowerLoss:
      return "power loss";
    case Fault::Kind::kPowerCut:
      return "power cut, file operations later:";
    case Fault::Kind::kRecoveryCut:
      return "power cut in the next recovery, file operations later:";
    case Fault::Kind::kFailSync:
      return "next sync fails";
    case Fault::Kind::kDiskFull:
      return "disk full, steps:";
    case Fault::Kind::kStoreStall:
      return "committer stalls, steps:";
    case Fault::Kind::kLogStall:
      return "log writer stalls, steps:";
    case Fault::Kind::kRewrite:
      return "a page is rewritten";
  }
  return "unknown";
}

}  // namespace

std::string to_string(const Fault& fault) {
  std::string out = "step " + std::to_string(fault.step) + ": " + name_of(fault.kind);
  if (fault.amount > 0) out += " " + std::to_string(fault.amount);
  return out;
}

FaultPlan make_faults(const FaultMix& mix, uint64_t steps, Rng& rng) {
  FaultPlan plan;
  const auto add = [&](Fault::Kind kind, double expected, uint64_t amount_max) {
    // Between nothing and twice the expectation.
    const auto count = rng.below(1 + static_cast<uint64_t>(expected * 2));
    for (uint64_t i = 0; i < count; ++i) {
      plan.push_back({.step = rng.below(steps),
                      .kind = kind,
                      .amount = amount_max == 0 ? 0 : 1 + rng.below(amount_max)});
    }
  };
  add(Fault::Kind::kKill, mix.kills, 0);
  add(Fault::Kind::kPowerLoss, mix.power_losses, 0);
  add(Fault::Kind::kPowerCut, mix.power_cuts, 12);
  add(Fault::Kind::kRecoveryCut, mix.recovery_cuts, 30);
  add(Fault::Kind::kFailSync, mix.failed_syncs, 0);
  add(Fault::Kind::kDiskFull, mix.full_disks, steps / 8);
  add(Fault::Kind::kStoreStall, mix.store_stalls, steps / 8);
  add(Fault::Kind::kLogStall, mix.log_stalls, steps / 16);
  add(Fault::Kind::kRewrite, mix.rewrites, 0);
  std::ranges::stable_sort(plan, {}, &Fault::step);
  return plan;
}

}  // namespace hindcast::sim
