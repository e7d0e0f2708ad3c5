#include "cli/demo.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/thread_runtime.h"
#include "cli/demo_assets.h"
#include "cli/demo_board.h"
#include "cli/demo_data.h"
#include "cli/demo_programs.h"
#include "cli/demo_proof.h"
#include "cli/demo_storm.h"
#include "cli/strip.h"
#include "cli/terminal.h"

namespace hindcast {
namespace {

constexpr Duration kPatience = 120s;  // before a wait is called a failure
constexpr Duration kLookEvery = 50ms;
// Hours of feed time a second: quickly through the days, slowly where there is something to see.
constexpr double kQuick = 8, kSlow = 2;
constexpr std::string_view kHeartbeat = "2m";

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }
EventTime instant(std::string_view rfc3339) { return parse_rfc3339(rfc3339).value(); }

/// How far live was behind, of every look at it.
class LiveTimes {
 public:
  void add(Duration behind) { all_.push_back(behind); }
  std::string text() {
    if (all_.empty()) return "not seen";
    std::ranges::sort(all_);
    return fmt::format("median {:.0f} ms, p95 {:.0f} ms", 1000 * seconds(all_[all_.size() / 2]),
                       1000 * seconds(all_[all_.size() * 95 / 100]));
  }

 private:
  std::vector<Duration> all_;
};

std::string flights_of(const DemoOptions& options) {
  std::string folder = options.data;
  if (folder.empty()) {
    const char* cache = std::getenv("XDG_CACHE_HOME");
    const char* home = std::getenv("HOME");
    folder = cache != nullptr && *cache != '\0'
                 ? std::string(cache) + "/hindcast/flights"
                 : std::string(home != nullptr ? home : ".") + "/.cache/hindcast/flights";
  }
  return folder + "/flights.ndjson";
}

class Demo {
 public:
  Demo(DemoOptions options, const DemoFolder& folder, const std::string& program)
      : options_(std::move(options)),
        program_(program),
        folder_(folder),
        feed_(
            {program, "feed", "all.ndjson", "--key", "origin", "--key", "carrier", "--time", "time",
             "--channel-by", "carrier", "--speed", "0", "--heartbeat", std::string(kHeartbeat)},
            folder.path(), "feed.log"),
        daemon_({program, "run", "-c", "live.toml"}, folder.path(), "daemon.log"),
        proof_(program, folder),
        storm_(program, folder) {}

  Status run() {
    const MonoTime begin = clock_.mono_now();
    if (options_.ungoverned) return storm(false);
    HC_TRY(connect());
    HC_TRY(outage());
    HC_TRY(kill_in_recovery());
    HC_TRY(to_the_end());
    HC_TRY(prove());
    HC_TRY(storm(true));
    fmt::print("\ntotal: {:.0f} s\n", seconds(clock_.mono_now() - begin));
    if (!options_.once) {
      fmt::print("\nThe daemon runs on until Ctrl-C. Ask it:\n  {} query united --url {}\n",
                 program_, daemon_.url());
      std::fflush(stdout);
      daemon_.wait();
      return {};
    }
    HC_TRY(daemon_.stop());
    return feed_.stop();
  }

 private:
  Status connect() {
    HC_TRY_ASSIGN(flights_, write_flights(flights_of(options_), folder_.path()));
    HC_TRY(feed_.start());
    const std::string host = feed_.url().substr(std::string_view("http://").size());
    std::ofstream(folder_.file("live.toml")) << live_config(host);
    HC_TRY(daemon_.start_ready(clock_));
    fmt::print(
        "\nEight airlines, ten days of departures from New York around the snow of February 2013: "
        "{} flights.\nEach is a stream over its own WebSocket, with an HTTP history. The feed's "
        "clock runs {:.0f} hours a second,\n{:.0f} where there is something to see.   daemon: {}\n",
        with_thousands(flights_), kQuick, kSlow, daemon_.url());
    HC_TRY(
        watch("connecting", [](const DemoScene& s) { return s.connections == kAirlines.size(); }));
    HC_TRY(fault(
        fmt::format(R"({{"kind":"disconnect","from":"{}","to":"{}"}})", kOutageBegin, kOutageEnd)));
    return fault(R"({"kind":"duplicate","probability":0.02,"seed":1})");
  }

  Status fault(const std::string& fault) {
    HC_TRY(feed_.post("/faults", fault));
    return {};
  }

