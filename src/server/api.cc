#include "server/api.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/text.h"
#include "net/json_reader.h"
#include "net/json_writer.h"
#include "server/assets.h"
#include "server/metrics.h"
#include "server/render.h"

namespace hindcast {
namespace {

constexpr size_t kPiece = 256 << 10;
constexpr uint64_t kBucketsMax = 1'000'000;
constexpr Duration kWaitMax = 60s;

using Words = std::vector<std::string_view>;

ApiResponse json_response(Bytes body) {
  ApiResponse response;
  response.http.body = std::move(body);
  response.http.body.push_back('\n');
  return response;
}

ApiResponse problem_response(int status, std::string_view type, std::string_view title,
                             std::string_view detail) {
  return {problem(status, "urn:hindcast:" + std::string(type), title, detail), {}, {}};
}

std::vector<std::string> segments(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    if (slash > 0) out.push_back(percent_decode(path.substr(0, slash), false));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return out;
}

// Takes the same time wherever the first difference is, so that a token cannot be guessed byte by
// byte.
bool equal_secret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  return difference == 0;
}

/// A list that is written piece by piece: head, items with commas, tail. The state lives as long as
/// the response.
template <class State, class Item>
ApiResponse streamed(Bytes head, std::shared_ptr<State> state, size_t count, Item item,
                     Bytes tail) {
  ApiResponse response;
  auto next = std::make_shared<size_t>(0);  // owner: `more`
  response.more = [state, next, count, item, tail = std::move(tail),
                   head = std::move(head)](Bytes& out) mutable {
    out.append(std::exchange(head, {}));
    const size_t begin = out.size();
    while (*next < count && out.size() - begin < kPiece) {
      if (*next > 0) out.push_back(',');
      JsonWriter json(out);
      item(json, *state, (*next)++);
    }
    if (*next < count) return true;
    out.append(tail);
    return false;
  };
  // Small answers are whole at once, with a length.
  if (!response.more(response.http.body)) response.more = nullptr;
  return response;
}

Bytes list_tail(bool truncated) {
  return std::string("],\"truncated\":") + (truncated ? "true" : "false") + "}\n";
}

}  // namespace

struct Api::Call {
  const ApiRequest& request;
  std::vector<std::string> captures;
  Params params;
};

struct Api::Route {
  std::string_view method;
  std::vector<std::string_view> path;  // "{}" captures
  Kind kind;
  Words parameters;
  Handled (Api::*handler)(const Call&);
  bool open = false;  // needs no token
};

struct Api::Match {
  const Route* route = nullptr;  // null: none
  std::vector<std::string> captures;
  std::string allowed;  // methods of this path
};

const std::vector<Api::Route>& Api::routes() {
  static const std::vector<Route> kRoutes = {
      {"GET", {}, Kind::kQuick, {}, &Api::status_page, true},
      {"GET", {"openapi.json"}, Kind::kQuick, {}, &Api::openapi, true},
      {"GET", {"healthz"}, Kind::kQuick, {}, &Api::healthz, true},
      {"GET", {"readyz"}, Kind::kQuick, {}, &Api::readyz, true},
      {"GET", {"metrics"}, Kind::kBlocks, {}, &Api::metrics},
      {"GET", {"v1", "status"}, Kind::kBlocks, {}, &Api::status},
      {"GET", {"v1", "aggregates"}, Kind::kBlocks, {}, &Api::aggregates},
      {"GET", {"v1", "aggregates", "{}", "keys"}, Kind::kBlocks, {"after", "limit"}, &Api::keys},
      {"GET",
       {"v1", "aggregates", "{}", "buckets"},
       Kind::kBlocks,
       {"key", "from", "to", "resolution", "as_of", "state", "fill", "limit"},
       &Api::buckets},
      {"GET",
       {"v1", "sources", "{}", "events"},
       Kind::kBlocks,
       {"key", "from", "to", "limit"},
       &Api::events},
      {"POST", {"v1", "sources", "{}", "events"}, Kind::kLater, {}, nullptr},
      {"POST", {"v1", "sources", "{}", "heartbeat"}, Kind::kLater, {}, nullptr},
      {"GET", {"v1", "changes"}, Kind::kBlocks, {"after", "limit", "wait"}, &Api::changes},
      {"GET", {"v1", "dead-letters"}, Kind::kBlocks, {"source", "limit"}, &Api::dead_letters},
      {"POST",
       {"v1", "verify"},
       Kind::kBlocks,
       {"from", "to", "against", "source", "repair"},
       &Api::verify},
  };
  return kRoutes;
}

