#include "cli/replay.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <ostream>
#include <thread>

#include "cli/json_list.h"
#include "cli/table.h"
#include "net/http_server.h"
#include "net/json_reader.h"
#include "net/json_writer.h"

namespace hindcast {
namespace {

constexpr auto kFollowEvery = std::chrono::milliseconds(200);

double number(const JsonValue& value) { return value.is_null() ? 0 : std::stod(value.text); }
bool ended(const JsonValue& job) {
  const std::string& state = job["state"].text;
  return state == "done" || state == "failed" || state == "cancelled";
}

std::string percent(const JsonValue& job) {
  const JsonValue& share = job["share_done"];
  return share.is_null() ? "-" : fmt::format("{:.0f} %", std::floor(100 * number(share)));
}

Table table_of_jobs() {
  Table table;
  table.column("replay");
  table.column("source", Table::Align::kLeft);
  table.column("from", Table::Align::kLeft);
  table.column("to", Table::Align::kLeft);
  table.column("state", Table::Align::kLeft);
  table.column("done");
  table.column("read");
  table.column("added");
  table.column("ev/s");
  table.column("waits for", Table::Align::kLeft);
  table.column("why", Table::Align::kLeft);
  return table;
}

void add_row(Table& table, const JsonValue& job) {
  const JsonValue& counts = job["counts"];
  const std::string reason = job["reason"].to_string();
  table.row({job["id"].to_string(), job["source"].to_string(), short_time(job["from"].to_string()),
             short_time(job["to"].to_string()), job["state"].to_string(), percent(job),
             with_commas(counts["read"].to_string()), with_commas(counts["added"].to_string()),
             with_commas(fmt::format("{:.0f}", number(job["events_per_second"]))),
             job["waits_for"].to_string(), reason.empty() ? job["cause"].to_string() : reason});
}

void print_job(const JsonValue& job, const Output& output) {
  const JsonValue& counts = job["counts"];
  const auto count = [&](std::string_view name) { return with_commas(counts[name].to_string()); };
  std::ostream& out = output.out;
  out << "replay " << job["id"].to_string() << " of " << job["source"].to_string() << ": "
      << job["state"].to_string();
  if (const std::string reason = job["reason"].to_string(); !reason.empty()) out << ", " << reason;
  out << "\n  range       " << short_time(job["from"].to_string()) << " to "
      << short_time(job["to"].to_string()) << ", " << job["order"].to_string() << " first\n"
      << "  because     " << job["cause"].to_string();
  for (const JsonValue& gap : job["gaps"].items) out << " · gap " << gap.to_string();
  out << "\n  done        " << percent(job) << " in "
      << fmt::format("{:.1f} s", number(job["elapsed_seconds"])) << ", " << count("subwindows")
      << (count("subwindows") == "1" ? " subwindow\n" : " subwindows\n") << "  read        "
      << count("read") << " = " << count("added") << " added + " << count("duplicate")
      << " duplicate + " << count("superseded") << " superseded + " << count("outside")
      << " outside + " << count("dead_lettered") << " dead letters\n"
      << "  wrote       " << count("bytes_written") << " bytes in " << count("pages_changed")
      << " pages and " << count("rows_changed") << " rows\n"
      << "  cost        " << human_bytes(counts["bytes_read"].unsigned_number().value_or(0))
      << " in " << count("requests") << " requests\n";
  for (const JsonValue& aside : job["set_aside"].items) {
    out << "  set aside   " << short_time(aside["from"].to_string()) << " to "
        << short_time(aside["to"].to_string()) << ": " << aside["reason"].to_string() << '\n';
  }
  if (!ended(job)) out << "  waits for   " << job["waits_for"].to_string() << '\n';
}

Result<JsonValue> fetch(Endpoint& endpoint, const std::string& method, const std::string& target,
                        Bytes body, Bytes& raw, std::optional<Reply>& refused) {
  HC_TRY_ASSIGN(Reply reply, endpoint.ask(method, target, std::move(body)));
  if (reply.status != 200) {
    refused = std::move(reply);
    return not_found("");
  }
  raw = std::move(reply.body);
  return parse_json(raw);
}

/// Shows progress until the job has ended.
int follow(JsonValue job, const std::string& target, Endpoint& endpoint, const Output& output) {
  Bytes raw;
  while (!ended(job)) {
    output.err << '\r'
               << progress_line(number(job["share_done"]), number(job["events_per_second"]),
                                job["state"].to_string(), job["waits_for"].to_string(),
                                number(job["elapsed_seconds"]))
               << "\x1b[K" << std::flush;
    std::this_thread::sleep_for(kFollowEvery);
    std::optional<Reply> refused;
    Result<JsonValue> next = fetch(endpoint, "GET", target, {}, raw, refused);
    if (refused) return report(*refused, output);
    if (!next) return report(next.error(), output);
    job = *std::move(next);
  }
  output.err << "\r\x1b[K";
  print_job(job, output);
  return job["state"].text == "done" ? kExitOk : kExitNo;
}

Bytes start_body(const ReplayOptions& options) {
  Bytes body;
  JsonWriter json(body);
  json.begin_object().field("source", options.source);
  json.field("from", options.from).field("to", options.to);
  if (!options.keys.empty()) {
    json.key("keys").begin_array();
    for (const std::string& key : options.keys) json.string(key);
    json.end_array();
  }
  if (!options.order.empty()) json.field("order", options.order);
  if (!options.rate.empty()) json.key("rate").raw(options.rate);
  json.end_object();
  return body;
}

/// "5000", "5000/s" or "none" as JSON. Empty: it is none of them.
std::string rate_json(std::string text) {
  if (text == "none") return "null";
  if (text.ends_with("/s")) text.resize(text.size() - 2);
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  return digits ? text : "";
}

int usage(const std::string& message, const Output& output) {
  return report(invalid_argument(message), output);
}

int list(const ReplayOptions& options, Endpoint& endpoint, const Output& output) {
  const Result<Reply> reply = endpoint.ask("GET", "/v1/replays", {});
  if (!reply) return report(reply.error(), output);
  if (reply->status != 200) return report(*reply, output);
  if (options.json) {
    output.out << reply->body << '\n';
    return kExitOk;
  }
  const auto jobs = split_list(reply->body, "replays");
  if (!jobs) return report(jobs.error(), output);
  Table table = table_of_jobs();
  for (const BytesView element : jobs->elements) {
    const auto job = parse_json(element);
    if (!job) return report(job.error(), output);
    add_row(table, *job);
  }
  if (table.rows() == 0) {
    output.out << "no replays; `hindcast replay start --source S --from T --to T` makes one\n";
  } else {
    table.print(output.out);
  }
  return kExitOk;
}

}  // namespace

std::string progress_line(double share, double events_per_second, const std::string& state,
                          const std::string& waits_for, double elapsed_seconds) {
  constexpr int kWidth = 30;
  const int full = static_cast<int>(std::floor(std::min(1.0, share) * kWidth));
  std::string line = "[" + std::string(static_cast<size_t>(full), '#') +
                     std::string(static_cast<size_t>(kWidth - full), '.') + "]";
  line += fmt::format(" {:3.0f} %  {} ev/s  ", std::floor(100 * share),
                      with_commas(fmt::format("{:.0f}", events_per_second)));
  line += state == "running" ? "waits for " + waits_for : state;
  // Only once it has shown how fast it goes, and while it goes.
  if (state == "running" && share > 0.02 && events_per_second > 0)
    line += fmt::format("  about {:.0f} s left", elapsed_seconds * (1 - share) / share);
  return line;
}

int replay_command(const ReplayOptions& options, Endpoint& endpoint, const Output& output) {
  if (options.action == "list") return list(options, endpoint, output);
  std::string method = "GET", target = "/v1/replays/" + percent_encode(options.id);
  Bytes body;
  if (options.action == "start") {
    if (options.source.empty() || options.from.empty() || options.to.empty())
      return usage("replay start needs --source, --from and --to", output);
    ReplayOptions checked = options;
    if (!options.rate.empty() && (checked.rate = rate_json(options.rate)).empty())
      return usage("--rate is events per second, like 5000/s", output);
    method = "POST";
    target = "/v1/replays";
    body = start_body(checked);
  } else if (options.id.empty()) {
    return usage("replay " + options.action +
                     " needs the number of a replay; `hindcast replay list` shows them",
                 output);
  } else if (options.action == "cancel") {
    method = "DELETE";
  } else if (options.action == "pause" || options.action == "resume") {
    method = "PATCH";
    body = options.action == "pause" ? R"({"state":"paused"})" : R"({"state":"running"})";
  } else if (options.action == "rate") {
    const std::string rate = rate_json(options.value);
    if (rate.empty())
      return usage("replay rate needs events per second, like 5000/s, or none", output);
    method = "PATCH";
    body = "{\"rate\":" + rate + "}";
  } else if (options.action == "order") {
    if (options.value != "oldest" && options.value != "newest")
      return usage("replay order needs oldest or newest", output);
    method = "PATCH";
    body = "{\"order\":\"" + options.value + "\"}";
  }
  Bytes raw;
  std::optional<Reply> refused;
  const Result<JsonValue> job = fetch(endpoint, method, target, body, raw, refused);
  if (refused) return report(*refused, output);
  if (!job) return report(job.error(), output);
  if (options.follow)
    return follow(*job, "/v1/replays/" + (*job)["id"].to_string(), endpoint, output);
  if (options.json) {
    output.out << raw << '\n';
  } else {
    print_job(*job, output);
  }
  return kExitOk;
}

}  // namespace hindcast