  Status speed(double hours_a_second) {
    speed_ = hours_a_second * 3600;
    HC_TRY(feed_.post("/clock", fmt::format(R"({{"speed":{}}})", speed_)));
    return {};
  }

  /// Draws scene after scene until one is as wanted.
  Status watch(const std::string& what, const std::function<bool(const DemoScene&)>& until,
               LiveTimes* times = nullptr) {
    const MonoTime give_up = clock_.mono_now() + kPatience;
    while (clock_.mono_now() < give_up) {
      HC_TRY_ASSIGN(const DemoScene scene, look_at(daemon_, feed_));
      std::string live = "live: nobody is connected";
      if (scene.live_behind && speed_ > 0 && scene.all_connected()) {
        const Duration behind(
            static_cast<int64_t>(static_cast<double>(scene.live_behind->count()) / speed_));
        live = fmt::format("live: {:.0f} ms behind", 1000 * seconds(behind));
        if (times != nullptr) times->add(behind);
      }
      board_.draw(scene, live);
      if (until(scene)) return {};
      std::this_thread::sleep_for(kLookEvery);
    }
    board_.leave();
    return unavailable(fmt::format("{} took more than {:.0f} s", what, seconds(kPatience)));
  }

  static void heading(const std::string& text) {
    fmt::print("\n{}\n\n", text);
    std::fflush(stdout);
  }

  Status outage() {
    heading("All eight lose their connection for six hours.");
    fmt::print("  {}\n\n",
               strip_legend({CoverageSpan::State::kCovered, CoverageSpan::State::kReplaying,
                             CoverageSpan::State::kGap},
                            terminal_.colour));
    const auto reached = [](EventTime time) {
      return [time](const DemoScene& scene) { return scene.feed_time >= time; };
    };
    HC_TRY(speed(kQuick));
    HC_TRY(watch("the way to the outage", reached(instant(kOutageBegin) - Duration(5h))));
    HC_TRY(speed(kSlow));
    HC_TRY(watch("the way to the outage", reached(instant(kOutageBegin)), &alone_));
    // The exchange is slow when everybody asks for what was missed.
    HC_TRY(fault(R"({"kind":"slow-pages","delay":0.2})"));
    HC_TRY(watch("the outage", reached(instant(kOutageEnd) - Duration(1h))));
    board_.leave();
    return {};
  }

  Status kill_in_recovery() {
    heading(
        "They return at the same moment. What was missed is read again, two at a time:\n"
        "job, share done, events a second, what it waits for.");
    HC_TRY(watch("connecting again", [](const DemoScene& scene) { return scene.all_connected(); }));
    size_t ended = 0, jobs = 0;
    EventTime killed_at{};
    HC_TRY(watch(
        "the first replays",
        [&](const DemoScene& scene) {
          ended = scene.jobs_ended();
          jobs = scene.jobs();
          killed_at = scene.feed_time;
          return ended >= 2;
        },
        &beside_));
    board_.leave();
    daemon_.kill();
    const MonoTime begin = clock_.mono_now();
    HC_TRY(daemon_.start_ready(clock_));
    heading(
        fmt::format("kill -9 with {} of {} replays done. Restarted, ready after {:.0f} ms; "
                    "nobody has to do anything.",
                    ended, jobs, 1000 * seconds(clock_.mono_now() - begin)));
    HC_TRY(watch("connecting again", [](const DemoScene& scene) { return scene.all_connected(); }));
    HC_TRY(watch(
        "recovery",
        [&](const DemoScene& scene) {
          return scene.jobs_ended() == scene.jobs() && scene.jobs() >= jobs &&
                 std::ranges::all_of(scene.lines, [&](const DemoScene::Line& line) {
                   return line.whole() && !line.spans.empty() &&
                          line.spans.back().range.end > killed_at + Duration(1h);
                 });
        },
        &beside_));
    board_.leave();
    return {};
  }

