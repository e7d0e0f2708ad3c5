// live_under_replay: what a replay costs live traffic, and what that buys. The real engine in this
// process on a folder on disk; a fixed live load; beside it no replay, one without any limit, and
// ceilings; interleaved, so that each ratio is one of neighbours in time. docs/benchmarks.md says
// how to read it.
//
//   live_under_replay [--quick] [--seconds 60] [--rounds 3] [--rate 200000] [--keys 100,100000]
//                     [--history-mib 2048] [--configs none,ungoverned,100%,50%,25%] [--repeat]
//                     [--folder DIR] [--json]
//
// Exit: 0 measured, and every event is accounted for; 1 not so; 2 usage.
#include <sys/vfs.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "bench/curve_history.h"
#include "bench/curve_load.h"
#include "bench/curve_report.h"
#include "bench/curve_run.h"
#include "replay/reason_shares.h"

namespace {

using namespace hindcast::bench;

constexpr double kReplayMost = 5e6;  // events per second: the history lasts at least so long
constexpr long kTmpfs = 0x01021994;  // statfs
constexpr uint64_t kWindowEvents = 400'000;  // of a page window: two seconds of the usual live load

struct Options {
  double seconds = 60;
  uint64_t rounds = 3, rate = 200'000, history_mib = 2'048;
  std::vector<uint32_t> keys{100, 100'000};
  std::vector<CurveConfig> configs = curve_configs();
  std::string folder = "/var/tmp";  // /tmp is memory on many machines
  bool repeat = false, json = false;
};

[[noreturn]] void usage(const std::string& problem) {
  std::fprintf(stderr,
               "live_under_replay: %s; the comment at the head of bench/live_under_replay.cc "
               "lists the options\n",
               problem.c_str());
  std::exit(2);
}

template <class Number>
Number number(const std::string& option, const std::string& text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value > 0))
    usage(option + " needs a number above 0, not '" + text + "'");
  return value;
}

std::vector<std::string> words(const std::string& list) {
  std::vector<std::string> out;
  std::stringstream in(list);
  for (std::string word; std::getline(in, word, ',');) out.push_back(word);
  return out;
}

std::vector<CurveConfig> configs_named(const std::string& list) {
  std::vector<CurveConfig> out;
  for (const std::string& name : words(list)) {
    const auto found = std::ranges::find(curve_configs(), name, &CurveConfig::name);
    if (found == curve_configs().end()) usage("--configs: no configuration '" + name + "'");
    out.push_back(*found);
  }
  return out;
}

Options parse(const std::vector<std::string>& words_given) {
  Options options;
  if (std::ranges::count(words_given, "--quick") > 0) {
    options.seconds = 8;
    options.rounds = 1;
    options.history_mib = 512;
  }
  for (size_t i = 0; i < words_given.size(); ++i) {
    const std::string& option = words_given[i];
    if (option == "--quick") continue;
    if (option == "--repeat" || option == "--json") {
      (option == "--repeat" ? options.repeat : options.json) = true;
      continue;
    }
    if (++i == words_given.size()) usage("unknown option, or one without its value: " + option);
    const std::string& value = words_given[i];
    if (option == "--seconds") {
      options.seconds = number<double>(option, value);
    } else if (option == "--rounds") {
      options.rounds = number<uint64_t>(option, value);
    } else if (option == "--rate") {
      options.rate = number<uint64_t>(option, value);
    } else if (option == "--history-mib") {
      options.history_mib = number<uint64_t>(option, value);
    } else if (option == "--folder") {
      options.folder = value;
    } else if (option == "--configs") {
      options.configs = configs_named(value);
    } else if (option == "--keys") {
      options.keys.clear();
      for (const std::string& keys : words(value))
        options.keys.push_back(number<uint32_t>(option, keys));
    } else {
      usage("unknown option " + option);
    }
  }
  return options;
}

/// ", reasons: compute 61 %, rate 35 %", the longest first; "" without a replay.
std::string reasons_text(const hindcast::ReasonTimes& times) {
  const auto percent = hindcast::shares_of(times, 100);
  std::vector<std::pair<uint32_t, hindcast::Reason>> shares;
  for (size_t r = 0; r < percent.size(); ++r) {
    if (percent[r] > 0) shares.emplace_back(percent[r], static_cast<hindcast::Reason>(r));
  }
  std::ranges::sort(shares, std::greater());
  std::string text;
  for (const auto& [share, reason] : shares) {
    text += text.empty() ? ", reasons: " : ", ";
    text += std::string(to_string(reason)) + " " + std::to_string(share) + " %";
  }
  return text;
}

