// Pushes and heartbeats: answered once they are durable.
#include <algorithm>
#include <array>

#include "server/api_internal.h"
#include "server/render.h"

namespace hindcast {

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

void Api::heartbeat(const ApiRequest& request, const std::string& source, const Answer& answer) {
  const auto document = parse_json(request.body);
  if (!document) return answer(problem_of(document.error()));
  const auto time = time_member(*document, "time");
  if (!time) return answer(problem_of(time.error()));
  service_.heartbeat(source, *time, [answer, at = *time](Result<bool> result) {
    if (!result) return answer(problem_of(result.error()));
    Bytes text;
    JsonWriter(text).begin_object().field("time", to_rfc3339(at)).end_object();
    answer(json_response(std::move(text)));
  });
}

}  // namespace hindcast