Api::Match Api::match(const ApiRequest& request) {
  const auto path = segments(request.path);
  const std::string_view method =
      request.method == "HEAD" ? "GET" : std::string_view(request.method);
  Match found;
  for (const Route& route : routes()) {
    if (route.path.size() != path.size()) continue;
    std::vector<std::string> captures;
    const bool same =
        std::equal(path.begin(), path.end(), route.path.begin(), [&](const auto& have, auto want) {
          if (want == "{}") captures.push_back(have);
          return want == "{}" || want == have;
        });
    if (!same) continue;
    found.allowed += (found.allowed.empty() ? "" : ", ") + std::string(route.method);
    if (route.method == method) {
      found.route = &route;
      found.captures = std::move(captures);
    }
  }
  return found;
}

Api::Kind Api::kind(const ApiRequest& request) const {
  const Match found = match(request);
  return found.route == nullptr ? Kind::kQuick : found.route->kind;
}

std::optional<ApiResponse> Api::refuse_token(const ApiRequest& request) const {
  const auto& tokens = service_.config().server.tokens;
  if (request.trusted || tokens.empty()) return std::nullopt;
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view given = request.authorization;
  bool known = false;
  for (const auto& token : tokens) {
    known |= given.starts_with(kBearer) && equal_secret(given.substr(kBearer.size()), token);
  }
  if (known) return std::nullopt;
  auto response =
      problem_response(401, "unauthorized", "Unauthorized",
                       "send 'Authorization: Bearer <token>' with a token of [server] tokens");
  response.http.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

std::optional<ApiResponse> Api::refuse(const ApiRequest& request, const Match& found) const {
  if (found.route != nullptr) return found.route->open ? std::nullopt : refuse_token(request);
  if (auto refused = refuse_token(request)) return refused;
  if (!found.allowed.empty()) {
    auto response = problem_response(405, "method-not-allowed", "Method not allowed",
                                     request.path + " takes " + found.allowed);
    response.http.headers.emplace_back("Allow", found.allowed);
    return response;
  }
  return problem_response(404, "no-such-path", "No such path",
                          request.path + "; /openapi.json lists what there is");
}

ApiResponse Api::handle(const ApiRequest& request) {
  Match found = match(request);
  if (auto refused = refuse(request, found)) return *std::move(refused);
  HC_ASSERT(found.route->handler != nullptr);
  auto params = Params::create(request.query, found.route->parameters);
  if (!params) return problem_of(params.error());
  auto response =
      (this->*found.route->handler)({request, std::move(found.captures), *std::move(params)});
  if (!response) return problem_of(response.error());
  return *std::move(response);
}

void Api::submit(ApiRequest request, Answer answer) {
  const Match found = match(request);
  if (auto refused = refuse(request, found)) return answer(*std::move(refused));
  HC_ASSERT(found.route->kind == Kind::kLater);
  if (auto params = Params::create(request.query, found.route->parameters); !params) {
    return answer(problem_of(params.error()));
  }
  const std::string& name = found.captures.at(0);
  const auto& sources = service_.config().sources;
  const auto source =
      std::find_if(sources.begin(), sources.end(), [&](const auto& s) { return s.name == name; });
  if (source == sources.end()) {
    Words known;
    for (const auto& s : sources) known.push_back(s.name);
    return answer(problem_response(404, "no-such-source", "No such source",
                                   "no source '" + name + "'" + did_you_mean(name, known)));
  }
  if (found.route->path.back() == "heartbeat") return heartbeat(request, name, answer);
  if (source->kind != SourceKind::kHttp) {
    return answer(problem_response(
        400, "not-an-http-source", "Not an HTTP source",
        "source '" + name + "' reads its own input; only sources of kind \"http\" take events"));
  }
  if (request.body.size() > source->max_body.value) {
    return answer(problem_response(413, "body-too-large", "Body too large",
                                   std::to_string(request.body.size()) + " bytes; source '" + name +
                                       "' takes " + std::to_string(source->max_body.value) +
                                       " (max_body); send smaller batches"));
  }
  push(std::move(request), name, answer);
}

// ── writing ─────────────────────────────────────────────────────────────────────────────────────

void Api::push(ApiRequest request, const std::string& source, const Answer& answer) {
  struct ContentType {
    std::string_view name;
    std::optional<FormatKind> format;
  };
  // What curl sends when nobody says anything counts as nothing said.
  constexpr std::array<ContentType, 7> kTypes = {
      {{"", std::nullopt},
       {"text/plain", std::nullopt},
       {"application/x-www-form-urlencoded", std::nullopt},
       {"application/octet-stream", std::nullopt},
       {"application/x-ndjson", FormatKind::kNdjson},
       {"application/json", FormatKind::kJson},
       {"text/csv", FormatKind::kCsv}}};
  const auto type = std::find_if(kTypes.begin(), kTypes.end(),
                                 [&](const auto& t) { return t.name == request.content_type; });
  if (type == kTypes.end()) {
    return answer(
        problem_response(415, "unknown-content-type", "Unknown content type",
                         "'" + request.content_type +
                             "' is none of application/x-ndjson, application/json, text/csv, "
                             "text/plain (the source's own format)"));
  }
  auto body =
      std::make_shared<Bytes>(std::move(request.body));  // owners: this call, then the completion
  service_.push(source, *body, type->format, [body, answer](Result<PushResult> result) {
    if (!result) return answer(problem_of(result.error()));
    Bytes text;
    JsonWriter json(text);
    render(json, *result);
    answer(json_response(std::move(text)));
  });
}

namespace {

/// {"time": "2024-03-01T10:00:00Z"} or Unix seconds or milliseconds.
Result<EventTime> heartbeat_time(const Bytes& body) {
  HC_TRY_ASSIGN(const JsonValue document, parse_json(body));
  const JsonValue& time = document["time"];
  if (time.kind != JsonValue::Kind::kString && time.kind != JsonValue::Kind::kNumber) {
    return invalid_argument(
        "the body must be {\"time\": …}: RFC 3339, Unix seconds or milliseconds");
  }
  auto parsed = parse_request_time(time.text);
  if (!parsed) return std::move(parsed).error().with("time");
  return *parsed;
}

}  // namespace

void Api::heartbeat(const ApiRequest& request, const std::string& source, const Answer& answer) {
  const auto time = heartbeat_time(request.body);
  if (!time) return answer(problem_of(time.error()));
  service_.heartbeat(source, *time, [answer, at = *time](Result<bool> result) {
    if (!result) return answer(problem_of(result.error()));
    Bytes text;
    JsonWriter(text).begin_object().field("time", to_rfc3339(at)).end_object();
    answer(json_response(std::move(text)));
  });
}

// ── reading ─────────────────────────────────────────────────────────────────────────────────────

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
  HC_TRY_ASSIGN(query.limit, call.params.number("limit", query.limit, kBucketsMax));
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
  HC_TRY_ASSIGN(query.limit, call.params.number("limit", query.limit, kBucketsMax));
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

Api::Handled Api::changes(const Call& call) {
  HC_TRY_ASSIGN(const uint64_t after, call.params.number("after", 0, UINT64_MAX));
  HC_TRY_ASSIGN(const uint64_t limit, call.params.number("limit", 1000, 10'000));
  HC_TRY_ASSIGN(const auto wait, call.params.duration("wait"));
  HC_TRY_ASSIGN(const auto changes, service_.changes(ChangeNumber{after}, limit));
  const auto aggregates = service_.aggregates();
  Bytes text;
  JsonWriter json(text);
  json.begin_object().key("changes").begin_array();
  for (const auto& change : changes) {
    const auto named = std::find_if(aggregates.begin(), aggregates.end(),
                                    [&](const auto& a) { return a.id == change.aggregate; });
    render(json, change, named == aggregates.end() ? nullptr : &*named);
  }
  // What to pass as `after` to go on.
  json.end_array()
      .field("last", changes.empty() ? after : changes.back().number.value)
      .end_object();
  auto response = json_response(std::move(text));
  if (changes.empty() && wait) response.wait = std::min(*wait, kWaitMax);
  return response;
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
  response.http.body = metrics_text(service_.status(), service_.ready());
  return response;
}

// ── small ones ──────────────────────────────────────────────────────────────────────────────────

Api::Handled Api::healthz(const Call&) { return json_response(R"({"alive":true})"); }

Api::Handled Api::readyz(const Call&) {
  if (service_.ready()) return json_response(R"({"ready":true})");
  auto response = problem_response(503, "not-ready", "Not ready", "recovering: reading the log");
  response.http.headers.emplace_back("Retry-After", "1");
  return response;
}

Api::Handled Api::openapi(const Call&) {
  ApiResponse response;
  response.http.body = kOpenapi;
  return response;
}

Api::Handled Api::status_page(const Call&) {
  ApiResponse response;
  response.http.content_type = "text/html; charset=utf-8";
  response.http.body = kStatusPage;
  return response;
}

// ── requests and errors ─────────────────────────────────────────────────────────────────────────

ApiResponse problem_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
      return problem_response(400, "invalid-argument", "Invalid request", error.message);
    case ErrorCode::kNotFound:
      return problem_response(404, "not-found", "Not found", error.message);
    case ErrorCode::kConflict:
      return problem_response(409, "conflict", "Conflict", error.message);
    case ErrorCode::kCorruption:
      return problem_response(500, "corruption", "Stored data is damaged", error.message);
    case ErrorCode::kOverloaded: {
      auto response = problem_response(429, "overloaded", "Slow down", error.message);
      response.http.headers.emplace_back("Retry-After", "1");
      return response;
    }
    case ErrorCode::kUnknownOutcome:
      return problem_response(503, "unknown-outcome", "Outcome unknown",
                              error.message + "; send the same again");
    case ErrorCode::kUnavailable:
    case ErrorCode::kFenced:
    case ErrorCode::kCancelled: {
      auto response = problem_response(503, "unavailable", "Unavailable", error.message);
      response.http.headers.emplace_back("Retry-After", "1");
      return response;
    }
  }
  return problem_response(500, "internal", "Internal error", error.message);
}

ApiRequest ApiRequest::from(HttpRequest request) {
  ApiRequest out;
  out.method = std::move(request.method);
  const size_t question = std::min(request.target.find('?'), request.target.size());
  out.path = request.target.substr(0, question);
  out.query = parse_query(
      std::string_view(request.target).substr(std::min(question + 1, request.target.size())));
  std::string_view type = request.header("content-type");
  type = type.substr(0, std::min(type.find(';'), type.size()));
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  out.content_type = type;
  std::transform(out.content_type.begin(), out.content_type.end(), out.content_type.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  out.authorization = request.header("authorization");
  out.body = std::move(request.body);
  return out;
}

ApiRequest ApiRequest::get(std::string_view target) {
  HttpRequest request;
  request.method = "GET";
  request.target = target;
  ApiRequest out = from(std::move(request));
  out.trusted = true;
  return out;
}

Bytes take_body(ApiResponse response) {
  Bytes body = std::move(response.http.body);
  while (response.more && response.more(body)) {
  }
  return body;
}

}  // namespace hindcast
