// The seeds that CI runs, those that once failed, and that equal seeds are equal histories.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/log.h"
#include "sim/simulator.h"

namespace hindcast::sim {

void PrintTo(const Scenario& scenario, std::ostream* out) { *out << scenario.name; }

namespace {

constexpr uint64_t kSeeds = 100;  // of each scenario

class Quiet : public ::testing::Environment {
  // Crashes and full disks are what this is about, not worth a line each.
  void SetUp() override { set_log_level(LogLevel::kError); }
};
const auto* const kQuiet = ::testing::AddGlobalTestEnvironment(new Quiet);

class EveryScenario : public ::testing::TestWithParam<Scenario> {};

TEST_P(EveryScenario, HoldsItsLawsInEverySeed) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Report report = run(GetParam(), seed);
    ASSERT_TRUE(report.failures.empty()) << to_string(report);
  }
}

TEST_P(EveryScenario, EqualSeedsAreEqualHistories) {
  std::ostringstream first, second;
  const Report a = run(GetParam(), 7, &first);
  const Report b = run(GetParam(), 7, &second);
  EXPECT_EQ(first.str(), second.str());
  EXPECT_EQ(a.trace, b.trace);
  EXPECT_NE(a.trace, run(GetParam(), 8).trace);
}

INSTANTIATE_TEST_SUITE_P(Simulator, EveryScenario, ::testing::ValuesIn(scenarios()),
                         [](const auto& chosen) { return std::string(chosen.param.name); });

TEST(SimulatorTest, SeedsThatOnceFailedHold) {
  std::ifstream file(HC_SIM_REGRESSIONS);
  ASSERT_TRUE(file.good()) << HC_SIM_REGRESSIONS;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream words(line);
    std::string name;
    uint64_t seed = 0;
    words >> name >> seed;
    const Scenario* scenario = find_scenario(name);
    ASSERT_TRUE(words && scenario != nullptr) << line;
    const Report report = run(*scenario, seed);
    EXPECT_TRUE(report.failures.empty()) << line << "\n" << to_string(report);
  }
}

// The seeds prove something only if all of this happens in them.
TEST(SimulatorTest, EverythingThatCanHappenDoes) {
  Report sum;
  for (const Scenario& scenario : scenarios()) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      const Report report = run(scenario, seed);
      sum.crashes += report.crashes;
      sum.found += report.found;
      sum.refused += report.refused;
      sum.conflicts += report.conflicts;
      sum.spills += report.spills;
      sum.drained += report.drained;
      sum.recovered += report.recovered;
    }
  }
  EXPECT_GT(sum.crashes, 500U);
  EXPECT_GT(sum.found, 10U);
  EXPECT_GT(sum.refused, 50U);
  EXPECT_GT(sum.conflicts, 15U);
  EXPECT_GT(sum.spills, 500U);
  EXPECT_GT(sum.drained, 1'000U);
  EXPECT_GT(sum.recovered, 5'000U);
}

}  // namespace
}  // namespace hindcast::sim
