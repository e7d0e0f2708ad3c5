#include "cli/demo.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/thread_runtime.h"
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
constexpr std::string_view kHeartbeat = "2m";

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

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

/// "6 hours", "40 minutes"
std::string length_text(Duration span) {
  return span >= 2h ? fmt::format("{} hours", span / 1h) : fmt::format("{} minutes", span / 1min);
}

std::vector<std::string> feed_arguments(const std::string& program, const DemoSet& set) {
  std::vector<std::string> out{program, "feed",        "all.ndjson",           "--speed",
                               "0",     "--heartbeat", std::string(kHeartbeat)};
  out.insert(out.end(), set.feed.begin(), set.feed.end());
  return out;
}

void heading(const std::string& text) {
  fmt::print("\n{}\n\n", text);
  std::fflush(stdout);
}

/// Beside the play: other data, daemons of its own.
Status show_storm(const std::string& program, const DemoFolder& folder, bool governed) {
  DemoStorm storm(program, folder);
  heading(
      fmt::format("The storm: eight sources come back at once, {} events are missing, and {} a "
                  "second come in live.\nIn 99 of 100 pushes, the sender has its "
                  "acknowledgement within",
                  with_thousands(storm.events()), with_thousands(DemoStorm::kLiveRate)));
  HC_TRY(storm.write_history());
  HC_TRY_ASSIGN(const StormResult naive, storm.run(StormKind::kUngoverned));
  std::optional<StormResult> second;
  if (governed) {
    HC_TRY_ASSIGN(second, storm.run(StormKind::kGoverned));
  }
  fmt::print("{}", storm_table(naive, second));
  return {};
}

class Demo {
 public:
  Demo(bool once, const DemoFolder& folder, const std::string& program, const DemoSet& set)
      : once_(once),
        program_(program),
        folder_(folder),
        set_(set),
        feed_(feed_arguments(program, set), folder.path(), "feed.log"),
        daemon_({program, "run", "-c", "live.toml"}, folder.path(), "daemon.log"),
        proof_(program, folder, set) {}

  Status run() {
    const MonoTime begin = clock_.mono_now();
    HC_TRY(connect());
    HC_TRY(outage());
    HC_TRY(kill_in_recovery());
    HC_TRY(to_the_end());
    HC_TRY(prove());
    HC_TRY(show_storm(program_, folder_, true));
    fmt::print("\ntotal: {:.0f} s\n", seconds(clock_.mono_now() - begin));
    if (!once_) {
      fmt::print("\nThe daemon runs on until Ctrl-C. Ask it:\n  {} query {} --url {}\n", program_,
                 set_.sources.front().name, daemon_.url());
      std::fflush(stdout);
      daemon_.wait();
      return {};
    }
    HC_TRY(daemon_.stop());
    return feed_.stop();
  }

