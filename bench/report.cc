#include "bench/report.h"

#include <algorithm>
#include <cstdio>

namespace hindcast::bench {

const Sample& median(std::vector<Sample>& samples) {
  std::ranges::sort(samples, {}, &Sample::per_core);
  return samples[samples.size() / 2];
}

void print_header() {
  std::printf("%-34s %8s %12s %12s %12s  %s\n", "path", "keys", "M ev/s/core", "min..max",
              "M ev/s wall", "share of limit");
}

void print_ratio(const std::string& name, uint32_t keys, const std::vector<Sample>& path,
                 const std::vector<Sample>& other) {
  std::vector<double> ratios;
  for (size_t run = 0; run < path.size(); ++run)
    ratios.push_back(other[run].per_core() / path[run].per_core());
  std::ranges::sort(ratios);
  std::printf("%-34s %8u takes %.3f x the time (pairs: %.3f..%.3f)\n", name.c_str(), keys,
              ratios[ratios.size() / 2], ratios.front(), ratios.back());
}

void print(const std::string& path, uint32_t keys, std::vector<Sample> samples, double limit,
           const std::string& limit_name) {
  const Sample middle = median(samples);
  char range[32], share[64] = "-", written[32] = "";
  std::snprintf(range, sizeof range, "%.2f..%.2f", samples.front().per_core() / 1e6,
                samples.back().per_core() / 1e6);
  if (limit > 0)
    std::snprintf(share, sizeof share, "%.0f %% of %s", 100 * middle.per_core() / limit,
                  limit_name.c_str());
  if (middle.bytes_written)
    std::snprintf(written, sizeof written, ", %.1f B/ev written",
                  *middle.bytes_written / middle.events);
  std::printf("%-34s %8u %12.2f %12s %12.2f  %s%s\n", path.c_str(), keys, middle.per_core() / 1e6,
              range, middle.events / middle.wall / 1e6, share, written);
  std::fflush(stdout);
}

}  // namespace hindcast::bench
