#include "cli/sim.h"

#include <ostream>
#include <vector>

#include "base/log.h"
#include "base/text.h"
#include "sim/simulator.h"

namespace hindcast {

int sim_command(const SimOptions& options, const Output& output) {
  std::vector<const sim::Scenario*> chosen;
  std::vector<std::string_view> names = {"all"};
  for (const sim::Scenario& scenario : sim::scenarios()) {
    names.push_back(scenario.name);
    if (options.scenario == "all" || options.scenario == scenario.name) {
      chosen.push_back(&scenario);
    }
  }
  if (chosen.empty()) {
    output.err << "no scenario '" << options.scenario << "'"
               << did_you_mean(options.scenario, names) << "\n";
    return kExitUsage;
  }
  // Crashes and full disks are the point of it; what the log says of them is noise.
  set_log_level(LogLevel::kError);
  uint64_t failed = 0;
  for (uint64_t seed = options.seed; seed - options.seed < options.seeds; ++seed) {
    for (const sim::Scenario* scenario : chosen) {
      // First of all, so that a crash of this process can be repeated too.
      output.out << "seed " << seed << " of " << scenario->name << ": " << scenario->about
                 << std::endl;
      const sim::Report report = sim::run(*scenario, seed, options.trace ? &output.out : nullptr);
      output.out << to_string(report);
      failed += !report.failures.empty();
    }
  }
  if (failed == 0) return kExitOk;
  output.err << failed << " of " << options.seeds * chosen.size() << " histories broke a law\n";
  return kExitNo;
}

}  // namespace hindcast
