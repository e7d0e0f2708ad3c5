#include "server/render.h"

namespace hindcast {
namespace {

void window(JsonWriter& json, const Window& window) {
  json.field("start", to_rfc3339(window.start)).field("end", to_rfc3339(window.end));
}

void difference(JsonWriter& json, const VerifyReport::Difference& difference) {
  json.begin_object().field("kind", to_string(difference.kind)).field("stream", difference.stream);
  json.field("aggregate", difference.aggregate)
      .field("key", difference.key)
      .field("what", difference.what);
  window(json, difference.window);
  if (difference.events > 0) json.field("events", difference.events);
  json.end_object();
}

void refill(JsonWriter& json, const VerifyReport::Refill& refill) {
  json.begin_object().field("stream", refill.stream).field("source", refill.source);
  json.key("windows").begin_array();
  for (const Window& each : refill.windows) {
    json.begin_object();
    window(json, each);
    json.end_object();
  }
  json.end_array().key("replay");
  if (refill.job > 0) {
    json.number(refill.job);
  } else {
    json.null();
  }
  if (!refill.why_no_job.empty()) json.field("why_no_replay", refill.why_no_job);
  json.end_object();
}

}  // namespace

void render(JsonWriter& json, const VerifyReport& report) {
  json.begin_object().field("ok", report.ok()).field("pages", report.pages);
  json.field("events", report.events)
      .field("rows", report.rows)
      .field("differences_total", report.differences_total);
  json.key("by_kind").begin_object();
  for (size_t i = 0; i < report.by_kind.size(); ++i) {
    if (report.by_kind[i] > 0)
      json.field(to_string(static_cast<VerifyReport::Difference::Kind>(i)), report.by_kind[i]);
  }
  json.end_object().key("differences").begin_array();
  for (const auto& each : report.differences) difference(json, each);
  json.end_array().field("unread_total", report.unread_total).key("unread").begin_array();
  for (const auto& stretch : report.unread) {
    json.begin_object().field("source", stretch.source);
    window(json, stretch.window);
    json.field("reason", stretch.reason).end_object();
  }
  json.end_array();
  if (report.history.compared) {
    const VerifyReport::History& history = report.history;
    json.key("history").begin_object().field("events", history.events);
    json.field("pages_read", history.pages_read).field("keys_read", history.keys_read);
    json.field("stored_events", history.stored_events)
        .field("requests", history.requests)
        .field("bytes", history.bytes)
        .end_object();
  }
  json.key("refill").begin_array();
  for (const auto& each : report.refill) refill(json, each);
  json.end_array();
  if (report.repaired) {
    json.key("repair").begin_object().field("pages_remade", report.pages_remade);
    json.field("parents_marked", report.parents_marked)
        .field("pages_contended", report.pages_contended)
        .end_object();
  }
  json.end_object();
}

}  // namespace hindcast
