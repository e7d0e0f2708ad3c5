#include "cli/demo.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/thread_runtime.h"
#include "cli/child_process.h"
#include "cli/demo_assets.h"
#include "net/http_client.h"
#include "net/json_reader.h"

namespace hindcast {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSource = "flights";
constexpr std::string_view kAggregate = "departures";
constexpr size_t kFlights = 336'776;
// The last flight leaves on 1 January 2014, 04:00 UTC; this closes its day.
constexpr std::string_view kEnd = "2014-01-02T00:00:00Z";
// Rows are fetched month by month: a query has a limit.
constexpr std::array<std::string_view, 14> kMonths = {
    "2013-01-01T00:00:00Z", "2013-02-01T00:00:00Z",
    "2013-03-01T00:00:00Z", "2013-04-01T00:00:00Z",
    "2013-05-01T00:00:00Z", "2013-06-01T00:00:00Z",
    "2013-07-01T00:00:00Z", "2013-08-01T00:00:00Z",
    "2013-09-01T00:00:00Z", "2013-10-01T00:00:00Z",
    "2013-11-01T00:00:00Z", "2013-12-01T00:00:00Z",
    "2014-01-01T00:00:00Z", kEnd};
constexpr Duration kPatience = 120s;  // before "not settled yet" is called a failure

/// What the demo wants to know of the daemon's status; it has one source.
struct Books {
  uint64_t received = 0, pending = 0, aggregated = 0, duplicate = 0, superseded = 0,
           dead_lettered = 0, behind = 0;

