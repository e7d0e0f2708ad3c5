#include "bench/curve_run.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/posix_files.h"
#include "base/process.h"
#include "bench/curve_load.h"
#include "bench/drive.h"
#include "bench/workload.h"

namespace hindcast::bench {
namespace {

constexpr Duration kTick = 250ms;  // looks at memory and drops pages of files

std::string toml(const std::string& data, const std::string& history,
                 const std::vector<std::string>& replay) {
  std::string text = "data_dir = \"" + data + R"toml("
[[source]]
name = "trades"
kind = "http"
page_window = "2s"
watermark = { delay = "100ms" }
[source.event]
key = "sym"
id = { field = "id", type = "int" }
time = "ts"
time_unit = "ms"
[source.values]
price = { field = "price", type = "decimal(18,8)" }
qty = { field = "qty", type = "decimal(18,8)" }
[source.history]
kind = "files"
disorder = "0s"
path = ")toml" + history +
                     R"toml("
[source.history.event]
time = { day = "{day}", field = "ts", unit = "ms" }
[[aggregate]]
name = "candles"
sources = ["trades"]
bucket = "2s"
[aggregate.values]
open = "first(price)"
high = "max(price)"
low = "min(price)"
close = "last(price)"
volume = "sum(qty)"
vwap = "vwap(price, qty)"
trades = "count()"
[replay]
)toml";
  for (const std::string& line : replay) text += line + "\n";
  return text;
}
static_assert(kCurveWindow == 2s, "the text above says so");

Config parse(const std::string& text, const std::string& folder) {
  ConfigOutcome outcome = parse_config(text, "bench.toml", folder);
  if (!outcome.config) {
    std::fputs(to_string(outcome.problems, "bench.toml").c_str(), stderr);
    std::exit(2);
  }
  return *std::move(outcome.config);
}

Config config_for(const CurvePlace& place, const std::string& data, const std::string& history,
                  const CurveConfig& config) {
  std::vector<std::string> lines = config.replay;
  for (const std::string& line : config.if_known) {
    lines.push_back(line);
    if (!parse_config(toml(data, history, lines), "bench.toml", place.folder).config)
      lines.pop_back();
  }
  return parse(toml(data, history, lines), place.folder);
}

std::unique_ptr<Engine> open(Config config, FileSystem& files) {
  std::unique_ptr<Engine> engine = must(Engine::open(std::move(config), files));
  engine->start();
  while (!engine->ready()) std::this_thread::sleep_for(1ms);
  return engine;
}

ReplayRequest all_of(const CurveHistory& history) {
  return {.source = "trades", .from = history.range().start, .to = history.range().end};
}

std::string prepared(const CurvePlace& place) { return place.folder + "/prepared"; }

/// Jiffies of all CPUs since boot.
struct CpuTimes {
  double all = 0, idle = 0, steal = 0;
  static CpuTimes now() {
    std::ifstream stat("/proc/stat");
    std::string name;
    stat >> name;
    CpuTimes out;
    double value = 0;
    for (int field = 0; field < 8 && stat >> value; ++field) {  // user … steal; guests are in user
      out.all += value;
      if (field == 3 || field == 4) out.idle += value;
      if (field == 7) out.steal += value;
    }
    return out;
  }
};

/// Bytes that this process had read from disks, and not from the page cache.
uint64_t disk_read_bytes() {
  std::ifstream io("/proc/self/io");
  std::string name;
  for (uint64_t value = 0; io >> name >> value;) {
    if (name == "read_bytes:") return value;
  }
  return 0;
}

/// All that is counted up, at one moment.
struct Reading {
  LiveLatencies latencies;
  LatencyCounts acknowledged, begun;
  CpuTimes machine = CpuTimes::now();
  double cpu = cpu_seconds(), at = now_seconds();
  uint64_t pushed = 0, refused = 0, disk_read = disk_read_bytes();
  ReplayCounts replay;
  ReasonTimes times{};

