#include "sim/simulator.h"

#include <ostream>

#include "base/hash.h"
#include "sim/history.h"

namespace hindcast::sim {

Report run(const Scenario& scenario, uint64_t seed, std::ostream* trace) {
  History history(scenario, seed, trace);
  return history.execute();
}

std::string to_string(const Report& report) {
  std::string out = report.scenario + " seed " + std::to_string(report.seed) + ": " +
                    (report.failures.empty() ? "holds" : "FAILS") + "; " +
                    std::to_string(report.steps) + " steps, " + std::to_string(report.crashes) +
                    " crashes, " + std::to_string(report.found) + " found, " +
                    std::to_string(report.refused) + " refused, " + std::to_string(report.commits) +
                    " commits, " + std::to_string(report.conflicts) + " conflicts, " +
                    std::to_string(report.spills) + " spills, " + std::to_string(report.drained) +
                    " drained, " + std::to_string(report.recovered) + " recovered; trace " +
                    to_hex(Hash128{0, report.trace}).substr(16) + "\n";
  if (report.failures.empty()) return out;
  for (const std::string& failure : report.failures) out += "  " + failure + "\n";
  out += "  faults:\n";
  for (const Fault& fault : report.faults) out += "    " + to_string(fault) + "\n";
  return out;
}

}  // namespace hindcast::sim
