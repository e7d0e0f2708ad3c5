// hindcast_bench: events per second and core of the whole paths, each as a share of a limit
// measured in the same run. Medians of interleaved runs; machines are noisy, so look at min..max
// too.
//
//   hindcast_bench --soak 50000000 [--keys 100,100000]    the largest RSS while so many events pass
//   through
//   hindcast_bench --late 20 [--keys 100000]    what late events cost, at 200,000 events a second
//   hindcast_bench [--events N] [--runs N] [--keys 100,100000] [--only
//   scan,parse,live,http,restart,replay-fresh,replay-repeated,replay-stage] [--binary PATH]
//   [--folder DIR]
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "base/log.h"
#include "bench/paths.h"
#include "bench/report.h"
#include "bench/workload.h"

namespace {

using namespace hindcast::bench;

std::vector<std::string> words(const std::string& list) {
  std::vector<std::string> out;
  std::stringstream in(list);
  for (std::string word; std::getline(in, word, ',');) out.push_back(word);
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> options{
      {"--events", "4000000"},
      {"--runs", "3"},
      {"--keys", "100,100000"},
      {"--only", "scan,parse,live,http,restart,replay-fresh,replay-repeated,replay-stage"},
      {"--binary", ""},
      {"--folder", ""},
      {"--soak", "0"},
      {"--late", "0"}};
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!options.contains(argv[i])) {
      std::fprintf(stderr, "unknown option %s\n", argv[i]);
      return 2;
    }
    options[argv[i]] = argv[i + 1];
  }
  hindcast::set_log_level(hindcast::LogLevel::kWarn);
  if (options["--binary"].empty())
    options["--binary"] = (std::filesystem::absolute(argv[0]).parent_path() / "hindcast").string();
  std::string base = (options["--folder"].empty() ? std::filesystem::temp_directory_path()
                                                  : std::filesystem::path(options["--folder"])) /
                     "hindcast-bench-XXXXXX";
  if (mkdtemp(base.data()) == nullptr) {
    std::perror(base.c_str());
    return 1;
  }
  if (const uint64_t events = std::stoull(options["--soak"]); events > 0) {
    for (const std::string& keys : words(options["--keys"])) {
      const Soak soaked =
          soak(base + "/soak-" + keys, events, static_cast<uint32_t>(std::stoul(keys)));
      std::printf("soak: %.0f M events, %s keys, %.2f M ev/s, RSS at most %llu MiB\n",
                  soaked.events / 1e6, keys.c_str(), soaked.events / soaked.seconds / 1e6,
                  static_cast<unsigned long long>(soaked.rss_max >> 20));
      std::fflush(stdout);
    }
    std::filesystem::remove_all(base);
    return 0;
  }
  if (const double seconds = std::stod(options["--late"]); seconds > 0) {
    for (const std::string& keys : words(options["--keys"]))
      late(base + "/late-" + keys, seconds, static_cast<uint32_t>(std::stoul(keys)),
           std::stoi(options["--runs"]));
    std::filesystem::remove_all(base);
    return 0;
  }
  const std::vector<std::string> paths = words(options["--only"]);
  print_header();
  for (const std::string& keys_text : words(options["--keys"])) {
    const auto keys = static_cast<uint32_t>(std::stoul(keys_text));
    const std::string lines =
        make_lines({.events = std::stoull(options["--events"]), .keys = keys});
    std::map<std::string, std::vector<Sample>> samples;
    for (int run = 0; run < std::stoi(options["--runs"]); ++run) {
      for (const std::string& path : paths) {
        const std::string folder = base + "/" + path;
        std::filesystem::create_directories(folder);
        Sample sample;
        if (path == "scan") sample = scan(lines);
        if (path == "parse") sample = parse(lines);
        if (path == "live") sample = live(folder, lines);
        if (path == "http") sample = http(folder, lines, options["--binary"]);
        if (path == "restart") sample = restart(folder, lines);
        if (path == "replay-fresh") sample = replay(folder, lines, Replay::kFresh);
        if (path == "replay-repeated") sample = replay(folder, lines, Replay::kRepeated);
        if (path == "replay-stage") sample = replay(folder, lines, Replay::kStage);
        samples[path].push_back(sample);
        std::filesystem::remove_all(folder);
      }
    }
    const auto print_against_parse = [&](const std::string& path) {
      if (samples.contains("parse") && samples.contains(path))
        print_ratio(path + " / parse", keys, samples[path], samples["parse"]);
    };
    print_against_parse("replay-repeated");
    print_against_parse("replay-stage");
    const double scan_rate = samples["scan"].empty() ? 0 : median(samples["scan"]).per_core();
    const double parse_rate = samples["parse"].empty() ? 0 : median(samples["parse"]).per_core();
    for (const std::string& path : paths) {
      const bool against_scan = path == "scan" || path == "parse";
      print(path, keys, samples[path], against_scan ? scan_rate : parse_rate,
            against_scan ? "scan (memchr)" : "parse");
    }
  }
  std::filesystem::remove_all(base);
  return 0;
}
