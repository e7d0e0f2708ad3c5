#include "cli/demo_board.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ranges>

#include "cli/strip.h"
#include "cli/table.h"

namespace hindcast {
namespace {

using SpanState = CoverageSpan::State;

constexpr size_t kColumns = 36;  // of a strip, so that a line fits into 80
constexpr size_t kWords = 29;    // beside it

SpanState state_of(const std::string& name) {
  for (const SpanState state :
       {SpanState::kCovered, SpanState::kReplaying, SpanState::kUnfillable, SpanState::kAccepted}) {
    if (to_string(state) == name) return state;
  }
  return SpanState::kGap;
}

std::optional<EventTime> time_of(const JsonValue& value) {
  const auto time = parse_rfc3339(value.text);
  return time ? std::optional(*time) : std::nullopt;
}

double number(const JsonValue& value) { return value.is_null() ? 0 : std::stod(value.text); }

/// As much of the strip as is known, then blanks.
std::string strip_so_far(const DemoScene::Line& line, const Window& shown, bool colour) {
  if (line.spans.empty() || line.spans.back().range.end <= shown.start)
    return std::string(kColumns, ' ');
  const EventTime known = std::min(shown.end, line.spans.back().range.end);
  const auto length = [](Duration d) { return std::chrono::duration<double>(d).count(); };
  const auto columns = static_cast<size_t>(
      std::lround(kColumns * length(known - shown.start) / length(shown.end - shown.start)));
  if (columns == 0) return std::string(kColumns, ' ');
  return strip(line.spans, {shown.start, known}, columns, colour) +
         std::string(kColumns - columns, ' ');
}

/// What there is to say beside the strip.
std::string words(const DemoScene::Line& line) {
  if (!line.connected()) return line.state;
  size_t ended = 0;
  for (const DemoScene::Job& job : line.jobs) {
    ended += job.ended() ? 1 : 0;
    if (job.state == "failed") return fmt::format("replay {} failed", job.id);
    if (job.ended()) continue;
    return fmt::format("#{} {:.0f} % {:.0f}/s ({})", job.id, std::floor(100 * job.share_done),
                       job.events_per_second, job.waits_for.empty() ? job.state : job.waits_for);
  }
  if (ended == 0) return line.state;
  return fmt::format("{} replay{} done", ended, ended == 1 ? "" : "s");
}

}  // namespace

bool DemoScene::Line::whole() const {
  return std::ranges::all_of(
      spans, [](const CoverageSpan& span) { return span.state == SpanState::kCovered; });
}

bool DemoScene::all_connected() const { return std::ranges::all_of(lines, &Line::connected); }

size_t DemoScene::jobs() const {
  size_t count = 0;
  for (const Line& line : lines) count += line.jobs.size();
  return count;
}

size_t DemoScene::jobs_ended() const {
  size_t count = 0;
  for (const Line& line : lines)
    count += static_cast<size_t>(std::ranges::count_if(line.jobs, &Job::ended));
  return count;
}

double DemoScene::share_recovered() const {
  double sum = 0;
  for (const Line& line : lines) {
    double least = line.jobs.empty() ? 0 : 1;
    for (const Job& job : line.jobs) least = std::min(least, job.share_done);
    sum += least;
  }
  return lines.empty() ? 0 : sum / static_cast<double>(lines.size());
}

Result<DemoScene> look_at(DemoServer& daemon, DemoServer& feed) {
  HC_TRY_ASSIGN(const JsonValue status, daemon.get("/v1/status"));
  HC_TRY_ASSIGN(const JsonValue state, feed.get("/state"));
  HC_TRY_ASSIGN(const JsonValue coverage, daemon.get("/v1/coverage"));
  HC_TRY_ASSIGN(const JsonValue gaps, daemon.get("/v1/gaps?open=true"));
  HC_TRY_ASSIGN(const JsonValue replays, daemon.get("/v1/replays"));
  DemoScene scene;
  scene.feed_time = time_of(state["time"]).value_or(kMinEventTime);
  scene.finished = state["finished"].boolean && state["all_sent"].boolean;
  scene.connections = state["connections"].items.size();
  for (const JsonValue& source : status["sources"].items) {
    DemoScene::Line line;
    line.source = source["name"].text;
    line.state = source["state"].text;
    line.pending = source["tallies"]["pending"].unsigned_number().value_or(0);
    for (const JsonValue& stream : coverage["streams"].items) {
      if (stream["stream"].text != line.source) continue;
      for (const JsonValue& span : stream["spans"].items) {
        line.spans.push_back({{time_of(span["start"]).value_or(kMinEventTime),
                               time_of(span["end"]).value_or(kMaxEventTime)},
                              state_of(span["state"].text),
                              {}});
      }
    }
    // Coverage ends at the frontier; an outage that is still going on lies beyond it.
    for (const JsonValue& gap : gaps["gaps"].items) {
      if (gap["stream"].text != line.source || !gap["end"].is_null() || line.spans.empty())
        continue;
      const EventTime from =
          std::max(line.spans.back().range.end, time_of(gap["start"]).value_or(kMaxEventTime));
      if (from < scene.feed_time)
        line.spans.push_back({{from, scene.feed_time}, SpanState::kGap, {}});
    }
    for (const JsonValue& job : std::views::reverse(replays["replays"].items)) {
      if (job["source"].text != line.source) continue;
      line.jobs.push_back({job["id"].unsigned_number().value_or(0), job["state"].text,
                           job["waits_for"].text, number(job["share_done"]),
                           number(job["events_per_second"])});
    }
    std::ranges::sort(line.jobs, {}, &DemoScene::Job::id);
    for (const JsonValue& partition : status["partitions"].items) {
      const auto watermark = time_of(partition["watermark"]);
      if (partition["stream"].text == line.source && watermark && line.connected()) {
        const Duration behind = std::max(Duration{}, scene.feed_time - *watermark);
        scene.live_behind = std::max(scene.live_behind.value_or(Duration{}), behind);
      }
    }
    scene.lines.push_back(std::move(line));
  }
  return scene;
}

DemoBoard::DemoBoard(Window shown, Terminal terminal, bool live)
    : shown_(shown), terminal_(terminal), live_(live) {}

void DemoBoard::draw(const DemoScene& scene, const std::string& live) {
  const char* clear = live_ ? "\x1b[K" : "";
  std::string out = fmt::format("  feed {}   {}{}\n",
                                short_time(to_rfc3339(scene.feed_time)).substr(0, 16), live, clear);
  for (const DemoScene::Line& line : scene.lines) {
    out += fmt::format("  {:<11}{}  {:.{}}{}\n", line.source,
                       strip_so_far(line, shown_, terminal_.colour), words(line), kWords, clear);
  }
  out += fmt::format("  {:<11}{}{}\n", "", strip_axis(shown_, kColumns), clear);
  last_ = std::move(out);
  if (!live_) return;
  if (lines_up_ > 0) fmt::print("\x1b[{}A", lines_up_);
  fmt::print("{}", last_);
  std::fflush(stdout);
  lines_up_ = static_cast<size_t>(std::ranges::count(last_, '\n'));
}

void DemoBoard::leave() {
  if (!live_) fmt::print("{}", last_);
  std::fflush(stdout);
  lines_up_ = 0;
}

}  // namespace hindcast
