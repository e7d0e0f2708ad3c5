// The feed of changes: asked for, or sent as server-sent events.
#include <algorithm>
#include <charconv>

#include "server/api_internal.h"
#include "server/render.h"

namespace hindcast {
namespace {

constexpr Duration kWaitMax = 60s;
// Of one piece of a stream: a change may name 1,000 rows.
constexpr uint64_t kChangesPerPiece = 16;

/// One subscriber of the stream of changes.
struct Subscriber {
  Service& service;
  ChangeNames names;
  uint64_t after;
  bool greeted = false;

  /// False: the changes cannot be read; the client comes back and is told why.
  bool more(Bytes& out) {
    if (!std::exchange(greeted, true)) out.append("retry: 1000\n\n");
    const auto changes = service.changes(ChangeNumber{after}, kChangesPerPiece);
    if (!changes) return false;
    for (const Change& change : *changes) {
      after = change.number.value;
      out.append("id: " + std::to_string(after) + "\nevent: ");
      out.append(to_string(change.kind));
      out.append("\ndata: ");
      JsonWriter json(out);
      render(json, change, names);
      out.append("\n\n");
    }
    return true;
  }
};

}  // namespace

Api::Handled Api::changes(const Call& call) {
  HC_TRY_ASSIGN(const uint64_t after, call.params.number("after", 0, UINT64_MAX));
  HC_TRY_ASSIGN(const uint64_t limit, call.params.number("limit", 1000, 10'000));
  HC_TRY_ASSIGN(const auto wait, call.params.duration("wait"));
  HC_TRY_ASSIGN(const auto changes, service_.changes(ChangeNumber{after}, limit));
  const ChangeNames names{service_.aggregates(), service_.streams()};
  Bytes text;
  JsonWriter json(text);
  json.begin_object().key("changes").begin_array();
  for (const auto& change : changes) render(json, change, names);
  // What to pass as `after` to go on.
  json.end_array()
      .field("last", changes.empty() ? after : changes.back().number.value)
      .end_object();
  auto response = json_response(std::move(text));
  if (changes.empty() && wait) response.wait = std::min(*wait, kWaitMax);
  return response;
}

Api::Handled Api::changes_stream(const Call& call) {
  HC_TRY_ASSIGN(uint64_t after, call.params.number("after", 0, UINT64_MAX));
  // A client that lost its connection asks for the same address again, and says where it was.
  if (const std::string& last = call.request.last_event_id; !last.empty()) {
    const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), after);
    if (error != std::errc() || end != last.data() + last.size())
      return invalid_argument("Last-Event-ID: '" + last + "' is no number of a change");
  }
  ApiResponse response;
  response.http.content_type = "text/event-stream";
  response.http.headers.emplace_back("Cache-Control", "no-cache");
  if (call.request.method == "HEAD") return response;
  response.live = true;
  response.more = [subscriber =
                       Subscriber{service_, {service_.aggregates(), service_.streams()}, after}](
                      Bytes& out) mutable { return subscriber.more(out); };
  return response;
}

}  // namespace hindcast
