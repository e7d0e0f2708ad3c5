// What the demo is about: a recorded data set, cut to a stretch with an outage in it, and the
// configurations that read it. Either ten days of the eight busiest airlines of New York, around
// the snow of 8 and 9 February 2013, out of the year that scripts/flights writes; or somebody's
// recorded trades (cli/demo_trades.h).
//
// Thread safety: any thread.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace hindcast {

struct DemoSource {
  std::string name;     // of its source, its stream and its aggregate
  std::string channel;  // as the data say it: the feed's channel
};

struct DemoSet {
  std::string headline;  // what it is, for people
  std::string noun;      // "flights"
  std::string each;      // what a source is: "airline"
  std::vector<DemoSource> sources;
  uint64_t events = 0;
  Window span, outage;               // the outage: of all of them at the same time
  std::vector<std::string> feed;     // how `hindcast feed` is to read all.ndjson
  std::string source_config;         // of one source; NAME, CHANNEL and CONNECTION are put in
  std::vector<std::string> levels;   // resolutions of the rows that are compared, finest first
  std::string recompute;             // the program of the proof
  std::vector<std::string> oracles;  // further arguments of it

  /// Hours of feed time a second: quickly through all, slowly where there is something to see.
  double quick() const {
    return std::chrono::duration<double, std::ratio<3600>>(span.end - span.start).count() / 30;
  }
  double slow() const { return quick() / 4; }
};

/// `data`: a folder; empty = where scripts/flights keeps its year. Writes `all.ndjson` and one
/// `CHANNEL.ndjson` per source into `folder`. Errors: kNotFound, kCorruption and kInvalidArgument,
/// saying what was looked for.
Result<DemoSet> write_demo_data(const std::string& data, const std::string& folder);

/// "9,240"
std::string with_thousands(uint64_t number);
/// `text` with `by` for every `what`: how what is only known now comes into a configuration.
std::string replaced(std::string text, std::string_view what, std::string_view by);
/// All sources over WebSocket and HTTP from the feed at `host` ("127.0.0.1:8080").
std::string live_config(const DemoSet& set, std::string_view host);
/// The same, reading what write_demo_data() wrote beside the configuration.
std::string recorded_config(const DemoSet& set);

}  // namespace hindcast
