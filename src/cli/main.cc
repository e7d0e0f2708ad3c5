// The command line: what there is, what it takes, and which function does it.
#include <CLI/CLI.hpp>
#include <iostream>
#include <map>

#include "cli/check.h"
#include "cli/commands.h"
#include "cli/demo.h"
#include "cli/feed.h"
#include "cli/gaps.h"
#include "cli/init.h"
#include "cli/limits.h"
#include "cli/replay.h"
#include "cli/run.h"
#include "cli/sim.h"
#include "cli/top.h"
#include "cli/verify.h"
#include "engine/replay_child.h"

namespace hindcast {
namespace {

const std::map<std::string, Format> kFormats = {{"table", Format::kTable},
                                                {"csv", Format::kCsv},
                                                {"ndjson", Format::kNdjson},
                                                {"json", Format::kJson}};

class CommandLine {
 public:
  CommandLine() {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", HC_VERSION);
    app_.footer("Exit codes: 0 yes, 1 the answer is no, 2 usage, 3 unreachable.");
    add_run();
    add_demo();
    add_check();
    add_init();
    add_query();
    add_events();
    add_status();
    add_gaps();
    add_coverage();
    add_dead_letters();
    add_verify();
    add_replay();
    add_limits();
    add_top();
    add_sim();
    add_feed();
    add_replay_process();
  }

  int run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return app_.exit(error) == 0 ? kExitOk : kExitUsage;
    }
    return command_();
  }

 private:
  void add_run() {
    auto* run = app_.add_subcommand("run", "the daemon");
    run->add_option("-c,--config", run_.config, "configuration")->capture_default_str();
    run->add_option("--listen", run_.listen, "HOST:PORT, instead of the configured one");
    run->add_flag("--until-drained", run_.until_drained,
                  "end when all files and stdin were read and everything is sealed");
    run->callback([this] { command_ = [this] { return run_command(run_); }; });
  }

  /// What a daemon starts; of no use to people.
  void add_replay_process() {
    auto* process = app_.add_subcommand(kReplayChildCommand, "")->group("");
    process->callback([this] { command_ = [] { return replay_child(kReplayChildChannel); }; });
  }

  void add_demo() {
    auto* demo =
        app_.add_subcommand("demo", "outage, kill -9 and recovery of live sources, and the proof");
    demo->add_flag("--once", demo_.once, "end after the proof");
    demo->add_option("--data", demo_.data,
                     "folder of recorded trades, or with flights.ndjson (scripts/flights)");
    demo->add_flag("--ungoverned", demo_.ungoverned,
                   "only the storm, replayed as fast as it goes and without regard for live: what "
                   "the governor is for");
    demo->callback([this] { command_ = [this] { return demo_command(demo_); }; });
  }

  void add_check() {
    auto* check = app_.add_subcommand("check", "validate the configuration");
    check->add_option("-c,--config", check_.config, "configuration")->capture_default_str();
    check->add_option("--sample", check_.sample,
                      "show how the first five records of this file are mapped");
    check->add_option("--source", check_.source,
                      "with --sample: of this source (default: the only one)");
    check->callback([this] { command_ = [this] { return check_command(check_, output_); }; });
  }

  void add_init() {
    auto* init =
        app_.add_subcommand("init", "write a hindcast.toml guessed from a sample of your data");
    init->add_option("FILE", init_.sample, "NDJSON, JSON or CSV, plain, .gz or .zst")->required();
    init->add_option("-o,--output", init_.output, "where to write it; - for standard output")
        ->capture_default_str();
    init->add_flag("--force", init_.force, "replace what is there");
    init->callback([this] { command_ = [this] { return init_command(init_, output_); }; });
  }

  void add_query() {
    auto* query = app_.add_subcommand("query", "buckets of an aggregate");
    query->add_option("AGGREGATE", query_.aggregate)->required();
    query->add_option("--key", query_.key, "components separated by '/'; default all keys");
    add_range(query, query_.from, query_.to);
    query->add_option("--resolution", query_.resolution,
                      "1m, 1h …; default the aggregate's bucket");
    query->add_option("--as-of", query_.as_of, "what was published then");
    query->add_option("--fill", query_.fill, "empty buckets: none, previous or zero");
    query->add_option("--state", query_.state, "only open, sealed or final ones");
    query->add_option("--limit", query_.limit, "at most so many (default 100000)");
    add_format(query, query_.format);
    add_endpoint(query,
                 [this](Endpoint& endpoint) { return query_command(query_, endpoint, output_); });
  }

