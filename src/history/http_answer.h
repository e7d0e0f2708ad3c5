// One request to an HTTP history and what came of it: a body to decode, or an error whose code says
// what to do.
//
//   200              a body (204: none)
//   429              kOverloaded, with Retry-After if there is one
//   503              kOverloaded with Retry-After, else kUnavailable
//   other 5xx, 408, no connection, timeout, cut off   kUnavailable
//   404, 410         kNotFound
//   everything else  kInvalidArgument: the configuration is wrong (401, 403, 400, redirections)
//
// Pure but for the request.
#pragma once
#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "net/http_client.h"

namespace hindcast {

struct HttpAnswer {
  Result<HttpReply> reply = not_found("");  // its status is 200 or 204
  std::optional<Duration> retry_after;      // of an error that may pass
  ByteCount received;                       // also of a reply that is an error
};

/// Messages begin with a stable word and name the URL: "http-404: https://…: no such symbol".
HttpAnswer ask(HttpClient& client, const std::string& url, const HttpHeaders& headers,
               ProcessingTime now);
/// The judgement alone.
HttpAnswer judge(Result<HttpReply> reply, const std::string& url, ProcessingTime now);

}  // namespace hindcast
