#include "cli/top_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <vector>

#include "cli/coverage_view.h"
#include "cli/figures.h"
#include "cli/replay_page.h"
#include "cli/strip.h"
#include "cli/table.h"

namespace hindcast {
namespace {

constexpr size_t kEnded = 5;  // replays that are over, the latest of them

class Paint {
 public:
  explicit Paint(bool colour) : colour_(colour) {}
  std::string bold(const std::string& text) const { return in("\x1b[1m", text); }
  std::string red(const std::string& text) const { return in("\x1b[1;31m", text); }
  std::string yellow(const std::string& text) const { return in("\x1b[33m", text); }

 private:
  std::string in(const char* sequence, const std::string& text) const {
    return colour_ ? sequence + text + "\x1b[0m" : text;
  }
  bool colour_;
};

std::string head(const JsonValue& status, const std::string& where, const Paint& paint) {
  const auto bytes = [](const JsonValue& value) {
    return human_bytes(value.unsigned_number().value_or(0));
  };
  const JsonValue& log = status["log"]["live"];
  std::string out = paint.bold("hindcast") + " " + where + "   " + status["state"].text;
  if (number(status["uptime_seconds"]) > 0)
    out += "   up " + human_seconds(number(status["uptime_seconds"]));
  if (number(log["bytes_max"]) > 0)
    out += "   live log " + bytes(log["bytes"]) + " of " + bytes(log["bytes_max"]);
  out += "   memory " + bytes(status["memory"]["rss_bytes"]) + "\n";
  for (const auto& [name, what] : {std::pair("stalled", "the store takes no writes"),
                                   std::pair("slowed", "the store delays writes")}) {
    if (status["store"][name].boolean) out += paint.red(what) + "\n";
  }
  return out;
}

/// "allowed 120k/s of 250k/s: live-latency 1.3 of target".
std::string governor_text(const JsonValue& governor) {
  const JsonValue& pressure = governor["pressure"];
  const double allowed = number(governor["allowed"]), ceiling = number(governor["ceiling"]);
  const std::string& reason = governor["reason"].text;
  std::string out = short_count(number(governor["events_per_second"])) + "/s · allowed " +
                    short_count(allowed) + "/s of " + short_count(ceiling) + "/s: " + reason;
  // A rate that is asked for is no pressure.
  if (pressure["reason"].text == reason && number(pressure["value"]) > 0)
    out += fmt::format(" {:.1f} of target", number(pressure["value"]));
  out += " · floor " + short_count(number(governor["floor"])) + "/s";
  if (governor["ramping"].boolean) out += " · ramping up";
  return out;
}

std::string lanes(const JsonValue& governor, const Paint& paint) {
  if (governor.is_null()) return "";
  std::string out = "live    apply p99 " + short_latency(governor["live"]["apply_p99_seconds"]) +
                    " · queue age " + short_latency(governor["live"]["queue_age_seconds"]) + "\n";
  out += "replay  " + governor_text(governor) + " · commit p99 " +
         short_latency(governor["commit_p99_seconds"]) + "\n";
  if (const JsonValue& late = governor["late"]; number(late["waiting_events"]) > 0) {
    out += "late    " + short_count(number(late["waiting_events"])) + " events wait";
    if (!late["waits_for"].is_null()) out += ": " + late["waits_for"].text;
    out += "\n";
  }
  if (const JsonValue& storm = governor["storm"]; !storm.is_null()) {
    const double events = number(storm["missing_events_per_second"]);
    out +=
        paint.red(fmt::format(
            "REPLAY STORM: the backlog grows although replay goes as fast as it can; missing {} "
            "({:.2g} s of events a second)",
            events > 0 ? short_count(events) + "/s" : "capacity", number(storm["missing_speed"]))) +
        "\n";
  }
  if (governor["starved"].boolean) out += paint.yellow("replay is starved: below its floor") + "\n";
  return out;
}

/// All streams over one stretch of time, so that their strips can be compared.
std::string strips(const JsonValue& coverage, const Terminal& terminal) {
  struct Line {
    std::string name;
    std::vector<CoverageSpan> spans;
    Window range;
  };
  std::vector<Line> lines;
  std::set<CoverageSpan::State> seen;
  size_t widest = 0;
  for (const JsonValue& stream : coverage["streams"].items) {
    Line line{stream["stream"].text, spans_of(stream), {}};
    if (line.spans.empty()) continue;
    line.range = {line.spans.front().range.start, line.spans.back().range.end};
    for (const CoverageSpan& span : line.spans) seen.insert(span.state);
    widest = std::max(widest, line.name.size());
    lines.push_back(std::move(line));
  }
  if (lines.empty()) return "";
  Window all = lines.front().range;
  for (const Line& line : lines)
    all = {std::min(all.start, line.range.start), std::max(all.end, line.range.end)};
  const size_t taken = widest + 12;  // name, two blanks, share
  const size_t columns = std::max<size_t>(terminal.columns, taken + 20) - taken;
  const auto column_of = [&](EventTime at) {
    const auto length = [](Duration d) { return std::chrono::duration<double>(d).count(); };
    return static_cast<size_t>(std::lround(static_cast<double>(columns) * length(at - all.start) /
                                           length(all.end - all.start)));
  };
  std::string out;
  for (const Line& line : lines) {
    const size_t begin = std::min(column_of(line.range.start), columns - 1);
    const size_t end = std::max(column_of(line.range.end), begin + 1);
    out += fmt::format("{:<{}}  {}{}{}  {:>7}\n", line.name, widest, std::string(begin, ' '),
                       strip(line.spans, line.range, end - begin, terminal.colour),
                       std::string(columns - end, ' '), share_covered(line.spans, line.range));
  }
  out += std::string(widest + 2, ' ') + strip_axis(all, columns) + "\n";
  return out + std::string(widest + 2, ' ') + strip_legend(seen, terminal.colour) + "\n";
}

std::string chain(const JsonValue& links) {
  constexpr size_t kBar = 10;
  if (links.items.empty()) return "";
  Table table;
  for (const char* name : {"chain", "full"}) table.column(name, Table::Align::kLeft);
  for (const char* name : {"used", "max", "blocked"}) table.column(name);
  for (const JsonValue& link : links.items) {
    const double max = number(link["max"]);
    table.row({link["name"].text, bar(max > 0 ? number(link["used"]) / max : 0, kBar),
               human_bytes(link["used"].unsigned_number().value_or(0)),
               human_bytes(link["max"].unsigned_number().value_or(0)),
               human_seconds(number(link["blocked_seconds"]))});
  }
  std::ostringstream out;
  table.print(out);
  return out.str();
}

/// Those that go on, then the latest that are over.
std::string jobs(const JsonValue& replays, size_t room) {
  constexpr size_t kBar = 20;
  std::vector<const JsonValue*> shown;
  for (const JsonValue& job : replays["replays"].items) shown.push_back(&job);
  std::ranges::stable_sort(shown, [](const JsonValue* a, const JsonValue* b) {
    if (has_ended(*a) != has_ended(*b)) return has_ended(*b);
    const bool older = number((*a)["id"]) < number((*b)["id"]);
    return has_ended(*a) ? number((*a)["id"]) > number((*b)["id"]) : older;
  });
  const auto going = static_cast<size_t>(
      std::ranges::count_if(shown, [](const JsonValue* job) { return !has_ended(*job); }));
  const size_t all = shown.size();
  shown.resize(std::min({all, going + kEnded, room}));
  if (shown.empty()) return "no replays\n";
  Table table;
  table.column("replay");
  for (const char* name : {"source", "state", "progress"}) table.column(name, Table::Align::kLeft);
  for (const char* name : {"speed", "max"}) table.column(name);
  table.column("reason", Table::Align::kLeft);
  for (const char* name : {"eta", "left", "aside"}) table.column(name);
  for (const JsonValue* const each : shown) {
    const JsonValue& job = *each;
    const bool ended = has_ended(job);
    table.row({job["id"].to_string(), job["source"].text, job["state"].text,
               fmt::format("{} {:>5}", bar(number(job["share_done"]), kBar),
                           percent_done(job["share_done"])),
               speed_of(job, "events_per_second"), speed_of(job, "ceiling"),
               ended ? job["reason"].text : job["waits_for"].text, ended ? "" : eta_text(job),
               with_commas(job["windows_left"].to_string()),
               std::to_string(job["set_aside"].items.size())});
  }
  std::ostringstream out;
  table.print(out);
  if (shown.size() < all)
    out << "and " << all - shown.size() << " more; see hindcast replay list\n";
  return out.str();
}

}  // namespace

std::optional<double> TopView::received_rate(const JsonValue& source, double uptime) const {
  const auto before = received_.find(source["name"].text);
  if (before == received_.end() || uptime <= uptime_) return std::nullopt;
  return (number(source["tallies"]["received"]) - before->second) / (uptime - uptime_);
}

std::string TopView::sources(const JsonValue& status) {
  const double uptime = number(status["uptime_seconds"]);
  Table table;
  for (const char* name : {"source", "state", "watermark", "frontier"})
    table.column(name, Table::Align::kLeft);
  for (const char* name : {"received", "per second", "pending", "behind", "late"})
    table.column(name);
  for (const JsonValue& source : status["sources"].items) {
    const std::optional<double> rate = received_rate(source, uptime);
    const JsonValue& tallies = source["tallies"];
    table.row(
        {source["name"].text, source["state"].text, short_time(source["watermark"].to_string()),
         short_time(source["frontier"].to_string()), with_commas(tallies["received"].to_string()),
         rate ? short_count(*rate) : "-", with_commas(tallies["pending"].to_string()),
         with_commas(tallies["behind"].to_string()), with_commas(tallies["late"].to_string())});
  }
  for (const JsonValue& source : status["sources"].items)
    received_[source["name"].text] = number(source["tallies"]["received"]);
  uptime_ = uptime;
  std::ostringstream out;
  table.print(out);
  return out.str();
}

std::string TopView::frame(const TopData& data, const std::string& where,
                           const Terminal& terminal) {
  const Paint paint(terminal.colour);
  const JsonValue& governor = data.status["governor"];
  std::string text = head(data.status, where, paint) + lanes(governor, paint);
  const auto add = [&](const std::string& part) { text += part.empty() ? "" : "\n" + part; };
  add(sources(data.status));
  add(strips(data.coverage, terminal));
  const std::string links = chain(governor["links"]);
  // The chain is what a screen that is small goes without first: a few replays matter more.
  constexpr size_t kFewest = 3;
  constexpr size_t kAround = 4;  // two blank lines, the heads, and how many more there are
  const auto lines = static_cast<size_t>(std::ranges::count(text + links, '\n')) + kAround;
  size_t room = SIZE_MAX;
  if (terminal.live) room = std::max(kFewest, terminal.rows - std::min(lines, terminal.rows));
  add(jobs(data.replays, room));
  add(links);
  if (!terminal.live) return text;
  std::string out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out += fit(line, terminal.columns) + "\n";
  return out;
}

}  // namespace hindcast