  void add_events() {
    auto* events = app_.add_subcommand("events", "the events behind the buckets");
    events->add_option("--source", events_.source, "source or stream")->required();
    events->add_option("--key", events_.key, "components separated by '/'; default all keys");
    add_range(events, events_.from, events_.to);
    events->add_option("--limit", events_.limit, "at most so many (default 10000)");
    add_format(events, events_.format);
    add_endpoint(events,
                 [this](Endpoint& endpoint) { return events_command(events_, endpoint, output_); });
  }

  void add_status() {
    auto* status = app_.add_subcommand("status", "sources, watermarks, tallies");
    status->add_flag("--json", json_);
    add_endpoint(status,
                 [this](Endpoint& endpoint) { return status_command(json_, endpoint, output_); });
  }

  void add_gaps() {
    auto* gaps = app_.add_subcommand("gaps", "what is known to be missing");
    gaps->require_subcommand(0, 1);
    gaps->add_option("--source", gaps_.source, "of this source or stream only");
    gaps->add_flag("--open-only", gaps_.open_only, "only what is neither filled nor given up");
    gaps->add_option("--limit", gaps_.limit, "at most so many (default 1000)");
    gaps->add_flag("--json", json_);
    // Whose callback runs last decides, and the one of `gaps` runs behind those of its actions.
    add_endpoint(gaps, [this](Endpoint& endpoint) { return gaps_action_(endpoint); });

    auto* list = gaps->add_subcommand("list", "all of them, newest first (the default)");
    list->fallthrough();

    auto* open = gaps->add_subcommand(
        "open", "say that something is missing: no bucket it touches is final until it is closed");
    open->fallthrough();
    open->add_option("--source", open_gap_.source, "source or stream")->required();
    add_range(open, open_gap_.from, open_gap_.to, true);
    open->add_option("--key", open_gap_.keys, "only of this key; may be repeated");
    open->add_option("--reason", open_gap_.reason, "for people");
    open->callback([this] {
      gaps_action_ = [this](Endpoint& endpoint) {
        return open_gap_command(open_gap_, json_, endpoint, output_);
      };
    });

    auto* accept = gaps->add_subcommand(
        "accept", "it will never be filled: buckets it touches become final, and stay incomplete");
    accept->fallthrough();
    accept->add_option("ID", accept_gap_.id)->required();
    accept->add_option("--reason", accept_gap_.reason, "for people")->required();
    accept->callback([this] {
      gaps_action_ = [this](Endpoint& endpoint) {
        return accept_gap_command(accept_gap_, json_, endpoint, output_);
      };
    });
  }

  void add_coverage() {
    auto* coverage =
        app_.add_subcommand("coverage", "the time of each stream: covered, missing, replaying");
    coverage->add_option("--source", coverage_.source, "of this source or stream only");
    add_range(coverage, coverage_.from, coverage_.to);
    coverage->add_flag("--json", coverage_.json);
    add_endpoint(coverage, [this](Endpoint& endpoint) {
      coverage_.terminal = terminal_of_stdout();
      return coverage_command(coverage_, endpoint, output_);
    });
  }

  void add_dead_letters() {
    auto* letters = app_.add_subcommand("dead-letters", "records that were refused, and why");
    letters->add_option("ACTION", action_, "list")
        ->check(CLI::IsMember({"list"}))
        ->capture_default_str();
    letters->add_option("--source", letters_.source, "of this source only");
    letters->add_option("--limit", letters_.limit, "at most so many (default 100)");
    letters->add_flag("--json", letters_.json);
    add_endpoint(letters, [this](Endpoint& endpoint) {
      return dead_letters_command(letters_, endpoint, output_);
    });
  }

