// Answers to what can be asked: buckets, events, keys, dead letters, status.
#include <algorithm>
#include <array>

#include "server/api_internal.h"
#include "server/metrics.h"
#include "server/render.h"

namespace hindcast {

Api::Handled Api::buckets(const Call& call) {
  constexpr std::array<std::string_view, 3> kStates = {"open", "sealed", "final"};
  constexpr std::array<std::string_view, 3> kFills = {"none", "previous", "zero"};
  BucketQuery query;
  query.aggregate = call.captures.at(0);
  query.key = call.params.text("key");
  HC_TRY_ASSIGN(query.from, call.params.time("from"));
  HC_TRY_ASSIGN(query.to, call.params.time("to"));
  HC_TRY_ASSIGN(query.resolution, call.params.duration("resolution"));
  HC_TRY_ASSIGN(query.as_of, call.params.time("as_of"));
  HC_TRY_ASSIGN(const auto state, call.params.choice("state", kStates));
  HC_TRY_ASSIGN(const auto fill, call.params.choice("fill", kFills));
  HC_TRY_ASSIGN(query.limit, call.params.number("limit", query.limit, kRowsMax));
  if (state) query.state = static_cast<BucketState>(*state);
  if (fill) query.fill = static_cast<Fill>(*fill);
  HC_TRY_ASSIGN(BucketAnswer found, service_.buckets(query));
  auto answer = std::make_shared<BucketAnswer>(std::move(found));
  Bytes head;
  JsonWriter(head).begin_object().field("aggregate", query.aggregate).key("buckets").begin_array();
  return streamed(
      std::move(head), answer, answer->buckets.size(),
      [](JsonWriter& json, const BucketAnswer& a, size_t i) { render(json, a.rule, a.buckets[i]); },
      list_tail(answer->truncated));
}

Api::Handled Api::events(const Call& call) {
  EventQuery query;
  query.source = call.captures.at(0);
  query.key = call.params.text("key");
  HC_TRY_ASSIGN(const auto from, call.params.time("from"));
  HC_TRY_ASSIGN(const auto to, call.params.time("to"));
  query.from = from.value_or(query.from);
  query.to = to.value_or(query.to);
  HC_TRY_ASSIGN(query.limit, call.params.number("limit", query.limit, kRowsMax));
  HC_TRY_ASSIGN(EventAnswer found, service_.events(query));
  auto answer = std::make_shared<EventAnswer>(std::move(found));
  Bytes head;
  JsonWriter(head).begin_object().field("source", query.source).key("events").begin_array();
  return streamed(
      std::move(head), answer, answer->events.size(),
      [](JsonWriter& json, const EventAnswer& a, size_t i) {
        render_event(json, a.schema, a.events, i);
      },
      list_tail(answer->truncated));
}

Api::Handled Api::aggregates(const Call&) {
  Bytes text;
  JsonWriter json(text);
  json.begin_object().key("aggregates").begin_array();
  for (const auto& aggregate : service_.aggregates()) render(json, aggregate);
  json.end_array().end_object();
  return json_response(std::move(text));
}

Api::Handled Api::keys(const Call& call) {
  HC_TRY_ASSIGN(const uint64_t limit, call.params.number("limit", 1000, 100'000));
  HC_TRY_ASSIGN(const auto keys,
                service_.keys(call.captures.at(0), call.params.text("after").value_or(""), limit));
  Bytes text;
  JsonWriter json(text);
  json.begin_object().key("keys").begin_array();
  for (const auto& key : keys) json.string(key);
  json.end_array().key("next");
  if (limit > 0 && keys.size() == limit) {
    json.string(keys.back());  // pass as `after`
  } else {
    json.null();
  }
  json.end_object();
  return json_response(std::move(text));
}

Api::Handled Api::dead_letters(const Call& call) {
  DeadLetterQuery query;
  query.source = call.params.text("source");
  HC_TRY_ASSIGN(query.limit, call.params.number("limit", query.limit, 100'000));
  HC_TRY_ASSIGN(const auto letters, service_.dead_letters(query));
  Bytes text;
  JsonWriter json(text);
  json.begin_object().key("dead_letters").begin_array();
  for (const auto& letter : letters) render(json, letter);
  json.end_array().end_object();
  return json_response(std::move(text));
}

Api::Handled Api::verify(const Call& call) {
  constexpr std::array<std::string_view, 2> kAgainst = {"pages", "history"};
  constexpr std::array<std::string_view, 2> kRepair = {"false", "true"};
  VerifyQuery query;
  HC_TRY_ASSIGN(query.from, call.params.time("from"));
  HC_TRY_ASSIGN(query.to, call.params.time("to"));
  HC_TRY_ASSIGN(const auto against, call.params.choice("against", kAgainst));
  HC_TRY_ASSIGN(const auto repair, call.params.choice("repair", kRepair));
  if (against) query.against = static_cast<VerifyQuery::Against>(*against);
  query.source = call.params.text("source");
  query.repair = repair == 1;
  HC_TRY_ASSIGN(const VerifyReport report, service_.verify(query));
  Bytes text;
  JsonWriter json(text);
  render(json, report);
  return json_response(std::move(text));
}

Api::Handled Api::status(const Call&) {
  const SystemStatus status = service_.status();
  Bytes text;
  JsonWriter json(text);
  render(json, status, service_.ready());
  return json_response(std::move(text));
}

Api::Handled Api::metrics(const Call&) {
  ApiResponse response;
  response.http.content_type = "text/plain; version=0.0.4; charset=utf-8";
  Metered metered{.status = service_.status(), .ready = service_.ready()};
  metered.streams = service_.streams();
  // Whoever watches is told what there is, also where the rest cannot be read.
  if (auto gaps = service_.gaps({.limit = UINT64_MAX}); gaps) metered.gaps = *std::move(gaps);
  if (auto replays = service_.replays(); replays) metered.replays = *std::move(replays);
  response.http.body = metrics_text(metered);
  return response;
}

}  // namespace hindcast
