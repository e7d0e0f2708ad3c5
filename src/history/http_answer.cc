#include "history/http_answer.h"

namespace hindcast {
namespace {

constexpr size_t kShownMax = 200;

/// The beginning of an error's body: APIs say there what is wrong.
std::string shown(BytesView body) {
  std::string out;
  for (const char c : body.substr(0, kShownMax))
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  return body.size() > kShownMax ? out + "…" : out;
}

ErrorCode code_of(int status, bool asks_to_wait) {
  if (status == 429 || (status == 503 && asks_to_wait)) return ErrorCode::kOverloaded;
  if (status >= 500 || status == 408) return ErrorCode::kUnavailable;
  if (status == 404 || status == 410) return ErrorCode::kNotFound;
  return ErrorCode::kInvalidArgument;
}

}  // namespace

HttpAnswer judge(Result<HttpReply> reply, const std::string& url, ProcessingTime now) {
  HttpAnswer out;
  if (!reply) {
    Error error = std::move(reply).error();
    // A request changes nothing, so one whose answer was lost is made again.
    if (error.code == ErrorCode::kUnknownOutcome) error.code = ErrorCode::kUnavailable;
    const bool has_word = error.message.starts_with("truncated: ") ||
                          error.code == ErrorCode::kCorruption ||
                          error.code == ErrorCode::kInvalidArgument;
    out.reply = has_word ? std::move(error) : std::move(error).with("unreachable");
    return out;
  }
  out.received = reply->received;
  if (reply->status == 200 || reply->status == 204) {
    out.reply = std::move(reply);
    return out;
  }
  const auto wait = retry_after(*reply, now);
  const ErrorCode code = code_of(reply->status, wait.has_value());
  std::string message = "http-" + std::to_string(reply->status) + ": " + url;
  if (const auto location = reply->header("location");
      reply->status / 100 == 3 && !location.empty())
    message += ": moved to " + std::string(location);
  else if (!reply->body.empty())
    message += ": " + shown(reply->body);
  if (code == ErrorCode::kOverloaded || code == ErrorCode::kUnavailable) out.retry_after = wait;
  out.reply = Error{code, std::move(message)};
  return out;
}

HttpAnswer ask(HttpClient& client, const std::string& url, const HttpHeaders& headers,
               ProcessingTime now) {
  return judge(client.request("GET", url, {}, headers), url, now);
}

}  // namespace hindcast