  Reading(const Engine& engine, const CurveLoad& load, const std::optional<ReplayEntry>& job)
      : latencies(engine.live_latencies(Engine::Since::kStart)),
        pushed(load.pushed()),
        refused(load.refused()) {
    load.acknowledged().add_all_to(acknowledged);
    load.begun().add_all_to(begun);
    if (!job) return;
    replay = job->job.counts;
    times = job->times;
  }
};

LatencyCounts operator-(LatencyCounts end, const LatencyCounts& begin) {
  end -= begin;
  return end;
}

CurveSample between(const Reading& begin, const Reading& end) {
  const double jiffies = std::max(1.0, end.machine.all - begin.machine.all);
  const double seconds = end.at - begin.at, cpu = (end.cpu - begin.cpu) / seconds;
  const double busy =
      1 -
      (end.machine.idle - begin.machine.idle + end.machine.steal - begin.machine.steal) / jiffies;
  ReasonTimes times = end.times;
  for (size_t r = 0; r < times.size(); ++r) times[r] -= begin.times[r];
  return {.apply = end.latencies.apply - begin.latencies.apply,
          .commit = end.latencies.commit - begin.latencies.commit,
          .seal = end.latencies.seal - begin.latencies.seal,
          .acknowledged = end.acknowledged - begin.acknowledged,
          .begun = end.begun - begin.begun,
          .seconds = seconds,
          .live = end.pushed - begin.pushed,
          .refused = end.refused - begin.refused,
          .replayed = end.replay.read - begin.replay.read,
          .duplicate = end.replay.duplicate - begin.replay.duplicate,
          .disk_read = end.disk_read - begin.disk_read,
          .idle = (end.machine.idle - begin.machine.idle) / jiffies,
          .steal = (end.machine.steal - begin.machine.steal) / jiffies,
          .cpu = cpu,
          .others = std::max(0.0, busy * std::thread::hardware_concurrency() - cpu),
          .rss_max = 0,
          .times = times,
          .broken = {}};
}

void sleep(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

/// On disk when it returns: nothing of it is written back while something is measured.
void copy_to_disk(const std::string& from, const std::string& to) {
  std::filesystem::remove_all(to);
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(to)) {
    if (!entry.is_regular_file()) continue;
    const int file = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0 || ::fdatasync(file) != 0) {
      std::perror(entry.path().c_str());
      std::exit(1);
    }
    ::close(file);
  }
}

/// What was written before, and what was deleted, must not meet what is measured in the disk.
void let_disk_settle(const std::string& folder) {
  constexpr double kTrims = 3;  // seconds: blocks that were freed are discarded a little later
  const int dir = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0 || ::syncfs(dir) != 0) {
    std::perror(folder.c_str());
    std::exit(1);
  }
  ::close(dir);
  sleep(kTrims);
}

/// What is wrong with the books after all, or "".
std::string audit(Engine& engine, const CurveLoad& load, const std::optional<ReplayEntry>& job) {
  for (const SourceStatus& source : engine.status().sources) {
    if (!source.balanced()) return "the source's account does not balance";
    if (source.received != load.pushed())
      return "pushed " + std::to_string(load.pushed()) + " events, received " +
             std::to_string(source.received);
    if (source.tallies.aggregated + source.pending != source.received || source.late > 0)
      return "live events were late, or counted twice";
  }
  if (!job) return "";
  const ReplayCounts& counts = job->job.counts;
  if (counts.read != counts.added + counts.duplicate + counts.superseded + counts.outside +
                         counts.dead_lettered ||
      counts.dead_lettered + counts.outside > 0)
    return "the replay's account does not balance";
  return counts.read == 0 ? "the replay read nothing" : "";
}

}  // namespace