  Status to_the_end() {
    HC_TRY(feed_.remove("/faults"));
    HC_TRY(speed(kQuick));
    heading("And on, to the end of the ten days.");
    HC_TRY(watch("the rest of the ten days", [](const DemoScene& scene) {
      return scene.finished && scene.jobs_ended() == scene.jobs() &&
             std::ranges::all_of(scene.lines, [](const DemoScene::Line& line) {
               return line.pending == 0 && line.whole();
             });
    }));
    HC_TRY(wait_final());
    if (live_) fmt::print("\n");  // below the last drawing
    fmt::print("  live is behind the feed by   {}\n", alone_.text());
    fmt::print("  the same while replays ran   {}\n", beside_.text());
    fmt::print("  the feed's clock less the watermark; a heartbeat comes every {:.0f} ms\n",
               1000 * 120 / (kSlow * 3600));
    return {};
  }

  /// Rollups are the last to be final.
  Status wait_final() {
    const MonoTime give_up = clock_.mono_now() + kPatience;
    for (const Airline& airline : kAirlines) {
      for (bool final = false; !final;) {
        final = true;
        HC_TRY_ASSIGN(
            const JsonValue days,
            daemon_.get(fmt::format("/v1/aggregates/{}/buckets?resolution=1d", airline.name)));
        for (const JsonValue& bucket : days["buckets"].items)
          final = final && bucket["state"].text == "final";
        if (final) break;
        if (clock_.mono_now() > give_up)
          return unavailable(fmt::format("not every day of {} is final", airline.name));
        std::this_thread::sleep_for(kLookEvery);
      }
    }
    return {};
  }

  Status prove() {
    heading("The proof");
    const auto line = [](std::string_view name, const std::string& text) {
      fmt::print("  {:<12}{}\n", name, text);
      std::fflush(stdout);
    };
    HC_TRY_ASSIGN(const std::string books, proof_.books(daemon_, flights_));
    line("books", books);
    HC_TRY(proof_.run_undisturbed());
    HC_TRY_ASSIGN(const uint64_t rows, proof_.compare(daemon_));
    line("digests", fmt::format("{} rows, hours and days: all final, complete, and equal to those "
                                "of a run without outage",
                                with_thousands(rows)));
    HC_TRY_ASSIGN(const std::string recomputed, proof_.recompute());
    line("recomputed",
         fmt::format("{}, by {} lines of Python that share no code", recomputed,
                     std::count(std::begin(kDemoRecompute), std::end(kDemoRecompute), '\n')));
    HC_TRY_ASSIGN(const std::string again, replay_again(daemon_, flights_));
    line("once more", again);
    return {};
  }

  /// Beside the play: other data, daemons of its own.
  Status storm(bool governed) {
    heading(
        fmt::format("The storm: eight sources come back at once, {} events are missing, and {} a "
                    "second come in "
                    "live.\nIn 99 of 100 pushes, the sender has its acknowledgement within",
                    with_thousands(storm_.events()), with_thousands(DemoStorm::kLiveRate)));
    HC_TRY(storm_.write_history());
    HC_TRY_ASSIGN(const StormResult naive, storm_.run(StormKind::kUngoverned));
    std::optional<StormResult> second;
    if (governed) {
      HC_TRY_ASSIGN(second, storm_.run(StormKind::kGoverned));
    }
    fmt::print("{}", storm_table(naive, second));
    return {};
  }

  const DemoOptions options_;
  const std::string program_;
  const DemoFolder& folder_;
  ThreadRuntime clock_{{"demo"}, 1};
  DemoServer feed_, daemon_;  // the daemon ends first
  DemoProof proof_;
  DemoStorm storm_;
  const bool live_ = ::isatty(STDOUT_FILENO) == 1;
  const Terminal terminal_ = terminal_of_stdout();
  DemoBoard board_{{instant(kOutageBegin) - Duration(6h), instant(kOutageEnd) + Duration(12h)},
                   terminal_,
                   live_};
  LiveTimes alone_, beside_;
  double speed_ = 0;  // feed seconds a second
  uint64_t flights_ = 0;
};

}  // namespace

int demo_command(const DemoOptions& options) {
  auto folder = DemoFolder::create();
  auto program = ChildProcess::own_path();
  if (!folder || !program) {
    fmt::print(stderr, "demo: {}\n", !folder ? folder.error().message : program.error().message);
    return 1;
  }
  Demo demo(options, *folder, *program);
  if (const Status done = demo.run(); !done) {
    std::fflush(stdout);
    folder->keep();
    fmt::print(stderr, "\ndemo: {}\nkept for a look: {} (daemon.log, feed.log)\n",
               done.error().message, folder->path());
    return 1;
  }
  return 0;
}

}  // namespace hindcast