 private:
  Status connect() {
    HC_TRY(feed_.start());
    const std::string host = feed_.url().substr(std::string_view("http://").size());
    std::ofstream(folder_.file("live.toml")) << live_config(set_, host);
    HC_TRY(daemon_.start_ready(clock_));
    fmt::print(
        "\n{}\nEach {} is a stream over its own WebSocket, with an HTTP history. The feed's clock "
        "runs {:.3g} hours a second,\n{:.2g} where there is something to see.   daemon: {}\n",
        set_.headline, set_.each, set_.quick(), set_.slow(), daemon_.url());
    HC_TRY(watch("connecting",
                 [&](const DemoScene& s) { return s.connections == set_.sources.size(); }));
    HC_TRY(fault(fmt::format(R"({{"kind":"disconnect","from":"{}","to":"{}"}})",
                             to_rfc3339(set_.outage.start), to_rfc3339(set_.outage.end))));
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

  Status outage() {
    const Duration length = set_.outage.end - set_.outage.start;
    heading(several() ? fmt::format("All {} lose their connection for {}.", set_.sources.size(),
                                    length_text(length))
                      : fmt::format("It loses its connection for {}.", length_text(length)));
    fmt::print("  {}\n\n",
               strip_legend({CoverageSpan::State::kCovered, CoverageSpan::State::kReplaying,
                             CoverageSpan::State::kGap},
                            terminal_.colour));
    const auto reached = [](EventTime time) {
      return [time](const DemoScene& scene) { return scene.feed_time >= time; };
    };
    HC_TRY(speed(set_.quick()));
    HC_TRY(watch("the way to the outage", reached(set_.outage.start - length / 6 * 5)));
    HC_TRY(speed(set_.slow()));
    HC_TRY(watch("the way to the outage", reached(set_.outage.start), &alone_));
    // The exchange is slow when everybody asks for what was missed.
    HC_TRY(fault(R"({"kind":"slow-pages","delay":0.2})"));
    HC_TRY(watch("the outage", reached(set_.outage.end - length / 6)));
    board_.leave();
    return {};
  }

  Status kill_in_recovery() {
    heading(std::string(several()
                            ? "They return at the same moment. What was missed is read again, "
                              "two at a time:\n"
                            : "It returns. What was missed is read again:\n") +
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
          return scene.share_recovered() >= 0.25;
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
                          line.spans.back().range.end >
                              killed_at + (set_.outage.end - set_.outage.start) / 6;
                 });
        },
        &beside_));
    board_.leave();
    return {};
  }

  Status to_the_end() {
    HC_TRY(feed_.remove("/faults"));
    HC_TRY(speed(set_.quick()));
    heading("And on, to the end of the recording.");
    HC_TRY(watch("the rest of the recording", [](const DemoScene& scene) {
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
               1000 * 120 / (set_.slow() * 3600));
    return {};
  }

  /// Rollups are the last to be final.
  Status wait_final() {
    const MonoTime give_up = clock_.mono_now() + kPatience;
    for (const DemoSource& source : set_.sources) {
      for (bool final = false; !final;) {
        final = true;
        HC_TRY_ASSIGN(
            const JsonValue days,
            daemon_.get(fmt::format("/v1/aggregates/{}/buckets?resolution=1d", source.name)));
        for (const JsonValue& bucket : days["buckets"].items)
          final = final && bucket["state"].text == "final";
        if (final) break;
        if (clock_.mono_now() > give_up)
          return unavailable(fmt::format("not every day of {} is final", source.name));
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
    HC_TRY_ASSIGN(const std::string books, proof_.books(daemon_));
    line("books", books);
    HC_TRY(proof_.run_undisturbed());
    HC_TRY_ASSIGN(const uint64_t rows, proof_.compare(daemon_));
    line("digests",
         fmt::format("{} rows, {} to {}: all final, complete, and equal to those of a run without "
                     "outage",
                     with_thousands(rows), set_.levels.front(), set_.levels.back()));
    HC_TRY_ASSIGN(const std::string recomputed, proof_.recompute());
    line("recomputed", fmt::format("{}, by {} lines of Python that share no code", recomputed,
                                   std::ranges::count(set_.recompute, '\n')));
    HC_TRY_ASSIGN(const std::string again, proof_.replay_again(daemon_));
    line("once more", again);
    return {};
  }

  bool several() const { return set_.sources.size() > 1; }

  const bool once_;
  const std::string program_;
  const DemoFolder& folder_;
  const DemoSet& set_;
  ThreadRuntime clock_{{"demo"}, 1};
  DemoServer feed_, daemon_;  // the daemon ends first
  DemoProof proof_;
  const bool live_ = ::isatty(STDOUT_FILENO) == 1;
  const Terminal terminal_ = terminal_of_stdout();
  DemoBoard board_{{set_.outage.start - (set_.outage.end - set_.outage.start),
                    set_.outage.end + (set_.outage.end - set_.outage.start) * 2},
                   terminal_,
                   live_};
  LiveTimes alone_, beside_;
  double speed_ = 0;  // feed seconds a second
};

}  // namespace

int demo_command(const DemoOptions& options) {
  auto folder = DemoFolder::create();
  auto program = ChildProcess::own_path();
  if (!folder || !program) {
    fmt::print(stderr, "demo: {}\n", !folder ? folder.error().message : program.error().message);
    return 1;
  }
  DemoSet set;
  if (!options.ungoverned) {
    auto written = write_demo_data(options.data, folder->path());
    if (!written) {
      fmt::print(stderr, "demo: {}\n", written.error().message);
      return 1;
    }
    set = *std::move(written);
  }
  const Status done = options.ungoverned ? show_storm(*program, *folder, false)
                                         : Demo(options.once, *folder, *program, set).run();
  if (!done) {
    std::fflush(stdout);
    folder->keep();
    fmt::print(stderr, "\ndemo: {}\nkept for a look: {} (daemon.log, feed.log)\n",
               done.error().message, folder->path());
    return 1;
  }
  return 0;
}

}  // namespace hindcast
