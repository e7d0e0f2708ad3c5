// One seed is one history: what clients do, what breaks, and which actor takes the next step all
// follow from it. Equal seeds give equal histories, step by step: the trace hash says so.
//
// A history: clients send until all is acknowledged while faults strike; then everything is healed
// and must settle; then all sources close, and everything must become final. Safety is checked all
// along, liveness by the bound on settling, and the result against the naive model and against a
// run of the same events in order and without faults.
#pragma once
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "sim/faults.h"
#include "sim/scenario.h"

namespace hindcast::sim {

struct Report {
  std::string scenario;
  uint64_t seed = 0;
  std::vector<std::string> failures;  // empty = all laws held
  uint64_t trace = 0;                 // over every step
  FaultPlan faults;
  // What happened; a history in which nothing did would prove nothing.
  uint64_t steps = 0, crashes = 0, found = 0, refused = 0;
  uint64_t commits = 0, conflicts = 0, spills = 0, drained = 0;
  uint64_t recovered = 0;  // events that jobs brought back
};

/// `trace`: if not null, gets a line per step.
Report run(const Scenario& scenario, uint64_t seed, std::ostream* trace = nullptr);

/// One line for people; with the fault plan when it failed.
std::string to_string(const Report& report);

}  // namespace hindcast::sim
