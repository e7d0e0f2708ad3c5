#include "cli/demo_storm.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "base/thread_runtime.h"
#include "cli/demo_assets.h"
#include "cli/demo_data.h"
#include "cli/figures.h"

namespace hindcast {
namespace {

constexpr size_t kSources = 8;
constexpr uint64_t kEventsEach = 300'000;  // over six hours
constexpr Duration kLost = 6h;
constexpr EventTime kLostBegin{Duration(std::chrono::hours(24 * 365 * 50))};
constexpr Duration kNewLog = 3s;  // a new log makes its files
constexpr Duration kCalm = 4s, kPatience = 120s, kLookEvery = 50ms;
constexpr uint64_t kBatch = 500;  // events of a push
constexpr Duration kPushEvery = Duration(1s) / (DemoStorm::kLiveRate / kBatch);
constexpr size_t kFewest = 100;  // latencies, for a p99 of them

constexpr std::string_view kUngovernedReplay = R"([replay]
rate = "1000000000/s"
floor = "1000000000/s"
subwindows_at_once = 8
sources_at_once = 8
stagger = "0s"
isolation = "off"
live_p99 = "1h"
live_queue_age = "1h"
commit_p99 = "1h"
memory = "64GiB"
)";
constexpr std::string_view kGovernedReplay = R"([replay]
stagger = "200ms"
)";

enum class Phase : uint8_t { kWarmUp, kBefore, kDuring, kAfter };

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

std::string config(std::string_view folder, std::string_view replay) {
  const std::string_view all(kDemoStorm);
  const size_t line = all.find("# ---");
  std::string sources;
  for (size_t i = 1; i <= kSources; ++i)
    sources += replaced(std::string(all.substr(line)), "NAME", "device_" + std::to_string(i));
  std::string text = replaced(std::string(all.substr(0, line)), "SOURCES\n", "");
  text = replaced(text + sources, "HISTORY", "storm.ndjson");
  return replaced(replaced(text, "FOLDER", folder), "REPLAY\n", std::string(replay) + "\n");
}

/// Pushes at its pace, whatever the daemon does: a push that had to wait for the one before counts
/// from when it was due, or a daemon that stands still would look fast.
class Load {
 public:
  explicit Load(std::string url)
      : url_(std::move(url)), thread_([this](auto stop) { run(stop); }) {}

  void enter(Phase phase) { phase_ = phase; }
  /// Ends it; then what was seen.
  Status end() {
    thread_.request_stop();
    thread_.join();
    return status_;
  }
  uint64_t acknowledged() const { return acknowledged_; }
  std::optional<Duration> p99(Phase phase) {
    std::vector<Duration>& all = latencies_[static_cast<size_t>(phase)];
    if (all.size() < kFewest) return std::nullopt;
    const auto at = all.begin() + static_cast<std::ptrdiff_t>(all.size() * 99 / 100);
    std::nth_element(all.begin(), at, all.end());
    return *at;
  }

 private:
  void run(const std::stop_token& stop) {
    HttpClient client;
    MonoTime due = clock_.mono_now();
    uint64_t id = 0;
    while (!stop.stop_requested()) {
      const Phase phase = phase_;
      std::string body;
      const int64_t ms = clock_.wall_now().time_since_epoch() / 1ms;
      for (uint64_t i = 0; i < kBatch; ++i, ++id)
        fmt::format_to(std::back_inserter(body),
                       R"({{"i":{},"k":"k{}","t":{},"v":1}})"
                       "\n",
                       id, id % 100, ms);
      const auto reply = client.request("POST", url_ + "/v1/sources/live/events", body);
      if (!reply || reply->status != 200) {
        status_ = reply ? unavailable("a live push was answered " + std::to_string(reply->status))
                        : Status(reply.error());
        return;
      }
      acknowledged_ += kBatch;
      latencies_[static_cast<size_t>(phase)].push_back(clock_.mono_now() - due);
      due += kPushEvery;
      std::this_thread::sleep_for(due - clock_.mono_now());
    }
  }

  const std::string url_;
  ThreadRuntime clock_{{"load"}, 1};
  std::atomic<Phase> phase_{Phase::kWarmUp};  // set by the demo; publishes nothing else
  std::atomic<uint64_t> acknowledged_{0};     // a figure
  // Of the thread, until it has ended.
  std::array<std::vector<Duration>, 4> latencies_;  // by Phase
  Status status_;
  std::jthread thread_;
};

