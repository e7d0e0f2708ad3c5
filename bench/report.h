// One line of the result table: a rate per core and as a share of a limit measured in the same run.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hindcast::bench {

struct Sample {
  double events = 0, cpu = 0, wall = 0;  // events handled, CPU seconds (all threads), seconds
  std::optional<double> bytes_written;   // into the store, where measured
  double per_core() const { return events / cpu; }
};

/// The sample in the middle by rate per core.
const Sample& median(std::vector<Sample>& samples);

void print_header();
/// The time of one path by that of another, run by run: both of a pair saw about the same noise.
void print_ratio(const std::string& name, uint32_t keys, const std::vector<Sample>& path,
                 const std::vector<Sample>& other);
/// `limit` in events/s per core, named `limit_name`.
void print(const std::string& path, uint32_t keys, std::vector<Sample> samples, double limit,
           const std::string& limit_name);

}  // namespace hindcast::bench
