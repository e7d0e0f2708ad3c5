#include "cli/replay_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <vector>

#include "cli/figures.h"

namespace hindcast {
namespace {

std::string count(const JsonValue& counts, std::string_view name) {
  return with_commas(counts[name].to_string());
}

std::string windows_text(const JsonValue& job) {
  return fmt::format("{} done, {} left, {} set aside", count(job, "windows_done"),
                     count(job, "windows_left"), job["set_aside"].items.size());
}

void print_head(const JsonValue& job, std::ostream& out) {
  out << "replay " << job["id"].to_string() << " of " << job["source"].to_string() << ": "
      << job["state"].to_string();
  if (const std::string reason = job["reason"].to_string(); !reason.empty()) out << ", " << reason;
  out << "\n  range       " << short_time(job["from"].to_string()) << " to "
      << short_time(job["to"].to_string()) << ", " << job["order"].to_string() << " first\n"
      << "  because     " << job["cause"].to_string();
  for (const JsonValue& gap : job["gaps"].items) out << " · gap " << gap.to_string();
  const JsonValue& counts = job["counts"];
  const JsonValue& took = job["elapsed_seconds"];
  out << "\n  done        " << percent_done(job["share_done"]) << " in "
      << human_seconds(number(took.is_null() ? job["duration_seconds"] : took)) << ", "
      << count(counts, "subwindows")
      << (count(counts, "subwindows") == "1" ? " subwindow\n" : " subwindows\n") << "  windows     "
      << windows_text(job) << '\n';
}

void print_work(const JsonValue& job, std::ostream& out) {
  const JsonValue& counts = job["counts"];
  if (const JsonValue& route = job["route"]; !route.is_null())
    out << "  route       " << route["name"].to_string() << ": " << route["couples"].to_string()
        << '\n';
  out << "  read        " << count(counts, "read") << " = " << count(counts, "added") << " added + "
      << count(counts, "duplicate") << " duplicate + " << count(counts, "superseded")
      << " superseded + " << count(counts, "outside") << " outside + "
      << count(counts, "dead_lettered") << " dead letters\n"
      << "  wrote       " << human_bytes(counts["bytes_written"].unsigned_number().value_or(0))
      << " in " << count(counts, "pages_changed") << " pages and " << count(counts, "rows_changed")
      << " rows\n"
      << "  cost        " << human_bytes(counts["bytes_read"].unsigned_number().value_or(0))
      << " in " << count(counts, "requests") << " requests\n";
  const JsonValue& live = job["live_p99"];
  if (live["before"].is_null() && live["during"].is_null() && live["after"].is_null()) {
    out << "  live p99    too few live events to judge from\n";
  } else {
    out << "  live p99    " << short_latency(live["before"]) << " before · "
        << short_latency(live["during"]) << " at worst meanwhile · " << short_latency(live["after"])
        << " after\n";
  }
  for (const JsonValue& aside : job["set_aside"].items) {
    out << "  set aside   " << short_time(aside["from"].to_string()) << " to "
        << short_time(aside["to"].to_string()) << ": " << aside["reason"].to_string() << '\n';
  }
}

/// What history forgets of it.
void print_warnings(const JsonValue& job, std::ostream& out) {
  for (const JsonValue& warning : job["warnings"].items)
    out << "  warning     " << warning.to_string() << '\n';
}

/// Why it is there or has failed, and whether history will have forgotten some of it.
std::string why(const JsonValue& job) {
  const std::string reason = job["reason"].to_string();
  const JsonValue& in_time = job["in_time"];
  return (reason.empty() ? job["cause"].to_string() : reason) +
         (in_time.is_null() || in_time.boolean ? "" : ", not in time");
}

std::string speed_text(const JsonValue& job) {
  std::string out = short_count(number(job["events_per_second"])) + "/s";
  if (const double ceiling = number(job["ceiling"]); ceiling > 0)
    out += ", max " + short_count(ceiling) + "/s";
  return out;
}

}  // namespace

bool has_ended(const JsonValue& job) {
  const std::string& state = job["state"].text;
  return state == "done" || state == "failed" || state == "cancelled";
}

std::string speed_of(const JsonValue& job, std::string_view name) {
  return has_ended(job) ? "" : short_count(number(job[name])) + "/s";
}

std::string eta_text(const JsonValue& job) {
  const JsonValue& eta = job["eta_seconds"];
  return eta.is_null() ? "—" : human_seconds(number(eta));
}

Table table_of_jobs() {
  Table table;
  table.column("replay");
  for (const char* name : {"source", "from", "to", "state"})
    table.column(name, Table::Align::kLeft);
  for (const char* name : {"done", "read", "added", "speed", "max"}) table.column(name);
  table.column("reason", Table::Align::kLeft);
  table.column("eta");
  table.column("why", Table::Align::kLeft);
  return table;
}

void add_row(Table& table, const JsonValue& job) {
  const bool ended = has_ended(job);
  table.row({job["id"].to_string(), job["source"].to_string(), short_time(job["from"].to_string()),
             short_time(job["to"].to_string()), job["state"].to_string(),
             percent_done(job["share_done"]), count(job["counts"], "read"),
             count(job["counts"], "added"), speed_of(job, "events_per_second"),
             speed_of(job, "ceiling"), job["waits_for"].to_string(), ended ? "" : eta_text(job),
             why(job)});
}

void print_job(const JsonValue& job, std::ostream& out) {
  print_head(job, out);
  if (!has_ended(job)) {
    out << "  speed       " << speed_text(job);
    if (const std::string reason = job["waits_for"].to_string(); !reason.empty())
      out << ", waits for " << reason;
    out << "\n  eta         " << eta_text(job);
    if (!job["eta_seconds"].is_null())
      out << " (" << human_seconds(number(job["eta_earliest_seconds"])) << " to "
          << human_seconds(number(job["eta_latest_seconds"])) << ")";
    out << "\n  lately      " << reasons_line(job["reasons_lately"]) << '\n';
  }
  out << "  reasons     " << reasons_line(job["reasons"]) << '\n';
  print_work(job, out);
  print_warnings(job, out);
}

void print_report(const JsonValue& report, std::ostream& out) {
  constexpr size_t kBar = 20;
  print_head(report, out);
  out << "  on average  " << with_commas(fmt::format("{:.0f}", number(report["events_per_second"])))
      << " events/s\n";
  print_work(report, out);
  print_warnings(report, out);
  std::vector<JsonMember> reasons = report["reasons"].members;
  std::ranges::stable_sort(reasons, std::ranges::greater(),
                           [](const JsonMember& m) { return number(m.value["seconds"]); });
  out << "\n  why no faster\n";
  const auto line = [&](const std::string& name, double seconds, double percent) {
    out << fmt::format("    {:<12}  {:>8}  {:>5.1f} %  {}\n", name, human_seconds(seconds), percent,
                       bar(percent / 100, kBar));
  };
  double percent = 0;
  for (const auto& [name, value] : reasons) {
    if (number(value["percent"]) == 0) continue;
    line(name, number(value["seconds"]), number(value["percent"]));
    percent += number(value["percent"]);
  }
  line("in all", number(report["duration_seconds"]), std::round(percent));
}

std::string progress_line(const JsonValue& job) {
  const std::string& state = job["state"].text;
  return fmt::format("{:>5}  {}  {}  eta {}  windows: {}", percent_done(job["share_done"]),
                     speed_text(job), state == "running" ? job["waits_for"].text : state,
                     eta_text(job), windows_text(job));
}

}  // namespace hindcast
