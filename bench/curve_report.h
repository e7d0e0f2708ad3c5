// What the runs of live_under_replay say: medians over rounds, ratios against the run without a
// replay of the same round, and whether the stated marks are met.
//
// Pure: values in, text out.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/curve_run.h"

namespace hindcast::bench {

/// Figures of a run, in the order of the table's columns. Not a number: there is none (no seal fell
/// into the run, or nothing was replayed).
enum CurveColumn : uint8_t {
  kApply50,    // ms, append handed in to applied by the lane
  kApply99,    // likewise
  kApply999,   // likewise
  kAck50,      // ms, a batch is due until its durable answer
  kAck99,      // likewise
  kSealWorst,  // ms, the watermark allows a seal until its commit is durable
  kReplay,     // events per second
  kShare,      // replay's speed, of the ungoverned one's in the same round
  kIdle,       // share of all CPUs
  kSteal,      // likewise
  kOthers,     // CPUs that other processes used: near 0, or the machine was not quiet
  kRss,        // MiB, largest
  kCurveColumns
};
using CurveFigures = std::array<double, kCurveColumns>;

/// All rounds of all configurations with one number of keys.
struct CurveTable {
  struct Row {
    std::string config;
    std::vector<CurveFigures> rounds;
  };
  uint32_t keys = 0;
  std::vector<Row> rows;

  void add(const std::string& config, const CurveSample& sample);
  const Row* find(const std::string& config) const;
};

/// Of each column, over rounds; kShare needs a row "ungoverned".
CurveFigures medians(const CurveTable& table, const CurveTable::Row& row);
/// Median over rounds of the ratio to "none" in the same round.
CurveFigures ratios(const CurveTable& table, const CurveTable::Row& row);

struct CurveMark {
  enum class Verdict : uint8_t { kMet, kNotMet, kNotJudged } verdict;
  std::string text;
};
/// The marks: a governed replay at half of the ungoverned speed or more leaves live's latencies
/// near what they are alone, and an ungoverned one does not (else this measures nothing).
std::vector<CurveMark> marks(const CurveTable& table, bool real_time);

/// Not a number where nothing was counted.
double quantile_ms(const LatencyCounts& counts, double share);
std::string table_text(const CurveTable& table, bool real_time);
/// `header`: members of the object, without braces.
std::string table_json(const std::vector<CurveTable>& tables, const std::string& header,
                       bool real_time);

}  // namespace hindcast::bench
