// Gaps and coverage.
#include <array>
#include <charconv>

#include "server/api_internal.h"
#include "server/render.h"

namespace hindcast {
namespace {

Result<GapId> gap_id(const std::string& text) {
  GapId id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size())
    return not_found("no gap '" + text + "'; gaps have numbers");
  return id;
}

}  // namespace

Api::Handled Api::gap_response(GapId id) {
  HC_TRY_ASSIGN(const auto found, service_.gaps({.id = id}));
  if (found.empty()) return not_found("no gap " + std::to_string(id));
  Bytes text;
  JsonWriter json(text);
  render(json, found[0], service_.streams());
  return json_response(std::move(text));
}

Api::Handled Api::gaps(const Call& call) {
  constexpr std::array<std::string_view, 2> kWords = {"false", "true"};
  GapQuery query;
  query.source = call.params.text("source");
  HC_TRY_ASSIGN(const auto open, call.params.choice("open", kWords));
  query.open_only = open == 1U;
  HC_TRY_ASSIGN(const uint64_t limit, call.params.number("limit", query.limit, kRowsMax));
  query.limit = limit + 1;  // one more says that there are more
  HC_TRY_ASSIGN(std::vector<GapEntry> found, service_.gaps(query));
  const bool truncated = found.size() > limit;
  if (truncated) found.resize(limit);
  const auto streams = service_.streams();
  auto entries = std::make_shared<std::vector<GapEntry>>(std::move(found));
  const size_t count = entries->size();
  return streamed(
      "{\"gaps\":[", entries, count,
      [streams](JsonWriter& json, const std::vector<GapEntry>& e, size_t i) {
        render(json, e[i], streams);
      },
      list_tail(truncated));
}

Api::Handled Api::gap(const Call& call) {
  HC_TRY_ASSIGN(const GapId id, gap_id(call.captures.at(0)));
  return gap_response(id);
}

Api::Handled Api::open_gap(const Call& call) {
  HC_TRY_ASSIGN(const JsonValue document,
                object_body(call.request.body, {"source", "from", "to", "keys", "detail"}));
  GapRequest request;
  HC_TRY_ASSIGN(request.source, text_member(document, "source"));
  HC_TRY_ASSIGN(request.from, time_member(document, "from"));
  HC_TRY_ASSIGN(request.to, time_member(document, "to"));
  HC_TRY_ASSIGN(request.keys, keys_member(document));
  request.detail = document["detail"].to_string();
  HC_TRY_ASSIGN(const GapId id, service_.open_gap(request));
  return gap_response(id);
}

/// {"accept": "why nobody will ever fill it"}
Api::Handled Api::change_gap(const Call& call) {
  HC_TRY_ASSIGN(const GapId id, gap_id(call.captures.at(0)));
  HC_TRY_ASSIGN(const JsonValue document, object_body(call.request.body, {"accept"}));
  HC_TRY_ASSIGN(const std::string reason, text_member(document, "accept"));
  HC_TRY(service_.accept_gap(id, reason));
  return gap_response(id);
}

Api::Handled Api::coverage(const Call& call) {
  HC_TRY_ASSIGN(const auto from, call.params.time("from"));
  HC_TRY_ASSIGN(const auto to, call.params.time("to"));
  std::vector<std::string> names;
  if (const auto source = call.params.text("source")) {
    names.push_back(*source);
  } else {
    for (const StreamSummary& stream : service_.streams()) names.push_back(stream.schema.name);
  }
  Bytes text;
  JsonWriter json(text);
  json.begin_object().key("streams").begin_array();
  for (const std::string& name : names) {
    HC_TRY_ASSIGN(const CoverageAnswer answer, service_.coverage(name, from, to));
    render(json, answer);
  }
  json.end_array().end_object();
  return json_response(std::move(text));
}

}  // namespace hindcast