const std::vector<CurveConfig>& curve_configs() {
  static const std::vector<std::string> kThreads{"isolation = \"threads\""};
  static const std::vector<CurveConfig> kConfigs{
      {"none", false, {"rate = \"25%\""}, kThreads},
      {"ungoverned",
       true,
       {"rate = \"1000000000/s\""},
       {"isolation = \"off\"", "floor = \"1000000000/s\"", "live_p99 = \"1h\"",
        "live_queue_age = \"1h\"", "commit_p99 = \"1h\"", "memory = \"1024GiB\""}},
      {"100%", true, {"rate = \"100%\""}, kThreads},
      {"70%", true, {"rate = \"70%\""}, kThreads},
      {"50%", true, {"rate = \"50%\""}, kThreads},
      {"25%", true, {"rate = \"25%\""}, kThreads}};
  return kConfigs;
}

/// What the filling left to compactions is no part of what is measured, nor is it every run's.
void let_store_settle(Engine& engine) {
  constexpr uint32_t kFewFiles = 4;  // from there on RocksDB compacts level 0
  for (int quiet = 0; quiet < 10; sleep(0.1)) {
    const StoreHealth store = engine.status().store;
    quiet = store.l0_files < kFewFiles && store.compaction_share == 0 ? quiet + 1 : 0;
  }
}

double warm_seconds(double seconds) { return std::clamp(seconds / 4, 1.0, 5.0); }

void prepare_curve(const CurvePlace& place) {
  std::filesystem::remove_all(prepared(place));
  PosixFileSystem files;
  const std::string path = place.repeat ? place.history.all() : place.history.half();
  const auto engine = open(config_for(place, prepared(place), path, curve_configs()[1]), files);
  const JobId id = must(engine->start_replay(all_of(place.history))).job.id;
  ReplayEntry job = must(engine->replay(id));
  for (; !job.job.ended(); job = must(engine->replay(id))) sleep(0.05);
  if (job.job.state != ReplayJob::State::kDone || !job.job.set_aside.empty()) {
    std::fprintf(stderr, "the store was not filled: %s %s\n", job.job.reason.c_str(),
                 job.job.set_aside.empty() ? "" : job.job.set_aside[0].reason.c_str());
    std::exit(1);
  }
  let_store_settle(*engine);
  engine->stop();
}

CurveSample run_curve(const CurvePlace& place, const CurveConfig& config) {
  const std::string data = place.folder + "/run";
  copy_to_disk(prepared(place), data);
  let_disk_settle(place.folder);
  const Config built = config_for(place, data, place.history.all(), config);
  PosixFileSystem files(/*past_cache=*/built.replay.isolation == IsolationKind::kThreads);
  std::unique_ptr<Engine> engine = open(built, files);
  CurveLoad load(*engine, place.rate, place.keys);
  place.history.drop_pages();
  load.start();
  sleep(1);
  std::optional<ReplayEntry> job;
  if (config.replays) job = must(engine->start_replay(all_of(place.history)));
  uint64_t rss_max = 0;
  const auto wait = [&](double seconds) {
    for (const double end = now_seconds() + seconds; now_seconds() < end;) {
      sleep(std::min(end - now_seconds(), std::chrono::duration<double>(kTick).count()));
      rss_max = std::max(rss_max, resident_memory().value);
      if (!job) continue;
      job = must(engine->replay(job->job.id));
      const std::vector<Window>& done = job->job.done;
      if (!done.empty()) place.history.drop_pages(done.front().end);
    }
  };
  wait(warm_seconds(place.seconds));
  const Reading begin(*engine, load, job);
  rss_max = 0;
  wait(place.seconds);
  const Reading end(*engine, load, job);
  CurveSample sample = between(begin, end);
  sample.rss_max = rss_max;
  load.stop();
  if (job && job->job.state != ReplayJob::State::kRunning) {
    sample.broken = "the replay did not run to the end of the measurement: it was " +
                    std::string(to_string(job->job.state)) + " " + job->job.reason;
  }
  if (job && !job->job.ended()) job = must(engine->cancel_replay(job->job.id));
  engine->wait_drained();
  if (sample.broken.empty()) sample.broken = audit(*engine, load, job);
  engine->stop();
  engine.reset();  // until then the store deletes files of its own
  std::filesystem::remove_all(data);
  return sample;
}

}  // namespace hindcast::bench
