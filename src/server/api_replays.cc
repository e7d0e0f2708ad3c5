// Replays, jobs that read lost time again; and the limits of all of them.
#include <algorithm>
#include <charconv>
#include <map>

#include "server/api_internal.h"
#include "server/render.h"

namespace hindcast {
namespace {

Result<JobId> job_id(const std::string& text) {
  JobId id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size())
    return not_found("no replay '" + text + "'; replays have numbers");
  return id;
}

Result<ReplayOrder> order_of(const JsonValue& value) {
  if (value.text == "oldest") return ReplayOrder::kOldestFirst;
  if (value.text == "newest") return ReplayOrder::kNewestFirst;
  return invalid_argument("\"order\" is \"oldest\" or \"newest\"");
}

/// Events per second; null = no limit of its own.
Result<std::optional<uint64_t>> rate_of(const JsonValue& value) {
  if (value.is_null()) return std::optional<uint64_t>();
  const std::optional<uint64_t> rate = value.unsigned_number();
  if (!rate || *rate == 0)
    return invalid_argument("\"rate\" is events per second, at least 1, or null for no limit");
  return rate;
}

bool has(const JsonValue& document, std::string_view name) {
  return std::ranges::any_of(document.members, [&](const auto& m) { return m.name == name; });
}

ApiResponse limits_response(const Limits& limits) {
  Bytes text;
  JsonWriter json(text);
  render(json, limits);
  return json_response(std::move(text));
}

}  // namespace

Api::Handled Api::replay_response(const Result<ReplayEntry>& entry) {
  HC_TRY(entry);
  Bytes text;
  JsonWriter json(text);
  render(json, *entry, service_.streams());
  return json_response(std::move(text));
}

Api::Handled Api::replays(const Call&) {
  HC_TRY_ASSIGN(std::vector<ReplayEntry> found, service_.replays());
  const auto entries = std::make_shared<std::vector<ReplayEntry>>(std::move(found));
  return streamed(
      "{\"replays\":[", entries, entries->size(),
      [streams = service_.streams()](JsonWriter& json, const std::vector<ReplayEntry>& e,
                                     size_t i) { render(json, e[i], streams); },
      list_tail(false));
}

Api::Handled Api::replay(const Call& call) {
  HC_TRY_ASSIGN(const JobId id, job_id(call.captures.at(0)));
  return replay_response(service_.replay(id));
}

Api::Handled Api::start_replay(const Call& call) {
  HC_TRY_ASSIGN(const JsonValue document,
                object_body(call.request.body, {"source", "from", "to", "keys", "order", "rate"}));
  ReplayRequest request;
  HC_TRY_ASSIGN(request.source, text_member(document, "source"));
  HC_TRY_ASSIGN(request.from, time_member(document, "from"));
  HC_TRY_ASSIGN(request.to, time_member(document, "to"));
  HC_TRY_ASSIGN(request.keys, keys_member(document));
  if (has(document, "order")) {
    HC_TRY_ASSIGN(request.order, order_of(document["order"]));
  }
  HC_TRY_ASSIGN(request.rate, rate_of(document["rate"]));
  return replay_response(service_.start_replay(request));
}

/// {"state": "paused" | "running", "rate": 5000 | null, "order": "oldest" | "newest"}: what is
/// named is changed.
Api::Handled Api::change_replay(const Call& call) {
  HC_TRY_ASSIGN(const JobId id, job_id(call.captures.at(0)));
  HC_TRY_ASSIGN(const JsonValue document,
                object_body(call.request.body, {"state", "rate", "order"}));
  ReplayChange change;
  if (has(document, "state")) {
    const std::string& state = document["state"].text;
    if (state != "paused" && state != "running")
      return invalid_argument("\"state\" is \"paused\" or \"running\"; DELETE cancels");
    change.paused = state == "paused";
  }
  if (has(document, "rate")) {
    HC_TRY_ASSIGN(change.rate, rate_of(document["rate"]));
  }
  if (has(document, "order")) {
    HC_TRY_ASSIGN(change.order, order_of(document["order"]));
  }
  return replay_response(service_.change_replay(id, change));
}

Api::Handled Api::cancel_replay(const Call& call) {
  HC_TRY_ASSIGN(const JobId id, job_id(call.captures.at(0)));
  return replay_response(service_.cancel_replay(id));
}

Api::Handled Api::replay_report(const Call& call) {
  HC_TRY_ASSIGN(const JobId id, job_id(call.captures.at(0)));
  HC_TRY_ASSIGN(const ReplayEntry entry, service_.replay(id));
  Bytes text;
  JsonWriter json(text);
  render_report(json, entry, service_.streams());
  return json_response(std::move(text));
}

Api::Handled Api::limits(const Call&) {
  const SystemStatus status = service_.status();
  if (!status.governor)
    return Error{ErrorCode::kUnavailable, "limits are those of a running daemon"};
  return limits_response(status.governor->limits);
}

/// {"rate": "25%", "floor": null}: what is named is changed; null or "" takes a change back.
Api::Handled Api::change_limits(const Call& call) {
  HC_TRY_ASSIGN(const JsonValue document, parse_json(call.request.body));
  if (document.kind != JsonValue::Kind::kObject)
    return invalid_argument("the body must be a JSON object of limits, like {\"rate\": \"25%\"}");
  std::map<std::string, std::string> changes;
  for (const auto& [name, value] : document.members) {
    using Json = JsonValue::Kind;
    if (value.kind != Json::kString && value.kind != Json::kNumber && value.kind != Json::kNull)
      return invalid_argument("limit '" + name + "' must be a text, or null to take a change back");
    changes[name] = value.to_string();
  }
  HC_TRY_ASSIGN(const Limits limits, service_.change_limits(changes));
  return limits_response(limits);
}

}  // namespace hindcast
