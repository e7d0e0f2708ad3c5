// Limits of the replay lane and what the governor sees and says.
#include "replay/limits_text.h"
#include "server/render.h"

namespace hindcast {
namespace {

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

/// Of no samples there is no p99.
void latency(JsonWriter& json, std::string_view name, const LatencySignal& signal) {
  json.key(name);
  if (signal.samples > 0) {
    json.number(seconds(signal.p99));
  } else {
    json.null();
  }
}

void storm(JsonWriter& json, const std::optional<Storm>& storm) {
  if (!storm) {
    json.null();
    return;
  }
  json.begin_object()
      .field("missing_events_per_second", storm->missing_events)
      .field("missing_speed", storm->missing_speed)
      .end_object();
}

/// Events later than late_as_replay.
void late(JsonWriter& json, const GovernorStatus& governor) {
  json.key("late")
      .begin_object()
      .field("waiting_events", governor.signals.late_events)
      .field("merged_events", governor.late_merged)
      .key("waits_for");
  if (governor.late_waits_for) {
    json.string(to_string(*governor.late_waits_for));
  } else {
    json.null();
  }
  json.end_object();
}

void link(JsonWriter& json, const LinkStatus& link) {
  json.begin_object()
      .field("name", link.name)
      .field("used", link.used.value)
      .field("max", link.max.value)
      .field("blocked_seconds", seconds(link.blocked))
      .end_object();
}

}  // namespace

void route(JsonWriter& json, ReplayRoute route) {
  json.key("route")
      .begin_object()
      .field("name", to_string(route))
      .field("couples", couples(route))
      .end_object();
}

void render(JsonWriter& json, const Limits& limits) {
  json.begin_object();
  for (const auto& [name, text] : describe(limits)) json.field(name, text);
  json.end_object();
}

void render(JsonWriter& json, const GovernorStatus& governor) {
  json.begin_object()
      .field("allowed", governor.allowed)
      .field("ceiling", governor.ceiling)
      .field("floor", governor.floor)
      .field("capacity", governor.capacity)
      .field("events_per_second", governor.events_per_second)
      .field("subwindows", uint64_t{governor.subwindows})
      .field("reason", to_string(governor.reason))
      .key("pressure")
      .begin_object()
      .field("reason", to_string(governor.pressure.reason))
      .field("value", governor.pressure.value)
      .end_object()
      .field("ramping", governor.ramping)
      .field("starved", governor.starved)
      .key("storm");
  storm(json, governor.storm);
  json.key("live").begin_object();
  latency(json, "apply_p99_seconds", governor.signals.live_apply);
  json.field("queue_age_seconds", seconds(governor.signals.live_queue_age)).end_object();
  latency(json, "commit_p99_seconds", governor.signals.commit);
  route(json, governor.route);
  late(json, governor);
  json.key("links").begin_array();
  for (const LinkStatus& each : governor.links) link(json, each);
  json.end_array().end_object();
}

}  // namespace hindcast