  static Result<Books> parse(BytesView status) {
    HC_TRY_ASSIGN(const JsonValue document, parse_json(status));
    const JsonValue& sources = document["sources"];
    if (sources.items.size() != 1) return corruption("status: one source expected");
    const JsonValue& tallies = sources.items[0]["tallies"];
    const auto number = [&](std::string_view name) {
      return tallies[name].unsigned_number().value_or(0);
    };
    return Books{number("received"),  number("pending"),    number("aggregated"),
                 number("duplicate"), number("superseded"), number("dead_lettered"),
                 number("behind")};
  }
};

std::string with_thousands(uint64_t number) {
  std::string text = std::to_string(number);
  for (size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
  return text;
}

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

/// A folder that is removed at the end, unless something went wrong and its logs are of use.
class WorkFolder {
 public:
  static Result<WorkFolder> create() {
    std::string pattern = (fs::temp_directory_path() / "hindcast-demo-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) return unavailable("cannot create " + pattern);
    return WorkFolder(pattern);
  }
  WorkFolder(WorkFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  WorkFolder& operator=(WorkFolder&&) = delete;
  ~WorkFolder() {
    if (path_.empty() || keep_) return;
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  void keep() { keep_ = true; }
  std::string file(std::string_view name) const { return fmt::format("{}/{}", path_, name); }
  const std::string& path() const { return path_; }

 private:
  explicit WorkFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
  bool keep_ = false;
};

/// One line that is rewritten on a terminal, and printed every tenth elsewhere.
class Progress {
 public:
  void show(size_t done, size_t total, Duration elapsed) {
    const bool terminal = ::isatty(STDOUT_FILENO) == 1;
    const size_t step = done * (terminal ? 200 : 10) / total;
    if (step == shown_ && done != total) return;
    shown_ = step;
    fmt::print("{}  {:>3}%  {:>7} flights acknowledged  {:.1f} s{}", terminal ? "\r" : "",
               done * 100 / total, with_thousands(done), seconds(elapsed),
               terminal && done != total ? "" : "\n");
    std::fflush(stdout);
  }
  /// Ends the line on a terminal, so that something else can be said.
  void interrupt() {
    if (::isatty(STDOUT_FILENO) == 1) fmt::print("\n");
  }

 private:
  size_t shown_ = 0;
};

class Demo {
 public:
  Demo(DemoOptions options, WorkFolder folder, std::string program)
      : options_(std::move(options)), folder_(std::move(folder)), program_(std::move(program)) {}

  Status run() {
    HC_TRY(write_inputs());
    HC_TRY(start());
    fmt::print(
        "\nA year of flights from New York, in the order in which they became known.\n"
        "daemon: {}   folder: {}\n",
        url_, folder_.path());
    const MonoTime begin = clock_.mono_now();
    HC_TRY(send_everything());
    HC_TRY(settle());
    const Duration took = clock_.mono_now() - begin;
    fmt::print("  settled and final after {:.1f} s: {} flights/s with acknowledgement on disk\n\n",
               seconds(took), with_thousands(static_cast<uint64_t>(kFlights / seconds(took))));
    HC_TRY(show_rows());
    HC_TRY(prove());
    fmt::print("total: {:.1f} s\n", seconds(clock_.mono_now() - begin));
    if (options_.once) return stop();
    fmt::print("\nThe daemon runs on until Ctrl-C. Ask it:\n  {} query {} --key JFK/B6 --url {}\n",
               program_, kAggregate, url_);
    std::fflush(stdout);
    daemon_->wait();
    return {};
  }
  void keep_folder() {
    folder_.keep();
    fmt::print(stderr, "kept for a look: {} (daemon.log)\n", folder_.path());
  }

 private:
  Status write_inputs() {
    events_ = data_folder() + "/flights.ndjson";
    if (!fs::exists(events_)) {
      return not_found(events_ + " is not there: scripts/flights fetches it (8.7 MB)");
    }
    std::string config = kDemoConfig;
    const std::string_view usual = "127.0.0.1:7171";
    config.replace(config.find(usual), usual.size(), "127.0.0.1:0");  // must not meet a running one
    std::ofstream(folder_.file("flights.toml")) << config;
    std::ofstream(folder_.file("recompute")) << kDemoRecompute;
    return {};
  }

  std::string data_folder() const {
    if (!options_.data.empty()) return options_.data;
    const char* cache = std::getenv("XDG_CACHE_HOME");
    if (cache != nullptr && *cache != '\0') return std::string(cache) + "/hindcast/flights";
    const char* home = std::getenv("HOME");
    return std::string(home != nullptr ? home : ".") + "/.cache/hindcast/flights";
  }

  Status start() {
    HC_TRY_ASSIGN(auto child,
                  ChildProcess::start({.arguments = {program_, "run", "-c", "flights.toml"},
                                       .folder = folder_.path(),
                                       .output = {},
                                       .errors = folder_.file("daemon.log")}));
    daemon_ = std::move(child);
    const std::string_view marker = "listening on ";
    while (const auto line = daemon_->read_line()) {
      if (const size_t at = line->find(marker); at != std::string::npos) {
        url_ = line->substr(at + marker.size());
        return wait_ready();
      }
    }
    return unavailable(
        fmt::format("the daemon ended (exit {}) before it listened", daemon_->wait()));
  }

  Status wait_ready() {
    const MonoTime give_up = clock_.mono_now() + kPatience;
    while (clock_.mono_now() < give_up) {
      HC_TRY_ASSIGN(const HttpReply reply, client_.get(url_ + "/readyz"));
      if (reply.status == 200) return {};
      std::this_thread::sleep_for(2ms);
    }
    return unavailable("the daemon is not ready");
  }

  /// Batches in file order. At half, kill -9 and restart: what was acknowledged is not sent again.
  Status send_everything() {
    std::ifstream events(events_);
    Progress progress;
    const MonoTime begin = clock_.mono_now();
    Bytes batch;
    size_t batched = 0, acknowledged = 0;
    bool killed = false;
    for (std::string line; std::getline(events, line);) {
      batch += line;
      batch += '\n';
      if (++batched < options_.batch_events) continue;
      HC_TRY(push(batch, batched));
      acknowledged += std::exchange(batched, 0);
      batch.clear();
      progress.show(acknowledged, kFlights, clock_.mono_now() - begin);
      if (!killed && acknowledged >= kFlights / 2) {
        progress.interrupt();
        HC_TRY(kill_and_restart(acknowledged));
        killed = true;
      }
    }
    if (batched > 0) {
      HC_TRY(push(batch, batched));
      acknowledged += batched;
      progress.show(acknowledged, kFlights, clock_.mono_now() - begin);
    }
    if (acknowledged != kFlights) {
      return corruption(
          fmt::format("{}: {} flights instead of {}", events_, acknowledged, kFlights));
    }
    return {};
  }

  Status push(BytesView batch, size_t events) {
    const std::string url = fmt::format("{}/v1/sources/{}/events", url_, kSource);
    while (true) {
      HC_TRY_ASSIGN(
          const HttpReply reply,
          client_.request("POST", url, batch, {{"Content-Type", "application/x-ndjson"}}));
      if (reply.status == 429) {  // the log is near its bound: slower, as told
        std::this_thread::sleep_for(std::chrono::seconds(
            std::max(1, std::atoi(std::string(reply.header("retry-after")).c_str()))));
        continue;
      }
      if (reply.status == 200) {
        HC_TRY_ASSIGN(const JsonValue answer, parse_json(reply.body));
        if (answer["accepted"].unsigned_number() == events) return {};
      }
      return unavailable(fmt::format("push: HTTP {}: {}", reply.status, reply.body));
    }
  }

  Status kill_and_restart(size_t acknowledged) {
    daemon_->kill();
    daemon_->wait();
    const MonoTime begin = clock_.mono_now();
    client_ = HttpClient();
    HC_TRY(start());
    const Duration recovery = clock_.mono_now() - begin;
    HC_TRY_ASSIGN(const Bytes status, get("/v1/status"));
    fmt::print("  kill -9 after {} flights. Restarted: recovered and accepting after {:.0f} ms\n",
               with_thousands(acknowledged), seconds(recovery) * 1000);
    HC_TRY_ASSIGN(const Books books, Books::parse(status));
    if (books.received != acknowledged) {
      return corruption(
          fmt::format("{} were acknowledged, {} are there", acknowledged, books.received));
    }
    return {};
  }

  Result<Bytes> get(const std::string& path) {
    HC_TRY_ASSIGN(HttpReply reply, client_.get(url_ + path));
    if (reply.status != 200) {
      return unavailable(fmt::format("{}: HTTP {}: {}", path, reply.status, reply.body));
    }
    return std::move(reply.body);
  }

  /// The heartbeat closes the year; then every event must have its outcome and every row be final.
  Status settle() {
    const std::string body = fmt::format("{{\"time\":\"{}\"}}", kEnd);
    HC_TRY_ASSIGN(const HttpReply reply,
                  client_.request("POST", fmt::format("{}/v1/sources/{}/heartbeat", url_, kSource),
                                  body, {{"Content-Type", "application/json"}}));
    if (reply.status != 200) {
      return unavailable(fmt::format("heartbeat: HTTP {}: {}", reply.status, reply.body));
    }
    const MonoTime give_up = clock_.mono_now() + kPatience;
    while (clock_.mono_now() < give_up) {
      HC_TRY_ASSIGN(const Bytes status, get("/v1/status"));
      HC_TRY_ASSIGN(books_, Books::parse(status));
      if (books_.pending == 0) {
        // Rollups are the last to be final; the days of a year are few enough for one answer.
        HC_TRY_ASSIGN(const Bytes days,
                      get(fmt::format("/v1/aggregates/{}/buckets?resolution=1d", kAggregate)));
        if (days.find("\"state\":\"open\"") == Bytes::npos &&
            days.find("\"state\":\"sealed\"") == Bytes::npos) {
          return {};
        }
      }
      std::this_thread::sleep_for(20ms);
    }
    return unavailable("not everything is final");
  }

  /// `hindcast query`, as a user would call it; to a file, or for people to our stdout.
  Status query(std::vector<std::string> arguments, const std::string& output) {
    std::vector<std::string> all = {program_, "query", std::string(kAggregate), "--url", url_};
    all.insert(all.end(), arguments.begin(), arguments.end());
    HC_TRY_ASSIGN(
        auto child,
        ChildProcess::start({.arguments = all, .folder = {}, .output = output, .errors = {}}));
    if (output.empty()) {
      while (const auto line = child.read_line()) fmt::print("  {}\n", *line);
    }
    if (const int code = child.wait(); code != 0) {
      return unavailable(fmt::format("hindcast query: exit {}", code));
    }
    return {};
  }

  Status show_rows() {
    fmt::print(
        "United from Newark, around the snow of 8 and 9 February 2013 (air time: who flew):\n");
    return query({"--key", "EWR/UA", "--resolution", "1d", "--from", "2013-02-07T00:00:00Z", "--to",
                  "2013-02-12T00:00:00Z", "--format", "table"},
                 "");
  }

  Status prove() {
    fmt::print(
        "\nThe books: received {} = aggregated {} + duplicate {} + superseded {} + dead-lettered "
        "{}\n",
        with_thousands(books_.received), with_thousands(books_.aggregated),
        with_thousands(books_.duplicate), with_thousands(books_.superseded),
        with_thousands(books_.dead_lettered));
    const uint64_t settled =
        books_.aggregated + books_.duplicate + books_.superseded + books_.dead_lettered;
    if (books_.received != settled || books_.aggregated != kFlights) {
      return corruption("the books do not balance");
    }

    std::vector<std::string> arguments = {"python3", folder_.file("recompute"), events_,
                                          std::to_string(books_.behind)};
    for (size_t i = 0; i + 1 < kMonths.size(); ++i) {
      const std::string file = folder_.file(fmt::format("hours-{:02}.ndjson", i + 1));
      HC_TRY(query({"--resolution", "1h", "--from", std::string(kMonths[i]), "--to",
                    std::string(kMonths[i + 1]), "--format", "ndjson"},
                   file));
      arguments.push_back(file);
    }
    arguments.push_back(folder_.file("days.ndjson"));
    HC_TRY(query({"--resolution", "1d", "--format", "ndjson"}, arguments.back()));

    fmt::print(
        "The proof: every hourly and daily row, recomputed from the events by {} lines of "
        "Python:\n",
        std::count(std::begin(kDemoRecompute), std::end(kDemoRecompute), '\n'));
    std::fflush(stdout);
    HC_TRY_ASSIGN(
        auto child,
        ChildProcess::start({.arguments = arguments, .folder = {}, .output = {}, .errors = {}}));
    while (const auto line = child.read_line()) fmt::print("  {}\n", *line);
    if (child.wait() != 0) return corruption("the rows differ from the recomputation");
    fmt::print("  all equal\n");
    return {};
  }

  Status stop() {
    daemon_->terminate();
    if (const int code = daemon_->wait(); code != 0) {
      return unavailable(fmt::format("the daemon stopped with exit {}", code));
    }
    return {};
  }

  const DemoOptions options_;
  WorkFolder folder_;
  const std::string program_;
  ThreadRuntime clock_{{"demo"}, 1};
  HttpClient client_;
  std::optional<ChildProcess> daemon_;
  std::string url_, events_;
  Books books_;
};

}  // namespace

int demo_command(const DemoOptions& options) {
  auto folder = WorkFolder::create();
  auto program = ChildProcess::own_path();
  if (!folder || !program) {
    fmt::print(stderr, "demo: {}\n", !folder ? folder.error().message : program.error().message);
    return 1;
  }
  Demo demo(options, *std::move(folder), *std::move(program));
  if (const Status done = demo.run(); !done) {
    std::fflush(stdout);
    fmt::print(stderr, "\ndemo: {}\n", done.error().message);
    demo.keep_folder();
    return 1;
  }
  return 0;
}

}  // namespace hindcast
