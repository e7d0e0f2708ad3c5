// A blocking HTTP client for command lines and tests: one request at a time over a kept connection.
//
// Thread safety: confined to one thread.
#pragma once
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "net/http_server.h"

namespace hindcast {

struct HttpReply {
  int status = 0;
  Bytes body;
  HttpHeaders headers;  // names in lower case
  std::string_view header(std::string_view lower_case_name) const;
};

struct HttpClientOptions {
  Duration connect_timeout = 5s;
  Duration timeout = 300s;  // of a whole request
};

class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options = {});
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;

  /// Any status is a reply. Errors: kUnavailable when there is none ("cannot reach http://…:
  /// Connection refused"); kUnknownOutcome when the connection broke after the request was sent;
  /// kInvalidArgument for a URL that is none.
  Result<HttpReply> request(const std::string& method, const std::string& url, BytesView body = {},
                            const HttpHeaders& headers = {});
  Result<HttpReply> get(const std::string& url) { return request("GET", url); }

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hindcast