  void add_verify() {
    auto* verify =
        app_.add_subcommand("verify", "is what is stored what it should be? exit 1 if not");
    add_range(verify, verify_.from, verify_.to);
    verify
        ->add_option("--against", verify_.against,
                     "pages: recompute what is stored; history: read it again and compare")
        ->check(CLI::IsMember({"pages", "history"}))
        ->default_str("pages");
    verify->add_option("--source", verify_.source,
                       "whose history; default every source that has one");
    verify->add_flag("--repair", verify_.repair,
                     "mend what differs: rows from pages, pages from history by a replay");
    verify->add_flag("--json", verify_.json);
    add_endpoint(verify,
                 [this](Endpoint& endpoint) { return verify_command(verify_, endpoint, output_); });
  }

  void add_replay() {
    auto* replay = app_.add_subcommand("replay", "read lost time again from a source's history");
    replay
        ->add_option("ACTION", replay_.action,
                     "start, list, show, report, pause, resume, rate, order or cancel")
        ->check(CLI::IsMember(
            {"start", "list", "show", "report", "pause", "resume", "rate", "order", "cancel"}))
        ->capture_default_str();
    replay->add_option("ID", replay_.id, "number of a replay");
    replay->add_option("VALUE", replay_.value,
                       "of rate: 5000/s or none; of order: oldest or newest");
    replay->add_option("--source", replay_.source, "start: whose history is read");
    add_range(replay, replay_.from, replay_.to);
    replay->add_option("--key", replay_.keys, "start: only of this key; several times for several");
    replay->add_option("--order", replay_.order, "start: oldest or newest first");
    replay->add_option("--rate", replay_.rate,
                       "start: at most so many events a second, like 5000/s");
    replay->add_flag("--follow", replay_.follow, "show progress until the replay has ended");
    replay->add_flag("--json", replay_.json);
    add_endpoint(replay, [this](Endpoint& endpoint) {
      replay_.terminal = terminal_of_stdout();
      return replay_command(replay_, endpoint, output_);
    });
  }

  void add_limits() {
    auto* limits = app_.add_subcommand("limits", "how fast replay may go, and what it must keep");
    limits
        ->add_option("--set", limits_.set,
                     "NAME=VALUE, at once and over restarts; NAME= takes a change back; may be "
                     "repeated")
        ->allow_extra_args(false);
    limits->add_flag("--json", limits_.json);
    add_endpoint(limits,
                 [this](Endpoint& endpoint) { return limits_command(limits_, endpoint, output_); });
  }

  void add_top() {
    auto* top = app_.add_subcommand(
        "top", "streams, replays and why they go no faster, once a second; q ends");
    top->add_flag("--once", top_.once, "print it once");
    add_endpoint(top, [this](Endpoint& endpoint) {
      top_.terminal = terminal_of_stdout();
      top_.where = endpoint_.data_dir.empty() ? endpoint_.url : endpoint_.data_dir;
      return top_command(top_, endpoint, output_);
    });
  }

  void add_sim() {
    auto* sim = app_.add_subcommand("sim",
                                    "histories of a simulated node, with everything that "
                                    "can go wrong");
    sim->add_option("--scenario", sim_.scenario, "which; all of them")->capture_default_str();
    sim->add_option("--seed", sim_.seed, "the first one")->capture_default_str();
    sim->add_option("--seeds", sim_.seeds, "how many")->capture_default_str();
    sim->add_flag("--trace", sim_.trace, "print every step");
    sim->callback([this] { command_ = [this] { return sim_command(sim_, output_); }; });
  }

