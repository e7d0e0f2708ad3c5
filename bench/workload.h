// The events of the benchmarks: trades as NDJSON, keys Zipf-distributed (s = 1), ten one-minute
// buckets, in time order.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/rng.h"
#include "format/config.h"

namespace hindcast::bench {

struct WorkloadOptions {
  uint64_t events = 4'000'000;
  uint32_t keys = 100;
  int64_t minutes = 10;
  double late = 0;  // share of events that are 90 s to 4 minutes older than their turn
};

/// Trades as lines, one after another:
/// {"id":1000000000,"sym":"RBAUSDT","ts":1700000040000,"price":32272.57,"qty":4.5999}
class TradeLines {
 public:
  explicit TradeLines(uint32_t keys, uint64_t seed = 42);
  /// Appends one line to `out`.
  void append(uint64_t id, int64_t time_ms, std::string& out);
  Rng& rng() { return rng_; }

 private:
  std::vector<double> bounds_;
  std::vector<std::string> names_;
  Rng rng_;
};

/// The workload in pieces, so that it need not fit in memory.
class Generator {
 public:
  explicit Generator(WorkloadOptions options);
  /// Appends the next `events` lines (fewer at the end) to `out`; false when there are none left.
  bool next(uint64_t events, std::string& out);

 private:
  WorkloadOptions options_;
  TradeLines lines_;
  uint64_t done_ = 0;
};

std::string make_lines(const WorkloadOptions& options);
/// `lines` cut into bodies of `events_each` lines.
std::vector<std::string_view> cut(std::string_view lines, size_t events_each);

/// One source of trades (`kind` = "file" with `path`, or "http") and one aggregate: open, high,
/// low, close, volume, vwap, count.
std::string config_toml(const std::string& folder, const std::string& kind, const std::string& path,
                        const std::string& delay);
Config make_config(const std::string& folder, const std::string& kind, const std::string& path,
                   const std::string& delay);

/// CPU seconds (user + system) of this process, all threads.
double cpu_seconds();
/// Wall clock seconds for elapsed times.
double now_seconds();

}  // namespace hindcast::bench