/// All runs with one number of keys; false when one of them lost something.
bool measure(const Options& options, const std::string& folder, CurveTable& table) {
  std::fprintf(stderr, "%u keys: writing %llu MiB of history\n", table.keys,
               static_cast<unsigned long long>(options.history_mib));
  const double replay_seconds = options.seconds + warm_seconds(options.seconds);
  const CurveHistory history({.folder = folder + "/history",
                              .bytes = options.history_mib << 20,
                              .events = static_cast<uint64_t>(replay_seconds * kReplayMost),
                              .keys = table.keys,
                              .window = kCurveWindow,
                              .window_events = kWindowEvents});
  const CurvePlace place{.folder = folder,
                         .keys = table.keys,
                         .rate = options.rate,
                         .seconds = options.seconds,
                         .repeat = options.repeat,
                         .history = history};
  std::fprintf(stderr, "%u keys: filling the store\n", table.keys);
  prepare_curve(place);
  bool whole = true;
  for (uint64_t round = 1; round <= options.rounds; ++round) {
    for (const CurveConfig& config : options.configs) {
      const CurveSample sample = run_curve(place, config);
      table.add(config.name, sample);
      std::fprintf(
          stderr,
          "%u keys, round %llu, %s: live %.0f ev/s (%llu refused, begun p99 %.2f ms late), "
          "apply p99 %.1f, ack p99 %.2f, live commit p99 %.1f ms, replay %.0f ev/s, "
          "CPUs used %.2f (others %.2f), read from disk %.0f MiB/s%s\n",
          table.keys, static_cast<unsigned long long>(round), config.name.c_str(),
          static_cast<double>(sample.live) / sample.seconds,
          static_cast<unsigned long long>(sample.refused), quantile_ms(sample.begun, 0.99),
          quantile_ms(sample.apply, 0.99), quantile_ms(sample.acknowledged, 0.99),
          quantile_ms(sample.commit, 0.99), sample.replay_rate(), sample.cpu, sample.others,
          static_cast<double>(sample.disk_read) / sample.seconds / (1 << 20),
          reasons_text(sample.times).c_str());
      if (sample.broken.empty()) continue;
      std::fprintf(stderr, "%u keys, %s: %s\n", table.keys, config.name.c_str(),
                   sample.broken.c_str());
      whole = false;
    }
  }
  return whole;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse({argv + 1, argv + argc});
  hindcast::set_log_level(hindcast::LogLevel::kWarn);
  struct statfs disk {};
  if (::statfs(options.folder.c_str(), &disk) != 0)
    usage("--folder " + options.folder + " cannot be used");
  if (disk.f_type == kTmpfs)
    usage("--folder " + options.folder + " is in memory; name a folder on a disk");
  std::string base = options.folder + "/hindcast-curve-XXXXXX";
  if (mkdtemp(base.data()) == nullptr) usage("--folder " + options.folder + " cannot be written");

  std::fprintf(stderr, "working in %s\n", base.c_str());
  const bool real_time = real_time_permitted();
  bool whole = true;
  std::vector<CurveTable> tables;
  for (const uint32_t keys : options.keys) {
    CurveTable& table = tables.emplace_back();
    table.keys = keys;
    whole &= measure(options, base, table);
    std::filesystem::remove_all(base + "/history");
    if (!options.json) std::printf("\n%s\n", table_text(table, real_time).c_str());
    std::fflush(stdout);
  }
  std::filesystem::remove_all(base);
  if (options.json) {
    const std::string header = "\"live_events_per_second\":" + std::to_string(options.rate) +
                               ",\"seconds\":" + std::to_string(options.seconds) +
                               ",\"history_mib\":" + std::to_string(options.history_mib) +
                               ",\"cpus\":" + std::to_string(std::thread::hardware_concurrency()) +
                               ",\"whole\":" + (whole ? "true" : "false");
    std::fputs(table_json(tables, header, real_time).c_str(), stdout);
  } else {
    std::printf("latencies in ms; real-time priority %s; %s\n",
                real_time ? "permitted" : "not permitted",
                whole ? "every event is accounted for" : "EVENTS ARE NOT ACCOUNTED FOR, see above");
  }
  return whole ? 0 : 1;
}
