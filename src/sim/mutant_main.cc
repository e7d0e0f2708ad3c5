// Runs a mutant until something notices. Exit code 0: it was caught, and by what.
#include <unistd.h>

#include <csignal>
#include <iostream>

#include "base/log.h"
#include "sim/simulator.h"

namespace {

constexpr uint64_t kSeeds = 200;

/// A failed assertion has said which one; the seed was printed before.
extern "C" void aborted(int) {
  constexpr std::string_view kText = "caught by an assertion\n";
  const auto ignored = write(STDOUT_FILENO, kText.data(), kText.size());
  _exit(ignored == 0 ? 1 : 0);
}

}  // namespace

int main() {
  hindcast::set_log_level(hindcast::LogLevel::kError);
  std::signal(SIGABRT, aborted);
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    for (const hindcast::sim::Scenario& scenario : hindcast::sim::scenarios()) {
      std::cout << scenario.name << " seed " << seed << std::endl;
      const hindcast::sim::Report report = hindcast::sim::run(scenario, seed);
      if (report.failures.empty()) continue;
      std::cout << "caught by a checker\n" << to_string(report);
      return 0;
    }
  }
  std::cout << "not caught\n";
  return 1;
}
