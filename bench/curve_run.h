// One configuration of live_under_replay: the real engine in this process, on its own copy of a
// prepared data directory, with a live load and perhaps a replay, measured for a while.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/curve_history.h"
#include "replay/quantiles.h"
#include "replay/reason.h"

namespace hindcast::bench {

/// A row of the table.
struct CurveConfig {
  std::string name;
  bool replays = true;
  std::vector<std::string> replay;    // keys of [replay]
  std::vector<std::string> if_known;  // likewise, left out where this version does not know them
};
/// Those there are: none, ungoverned, 100%, 50%, 25%.
const std::vector<CurveConfig>& curve_configs();

struct CurvePlace {
  std::string folder;  // on a disk
  uint32_t keys = 100;
  uint64_t rate = 0;    // live, events per second
  double seconds = 60;  // measured, after warming up
  bool repeat = false;  // all of the history is there already
  const CurveHistory& history;
};

struct CurveSample {
  LatencyCounts apply, commit, seal, acknowledged, begun;  // while measured; engine/live_latency.h
  double seconds = 0;
  uint64_t live = 0, refused = 0;        // events
  uint64_t replayed = 0, duplicate = 0;  // events; of them equal ones that were there
  uint64_t disk_read = 0;                // bytes: shows that history was cold
  double idle = 0, steal = 0;            // share of all CPUs of the machine
  double cpu = 0, others = 0;            // CPUs that this process used, and all else
  uint64_t rss_max = 0;                  // bytes
  ReasonTimes times{};                   // why the replay went as fast as it went
  std::string broken;  // empty: every event is accounted for, and the replay ran to the end of it
  double replay_rate() const { return static_cast<double>(replayed) / seconds; }
};

/// Event time that passes until a page window is sealed.
constexpr Duration kCurveWindow = 2s;
/// How long replay runs before it is measured.
double warm_seconds(double seconds);

/// The data directory that every run of these keys begins with: pages with other contents in half
/// of the places that the history has.
void prepare_curve(const CurvePlace& place);
CurveSample run_curve(const CurvePlace& place, const CurveConfig& config);

}  // namespace hindcast::bench
