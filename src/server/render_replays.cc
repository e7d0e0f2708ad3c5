#include <algorithm>

#include "progress/replay_windows.h"
#include "replay/reason_shares.h"
#include "server/render.h"

namespace hindcast {
namespace {

void stamp(JsonWriter& json, std::string_view name, ProcessingTime time) {
  json.key(name);
  if (time == ProcessingTime{}) {
    json.null();
  } else {
    json.string(to_rfc3339(time));
  }
}

void windows(JsonWriter& json, const Window& window) {
  json.field("from", to_rfc3339(window.start)).field("to", to_rfc3339(window.end));
}

void counts(JsonWriter& json, const ReplayCounts& c) {
  json.begin_object()
      .field("read", c.read)
      .field("added", c.added)
      .field("duplicate", c.duplicate)
      .field("superseded", c.superseded)
      .field("outside", c.outside)
      .field("dead_lettered", c.dead_lettered)
      .field("subwindows", c.subwindows)
      .field("skipped_keys", c.skipped_keys)
      .field("pages_changed", c.pages_changed)
      .field("rows_changed", c.rows_changed)
      .field("bytes_read", c.bytes_read)
      .field("requests", c.requests)
      .field("bytes_written", c.bytes_written)
      .end_object();
}

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

void seconds_or_null(JsonWriter& json, std::string_view name, const std::optional<Duration>& d) {
  json.key(name);
  if (d) {
    json.number(seconds(*d));
  } else {
    json.null();
  }
}

void reasons(JsonWriter& json, std::string_view name, const ReasonTimes& times) {
  json.key(name).begin_object();
  for (size_t i = 0; i < kReasons; ++i)
    json.field(to_string(static_cast<Reason>(i)), seconds(times[i]));
  json.end_object();
}

/// With shares in tenths of a percent, which add up to 100.
void reasons_and_shares(JsonWriter& json, const ReasonTimes& times) {
  const auto shares = shares_of(times, 1000);
  json.key("reasons").begin_object();
  for (size_t i = 0; i < kReasons; ++i) {
    json.key(to_string(static_cast<Reason>(i))).begin_object();
    json.field("seconds", seconds(times[i])).key("percent");
    json.raw(std::to_string(shares[i] / 10) + "." + std::to_string(shares[i] % 10)).end_object();
  }
  json.end_object();
}

void set_aside(JsonWriter& json, const ReplayJob& job) {
  json.key("set_aside").begin_array();
  for (const ReplayJob::SetAside& aside : job.set_aside) {
    json.begin_object();
    windows(json, aside.window);
    json.field("reason", aside.reason).end_object();
  }
  json.end_array();
}

void live_p99(JsonWriter& json, const ReplayEntry& entry) {
  json.key("live_p99").begin_object();
  seconds_or_null(json, "before", entry.live_p99_before);
  seconds_or_null(json, "during", entry.live_p99_during);
  seconds_or_null(json, "after", entry.live_p99_after);
  json.end_object();
}

/// What history forgets of what is left of it.
void horizon(JsonWriter& json, const ReplayEntry& entry) {
  if (!entry.horizon) return;
  const ReplayHorizon& at = *entry.horizon;
  json.field("replayable_from", to_rfc3339(at.replayable_from))
      .field("lost_at", to_rfc3339(at.lost_at));
  if (at.in_time) json.field("in_time", *at.in_time);
  if (at.unreadable) {
    json.key("unreadable").begin_object();
    windows(json, *at.unreadable);
    json.end_object();
  }
  if (at.too_late)
    json.key("too_late")
        .begin_object()
        .field("time", to_rfc3339(at.too_late->at))
        .field("lost_at", to_rfc3339(at.too_late->lost_at))
        .field("read_at", to_rfc3339(at.too_late->read_at))
        .end_object();
  json.key("warnings").begin_array();
  for (const std::string& warning : warnings_of(at, entry.job.order)) json.string(warning);
  json.end_array();
}

/// What it is, and what was asked for.
void head(JsonWriter& json, const ReplayEntry& entry, const std::vector<StreamSummary>& streams) {
  const ReplayJob& job = entry.job;
  json.field("id", job.id)
      .field("source", entry.source)
      .field("stream", entry.stream)
      .field("state", to_string(job.state))
      .field("reason", job.reason)
      .field("cause", job.cause);
  windows(json, job.range);
  json.key("keys").begin_array();
  const auto stream = std::ranges::find(streams, entry.stream,
                                        [](const StreamSummary& s) { return s.schema.name; });
  for (const Bytes& key : job.keys) {
    if (stream != streams.end()) render_key(json, stream->schema, key);
  }
  json.end_array()
      .field("mode", job.mode == ReplayJob::Mode::kRepair ? "repair" : "merge")
      .field("order", to_string(job.order))
      .key("rate");
  if (job.rate) {
    json.number(*job.rate);
  } else {
    json.null();
  }
  stamp(json, "created_at", job.created);
  stamp(json, "started_at", job.started);
  stamp(json, "finished_at", job.finished);
  json.key("gaps").begin_array();
  for (const GapId gap : job.gaps) json.number(gap);
  json.end_array();
}

/// How far it has got.
void progress(JsonWriter& json, const ReplayEntry& entry,
              const std::vector<StreamSummary>& streams) {
  json.key("share_done");
  if (entry.share_done) {
    json.number(*entry.share_done);
  } else {
    json.null();
  }
  const auto stream = std::ranges::find(streams, entry.stream,
                                        [](const StreamSummary& s) { return s.schema.name; });
  if (stream != streams.end())
    json.field("windows_done", windows_done(entry.job, stream->schema.page_window));
  json.field("windows_left", entry.windows_left);
  set_aside(json, entry.job);
  json.key("counts");
  counts(json, entry.job.counts);
}

}  // namespace

void render(JsonWriter& json, const ReplayEntry& entry, const std::vector<StreamSummary>& streams) {
  json.begin_object();
  head(json, entry, streams);
  progress(json, entry, streams);
  json.field("events_per_second", entry.events_per_second)
      .field("ceiling", entry.ceiling)
      .field("waits_for", entry.waits_for)
      .field("elapsed_seconds", seconds(entry.elapsed));
  reasons(json, "reasons", entry.times);
  reasons(json, "reasons_lately", entry.lately);
  if (entry.eta) {
    json.field("eta_seconds", seconds(entry.eta->left))
        .field("eta_earliest_seconds", seconds(entry.eta->earliest))
        .field("eta_latest_seconds", seconds(entry.eta->latest));
  }
  horizon(json, entry);
  live_p99(json, entry);
  route(json, entry.route);
  json.end_object();
}

void render_report(JsonWriter& json, const ReplayEntry& entry,
                   const std::vector<StreamSummary>& streams) {
  json.begin_object();
  head(json, entry, streams);
  progress(json, entry, streams);
  const double took = seconds(entry.elapsed);
  json.field("duration_seconds", took)
      .field("events_per_second",
             took > 0 ? static_cast<double>(entry.job.counts.read) / took : 0.0);
  reasons_and_shares(json, entry.times);
  horizon(json, entry);
  live_p99(json, entry);
  route(json, entry.route);
  json.end_object();
}

}  // namespace hindcast