/// "rate 81 %, store 12 %": the largest shares of the time of all replays.
std::string reasons_of(const JsonValue& replays) {
  std::map<std::string, double> times;
  double sum = 0;
  for (const JsonValue& replay : replays["replays"].items) {
    for (const auto& member : replay["reasons"].members) {
      const double time = number(member.value);
      times[member.name] += time;
      sum += time;
    }
  }
  std::vector<std::pair<double, std::string>> largest;
  largest.reserve(times.size());
  for (const auto& [name, time] : times) largest.emplace_back(time, name);
  std::ranges::sort(largest, std::greater<>());
  std::string out;
  for (size_t i = 0; i < std::min<size_t>(largest.size(), 3) && largest[i].first > 0; ++i)
    out += fmt::format("{}{} {:.0f} %", i == 0 ? "" : ", ", largest[i].second,
                       100 * largest[i].first / sum);
  return out;
}

std::string milliseconds(const std::optional<Duration>& latency) {
  return latency ? fmt::format("{:.1f} ms", 1000 * seconds(*latency)) : std::string("-");
}

}  // namespace

uint64_t DemoStorm::events() const { return kSources * kEventsEach; }

Status DemoStorm::write_history() {
  std::ofstream out(folder_.file("storm.ndjson"));
  const int64_t begin = unix_ns(kLostBegin) / 1'000'000, step = kLost / 1ms;
  for (uint64_t i = 0; i < kEventsEach; ++i) {
    const int64_t ms = begin + step * static_cast<int64_t>(i) / static_cast<int64_t>(kEventsEach);
    out << fmt::format(R"({{"i":{},"k":"k{}","t":{},"v":1}})"
                       "\n",
                       i, i % 100, ms);
  }
  out.close();
  return out.fail() ? unavailable("cannot write to " + folder_.path()) : Status();
}

Result<StormResult> DemoStorm::run(StormKind kind) {
  const bool governed = kind == StormKind::kGoverned;
  const std::string name = governed ? "storm-governed" : "storm-ungoverned";
  std::ofstream(folder_.file(name + ".toml"))
      << config(name, governed ? kGovernedReplay : kUngovernedReplay);
  DemoServer daemon({program_, "run", "-c", name + ".toml"}, folder_.path(), name + ".log");
  ThreadRuntime clock({"storm"}, 1);
  HC_TRY(daemon.start_ready(clock));
  Load load(daemon.url());
  std::this_thread::sleep_for(kNewLog);
  load.enter(Phase::kBefore);
  std::this_thread::sleep_for(kCalm);
  load.enter(Phase::kDuring);
  const MonoTime begin = clock.mono_now();
  for (size_t i = 1; i <= kSources; ++i) {
    HC_TRY(daemon.post("/v1/replays",
                       fmt::format(R"({{"source":"device_{}","from":"{}","to":"{}"}})", i,
                                   to_rfc3339(kLostBegin), to_rfc3339(kLostBegin + kLost))));
  }
  JsonValue replays;
  const MonoTime give_up = clock.mono_now() + kPatience;
  for (bool ended = false; !ended;) {
    std::this_thread::sleep_for(kLookEvery);
    HC_TRY_ASSIGN(replays, daemon.get("/v1/replays"));
    ended = std::ranges::all_of(replays["replays"].items,
                                [](const JsonValue& r) { return r["state"].text == "done"; });
    if (!ended && clock.mono_now() > give_up) return unavailable("the replays did not end");
  }
  StormResult result;
  result.took = clock.mono_now() - begin;
  load.enter(Phase::kAfter);
  std::this_thread::sleep_for(kCalm);
  HC_TRY(load.end());
  uint64_t added = 0;
  for (const JsonValue& replay : replays["replays"].items)
    added += replay["counts"]["added"].unsigned_number().value_or(0);
  if (added != events()) {
    return corruption(fmt::format("{} events came back by replay, {} were lost", added, events()));
  }
  result.events_per_second = static_cast<double>(added) / seconds(result.took);
  result.before = load.p99(Phase::kBefore);
  result.during = load.p99(Phase::kDuring);
  result.after = load.p99(Phase::kAfter);
  result.reasons = reasons_of(replays);
  HC_TRY(daemon.stop());
  return result;
}

std::string storm_table(const std::optional<StormResult>& ungoverned,
                        const std::optional<StormResult>& governed) {
  std::string out = fmt::format("  {:<12}{:>11}{:>11}{:>11}{:>16}{:>9}   {}\n", "", "before",
                                "during", "after", "replay", "took", "why this speed");
  const auto row = [&](std::string_view name, const StormResult& r) {
    out +=
        fmt::format("  {:<12}{:>11}{:>11}{:>11}{:>14}/s{:>7.1f} s   {}\n", name,
                    milliseconds(r.before), milliseconds(r.during), milliseconds(r.after),
                    fmt::format("{:.2f} M", r.events_per_second / 1e6), seconds(r.took), r.reasons);
  };
  if (ungoverned) row("ungoverned", *ungoverned);
  if (governed) row("governed", *governed);
  return out;
}

}  // namespace hindcast
