// A blocking HTTP client for command lines, histories and tests: one request at a time over a kept
// connection. TLS, proxies and certificates as curl has them; redirections are not followed.
//
// Thread safety: confined to one thread.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "base/units.h"
#include "net/http_server.h"

namespace hindcast {

struct HttpReply {
  int status = 0;
  Bytes body;
  HttpHeaders headers;  // names in lower case
  ByteCount received;   // of the body, as transferred
  std::string_view header(std::string_view lower_case_name) const;
};

struct HttpClientOptions {
  Duration connect_timeout = 5s;
  Duration timeout = 300s;         // of a whole request
  ByteCount body_max{UINT64_MAX};  // of an answer, as transferred and decompressed
  bool compressed = false;         // asks for gzip or zstd, and decompresses the answer
};

class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options = {});
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;

  /// Any status is a reply. Errors: kUnavailable when there is none ("cannot reach http://…:
  /// Connection refused"); kUnknownOutcome when the connection broke after the request was sent;
  /// kInvalidArgument for a URL that is none, a certificate that is not trusted, an answer beyond
  /// body_max; kCorruption for a compressed answer that does not decompress.
  Result<HttpReply> request(const std::string& method, const std::string& url, BytesView body = {},
                            const HttpHeaders& headers = {});
  Result<HttpReply> get(const std::string& url) { return request("GET", url); }

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// How long a `Retry-After` header (seconds or an HTTP date) asks to wait; absent without one, and
/// when it cannot be read. A date is compared with the answer's own `Date`, because clocks differ,
/// else with `now`.
std::optional<Duration> retry_after(const HttpReply& reply, ProcessingTime now);

}  // namespace hindcast
