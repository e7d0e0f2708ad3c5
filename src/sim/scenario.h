// Named combinations of what clients do, what breaks, and how small the node is.
#pragma once
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "sim/faults.h"
#include "sim/past.h"
#include "sim/workload.h"
#include "sim/world.h"

namespace hindcast::sim {

struct Scenario {
  std::string_view name;
  std::string_view about;
  WorkloadPlan workload;
  FaultMix faults;
  std::optional<PastPlan> past;  // present: what is lost is read again
  /// Changes what random_node() chose.
  void (*node)(WorldOptions&, Rng&) = nullptr;
};

const std::vector<Scenario>& scenarios();
/// Null when there is none of this name.
const Scenario* find_scenario(std::string_view name);

/// Partitions, delays, bounds and slices as the seed has them; small, so that a short history
/// passes every bound.
WorldOptions random_node(const Scenario& scenario, Rng& rng);
/// A node with room for everything and no delays, for the same stream: where a history without
/// faults runs.
WorldOptions roomy_node(uint32_t partitions);

}  // namespace hindcast::sim
