// The command line: what there is, what it takes, and which function does it.
#include <CLI/CLI.hpp>
#include <iostream>
#include <map>

#include "cli/check.h"
#include "cli/commands.h"
#include "cli/demo.h"
#include "cli/init.h"
#include "cli/run.h"
#include "cli/sim.h"
#include "cli/verify.h"

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
    add_dead_letters();
    add_verify();
    add_sim();
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

  void add_demo() {
    auto* demo = app_.add_subcommand("demo", "real flights, a kill -9, recovery, and the proof");
    demo->add_flag("--once", demo_.once, "end after the proof");
    demo->add_option("--data", demo_.data, "folder with flights.ndjson (scripts/flights)");
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

  void add_range(CLI::App* command, std::string& from, std::string& to) {
    command->add_option("--from", from, "RFC 3339, Unix seconds or milliseconds; inclusive");
    command->add_option("--to", to, "the same; exclusive");
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
  DeadLettersOptions letters_;
  VerifyOptions verify_;
  SimOptions sim_;
  std::string action_ = "list";
  bool json_ = false;
};

}  // namespace
}  // namespace hindcast

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  return hindcast::CommandLine().run(argc, argv);
}
