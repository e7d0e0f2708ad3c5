#include <algorithm>

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

}  // namespace

void render(JsonWriter& json, const ReplayEntry& entry, const std::vector<StreamSummary>& streams) {
  const ReplayJob& job = entry.job;
  json.begin_object()
      .field("id", job.id)
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
  json.key("share_done");
  if (entry.share_done) {
    json.number(*entry.share_done);
  } else {
    json.null();
  }
  json.field("events_per_second", entry.events_per_second)
      .field("waits_for", entry.waits_for)
      .field("elapsed_seconds", std::chrono::duration<double>(entry.elapsed).count());
  stamp(json, "created_at", job.created);
  stamp(json, "started_at", job.started);
  stamp(json, "finished_at", job.finished);
  json.key("gaps").begin_array();
  for (const GapId gap : job.gaps) json.number(gap);
  json.end_array().key("set_aside").begin_array();
  for (const ReplayJob::SetAside& aside : job.set_aside) {
    json.begin_object();
    windows(json, aside.window);
    json.field("reason", aside.reason).end_object();
  }
  json.end_array().key("counts");
  counts(json, job.counts);
  json.end_object();
}

}  // namespace hindcast
