#include "cli/replay.h"

#include <chrono>
#include <ostream>
#include <thread>

#include "cli/figures.h"
#include "cli/json_list.h"
#include "cli/replay_page.h"
#include "net/http_server.h"
#include "net/json_reader.h"
#include "net/json_writer.h"

namespace hindcast {
namespace {

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

int print(const JsonValue& job, const Bytes& raw, const ReplayOptions& options,
          const Output& output) {
  if (options.json) {
    output.out << raw << '\n';
  } else if (options.action == "report") {
    print_report(job, output.out);
  } else {
    print_job(job, output.out);
  }
  return kExitOk;
}

/// Shows progress until the job has ended.
int follow(JsonValue job, Bytes raw, const ReplayOptions& options, Endpoint& endpoint,
           const Output& output) {
  const std::string target = "/v1/replays/" + job["id"].to_string();
  ProgressDisplay display(options.terminal, output.err);
  while (!has_ended(job)) {
    display.show(job);
    options.pause();
    std::optional<Reply> refused;
    Result<JsonValue> next = fetch(endpoint, "GET", target, {}, raw, refused);
    if (refused) return report(*refused, output);
    if (!next) return report(next.error(), output);
    job = *std::move(next);
  }
  display.clear();
  print(job, raw, options, output);
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

void wait_a_moment() { std::this_thread::sleep_for(std::chrono::milliseconds(200)); }

void ProgressDisplay::show(const JsonValue& job) {
  constexpr int kStep = 5;       // percent from one plain line to the next
  constexpr int kSilence = 150;  // so many looks at most
  constexpr size_t kBar = 20;
  if (terminal_.live) {
    out_ << '\r'
         << fit(bar(number(job["share_done"]), kBar) + " " + progress_line(job),
                terminal_.columns - 1)
         << "\x1b[K" << std::flush;
    return;
  }
  const int percent = static_cast<int>(100 * number(job["share_done"]));
  if (job["state"].text == state_ && percent < percent_ + kStep && ++silence_ < kSilence) return;
  state_ = job["state"].text;
  percent_ = percent;
  silence_ = 0;
  out_ << "replay " << job["id"].to_string() << ": " << progress_line(job) << std::endl;
}

void ProgressDisplay::clear() {
  if (terminal_.live) out_ << "\r\x1b[K" << std::flush;
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
  } else if (options.action == "report") {
    target += "/report";
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
  if (options.follow && options.action == "start") {
    for (const JsonValue& warning : (*job)["warnings"].items)
      output.err << "hindcast: " << warning.to_string() << '\n';
  }
  if (options.follow && options.action != "report")
    return follow(*job, std::move(raw), options, endpoint, output);
  return print(*job, raw, options, output);
}

}  // namespace hindcast