  void add_feed() {
    auto* feed = app_.add_subcommand(
        "feed", "serve a recorded data set as a live exchange, with faults on demand");
    feed->add_option("FILE", feed_.files, "NDJSON, JSON or CSV, plain, .gz or .zst")->required();
    feed->add_option("--key", feed_.key, "field of the key; several times for several")
        ->required()
        ->allow_extra_args(false);  // --key s FILE: the file is none
    feed->add_option("--time", feed_.time, "field of the time")->required();
    feed->add_option("--time-unit", feed_.time_unit, "s, ms, us, ns, rfc3339 or a pattern")
        ->capture_default_str();
    feed->add_option("--id", feed_.id, "field of the id, a whole number; default none");
    feed->add_option("--channel-by", feed_.channel_by, "field whose values are the channels");
    feed->add_option("--format", feed_.format, "by default what the file's name says")
        ->check(CLI::IsMember({"ndjson", "json", "csv"}));
    feed->add_option("--delimiter", feed_.delimiter, "of CSV")->capture_default_str();
    feed->add_option("--seq-name", feed_.seq_name, "what the added sequence number is called")
        ->capture_default_str();
    feed->add_option("--listen", feed_.listen, "HOST:PORT; port 0 takes a free one")
        ->capture_default_str();
    auto* speed = feed->add_option("--speed", feed_.speed,
                                   "seconds of feed time a second; 0: only POST /clock moves it")
                      ->check(CLI::NonNegativeNumber)
                      ->capture_default_str();
    auto* rate =
        feed->add_option("--rate", feed_.rate, "instead: so many events, 500/s")->excludes(speed);
    feed->add_flag("--as-fast-as-possible", feed_.fastest, "instead: as clients take them")
        ->excludes(speed)
        ->excludes(rate);
    feed->add_option("--start-at", feed_.start_at, "first-connection or now")
        ->check(CLI::IsMember({"first-connection", "now"}))
        ->capture_default_str();
    feed->add_option("--heartbeat", feed_.heartbeat, "of feed time, between heartbeats")
        ->capture_default_str();
    feed->add_option("--max-late", feed_.max_late, "heartbeats promise so much less")
        ->capture_default_str();
    feed->add_option("--end-heartbeats", feed_.end_heartbeats,
                     "how far beyond the last event the last heartbeat promises")
        ->capture_default_str();
    feed->add_option("--limit", feed_.limit, "events of a history page")->capture_default_str();
    feed->callback([this] { command_ = [this] { return feed_command(feed_, output_); }; });
  }

  void add_range(CLI::App* command, std::string& from, std::string& to, bool required = false) {
    command->add_option("--from", from, "RFC 3339, Unix seconds or milliseconds; inclusive")
        ->required(required);
    command->add_option("--to", to, "the same; exclusive")->required(required);
  }

  void add_format(CLI::App* command, Format& format) {
    auto* option = command->add_option("--format", format, "table, csv, ndjson or json");
    option->transform(CLI::CheckedTransformer(kFormats).description(""));
    command
        ->add_flag_callback(
            "--json", [&format] { format = Format::kJson; }, "the same as --format json")
        ->excludes(option);
  }

  /// A command that asks a daemon or, with --data-dir, a stopped data directory.
  void add_endpoint(CLI::App* command, std::function<int(Endpoint&)> ask) {
    command->add_option("--url", endpoint_.url, "of the daemon")
        ->envname("HINDCAST_URL")
        ->capture_default_str();
    command->add_option("--token", endpoint_.token, "for a daemon with tokens")
        ->envname("HINDCAST_TOKEN");
    command->add_option("--data-dir", endpoint_.data_dir, "read a stopped data directory instead");
    command->add_option("-c,--config", endpoint_.config, "with --data-dir: its configuration")
        ->capture_default_str();
    command->callback([this, ask = std::move(ask)] {
      command_ = [this, ask] {
        const auto endpoint = make_endpoint(endpoint_);
        return endpoint ? ask(**endpoint) : report(endpoint.error(), output_);
      };
    });
  }

  CLI::App app_{"Hindcast: event streams into windowed aggregates that can always be rebuilt.",
                "hindcast"};
  Output output_{std::cout, std::cerr};
  std::function<int()> command_;

  RunOptions run_;
  DemoOptions demo_;
  CheckOptions check_;
  InitOptions init_;
  EndpointOptions endpoint_;
  QueryOptions query_;
  EventsOptions events_;
  GapsOptions gaps_;
  OpenGapOptions open_gap_;
  AcceptGapOptions accept_gap_;
  std::function<int(Endpoint&)> gaps_action_ = [this](Endpoint& endpoint) {
    gaps_.json = json_;
    return gaps_command(gaps_, endpoint, output_);
  };
  CoverageOptions coverage_;
  DeadLettersOptions letters_;
  VerifyOptions verify_;
  ReplayOptions replay_;
  LimitsOptions limits_;
  TopOptions top_;
  SimOptions sim_;
  FeedCommandOptions feed_;
  std::string action_ = "list";
  bool json_ = false;
};

}  // namespace
}  // namespace hindcast

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  return hindcast::CommandLine().run(argc, argv);
}
