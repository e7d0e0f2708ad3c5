#include "server/api.h"

#include <algorithm>

#include "base/assert.h"
#include "base/text.h"
#include "server/api_internal.h"
#include "server/assets.h"

namespace hindcast {
namespace {

using Words = std::vector<std::string_view>;

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

}  // namespace

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
      {"GET", {"v1", "changes", "stream"}, Kind::kBlocks, {"after"}, &Api::changes_stream},
      {"GET", {"v1", "gaps"}, Kind::kBlocks, {"source", "open", "limit"}, &Api::gaps},
      {"POST", {"v1", "gaps"}, Kind::kBlocks, {}, &Api::open_gap},
      {"GET", {"v1", "gaps", "{}"}, Kind::kBlocks, {}, &Api::gap},
      {"PATCH", {"v1", "gaps", "{}"}, Kind::kBlocks, {}, &Api::change_gap},
      {"GET", {"v1", "coverage"}, Kind::kBlocks, {"source", "from", "to"}, &Api::coverage},
      {"GET", {"v1", "replays"}, Kind::kBlocks, {}, &Api::replays},
      {"POST", {"v1", "replays"}, Kind::kBlocks, {}, &Api::start_replay},
      {"GET", {"v1", "replays", "{}"}, Kind::kBlocks, {}, &Api::replay},
      {"GET", {"v1", "replays", "{}", "report"}, Kind::kBlocks, {}, &Api::replay_report},
      {"PATCH", {"v1", "replays", "{}"}, Kind::kBlocks, {}, &Api::change_replay},
      {"DELETE", {"v1", "replays", "{}"}, Kind::kBlocks, {}, &Api::cancel_replay},
      {"GET", {"v1", "limits"}, Kind::kBlocks, {}, &Api::limits},
      {"PATCH", {"v1", "limits"}, Kind::kBlocks, {}, &Api::change_limits},
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

// ── what the files of the API share ─────────────────────────────────────────────────────────────

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

Bytes list_tail(bool truncated) {
  return std::string("],\"truncated\":") + (truncated ? "true" : "false") + "}\n";
}

Result<JsonValue> object_body(const Bytes& body, const std::vector<std::string_view>& known) {
  HC_TRY_ASSIGN(JsonValue document, parse_json(body));
  if (document.kind != JsonValue::Kind::kObject)
    return invalid_argument("the body must be a JSON object");
  for (const JsonMember& member : document.members) {
    if (std::find(known.begin(), known.end(), member.name) == known.end())
      return invalid_argument("unknown member '" + member.name + "'" +
                              did_you_mean(member.name, known));
  }
  return document;
}

Result<std::string> text_member(const JsonValue& document, std::string_view name) {
  const JsonValue& value = document[name];
  if (value.kind != JsonValue::Kind::kString || value.text.empty())
    return invalid_argument("the body must have \"" + std::string(name) + "\": a text");
  return value.text;
}

/// Absent, or an array of keys as users write them: texts, numbers, arrays of components.
Result<std::vector<std::string>> keys_member(const JsonValue& document) {
  std::vector<std::string> keys;
  const JsonValue& value = document["keys"];
  if (value.is_null()) return keys;
  if (value.kind != JsonValue::Kind::kArray || value.items.empty())
    return invalid_argument("\"keys\" must be an array of keys; leave it out for all of them");
  for (const JsonValue& key : value.items) keys.push_back(key.to_string());
  return keys;
}

Result<EventTime> time_member(const JsonValue& document, std::string_view name) {
  const JsonValue& time = document[name];
  if (time.kind != JsonValue::Kind::kString && time.kind != JsonValue::Kind::kNumber) {
    return invalid_argument("the body must have \"" + std::string(name) +
                            "\": RFC 3339, Unix seconds or milliseconds");
  }
  auto parsed = parse_request_time(time.text);
  if (!parsed) return std::move(parsed).error().with(name);
  return *parsed;
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
  out.last_event_id = request.header("last-event-id");
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
  size_t before = SIZE_MAX;
  while (response.more && !(response.live && body.size() == before)) {
    before = body.size();
    if (!response.more(body)) break;
  }
  return body;
}

}  // namespace hindcast
