#include "bench/workload.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "base/rng.h"

namespace hindcast::bench {
namespace {

std::vector<double> zipf_bounds(uint32_t keys) {
  std::vector<double> bounds(keys);
  double sum = 0;
  for (uint32_t k = 0; k < keys; ++k) bounds[k] = sum += 1.0 / (k + 1);
  for (double& bound : bounds) bound /= sum;
  return bounds;
}

std::string symbol(uint32_t key) {
  std::string name;
  for (uint32_t n = key + 26 * 26; n > 0; n /= 26) name += static_cast<char>('A' + n % 26);
  return name + "USDT";
}

}  // namespace

TradeLines::TradeLines(uint32_t keys, uint64_t seed) : bounds_(zipf_bounds(keys)), rng_(seed) {
  for (uint32_t k = 0; k < keys; ++k) names_.push_back(symbol(k));
}

void TradeLines::append(uint64_t id, int64_t time_ms, std::string& out) {
  const auto key =
      static_cast<size_t>(std::ranges::lower_bound(bounds_, rng_.unit()) - bounds_.begin());
  char line[160];
  const int length = std::snprintf(
      line, sizeof line,
      R"({"id":%llu,"sym":"%s","ts":%lld,"price":%llu.%02llu,"qty":%llu.%04llu})"
      "\n",
      static_cast<unsigned long long>(id), names_[std::min(key, names_.size() - 1)].c_str(),
      static_cast<long long>(time_ms), static_cast<unsigned long long>(30'000 + rng_.below(4'000)),
      static_cast<unsigned long long>(rng_.below(100)),
      static_cast<unsigned long long>(rng_.below(10)),
      static_cast<unsigned long long>(rng_.below(10'000)));
  out.append(line, static_cast<size_t>(length));
}

Generator::Generator(WorkloadOptions options) : options_(options), lines_(options.keys) {}

bool Generator::next(uint64_t events, std::string& out) {
  constexpr int64_t kStart = 1'700'000'040'000;  // a minute boundary
  const auto span = static_cast<double>(options_.minutes * 60'000);
  const uint64_t end = std::min(done_ + events, options_.events);
  if (done_ == end) return false;
  for (; done_ < end; ++done_) {
    auto time = kStart + static_cast<int64_t>(static_cast<double>(done_) /
                                              static_cast<double>(options_.events) * span);
    Rng& rng = lines_.rng();
    if (options_.late > 0 && rng.chance(options_.late))
      time = std::max(kStart, time - 90'000 - static_cast<int64_t>(rng.below(150'000)));
    lines_.append(1'000'000'000 + done_, time, out);
  }
  return true;
}

std::string make_lines(const WorkloadOptions& options) {
  std::string out;
  out.reserve(options.events * 90);
  Generator(options).next(options.events, out);
  return out;
}

std::vector<std::string_view> cut(std::string_view lines, size_t events_each) {
  std::vector<std::string_view> out;
  while (!lines.empty()) {
    size_t end = 0;
    for (size_t i = 0; i < events_each && end < lines.size(); ++i) end = lines.find('\n', end) + 1;
    out.push_back(lines.substr(0, end));
    lines.remove_prefix(end);
  }
  return out;
}

std::string config_toml(const std::string& folder, const std::string& kind, const std::string& path,
                        const std::string& delay) {
  const std::string source =
      kind == "file" ? "kind = \"file\"\npath = \"" + path + "\"\n" : "kind = \"" + kind + "\"\n";
  return "data_dir = \"" + folder + "/data\"\n[[source]]\nname = \"trades\"\n" + source +
         "watermark = { delay = \"" + delay + R"toml(" }
[source.event]
key = "sym"
id = { field = "id", type = "int" }
time = "ts"
time_unit = "ms"
[source.values]
price = { field = "price", type = "decimal(18,8)" }
qty = { field = "qty", type = "decimal(18,8)" }
[[aggregate]]
name = "candles"
sources = ["trades"]
bucket = "1m"
[aggregate.values]
open = "first(price)"
high = "max(price)"
low = "min(price)"
close = "last(price)"
volume = "sum(qty)"
vwap = "vwap(price, qty)"
trades = "count()"
)toml";
}

Config make_config(const std::string& folder, const std::string& kind, const std::string& path,
                   const std::string& delay) {
  ConfigOutcome outcome =
      parse_config(config_toml(folder, kind, path, delay), "bench.toml", folder);
  if (!outcome.config) {
    std::fputs(to_string(outcome.problems, "bench.toml").c_str(), stderr);
    std::exit(2);
  }
  return *std::move(outcome.config);
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace hindcast::bench
