// An asynchronous HTTP/1.1 server: keep-alive, bounded bodies, gzip and zstd request bodies,
// answers completed later from any thread, and streamed (chunked) answers.
//
// Threads: `threads` I/O threads call the handler, so it must not block: it answers at once or
// hands the responder on. What it does inline (parsing a push) is what the connection would wait
// for anyway. Bounds: connections, header bytes, body bytes of one request and of all requests in
// flight. At the last bound the next body is simply not read yet, so the client feels it as TCP
// backpressure.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "base/units.h"

namespace hindcast {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;  // "GET"
  std::string target;  // as sent: "/v1/status?pretty=1"
  HttpHeaders headers;
  Bytes body;  // decompressed
  /// First header of that name, ignoring case; empty when absent.
  std::string_view header(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  Bytes body;
  HttpHeaders headers;  // further ones; length and connection are the server's
};

/// One answer in pieces. Copyable handle; any thread. Dropping the last copy without finish() cuts
/// the connection, so that a reader cannot mistake a broken answer for a whole one.
class HttpStream {
 public:
  class Impl;
  explicit HttpStream(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  /// Sends a piece. `done(true)`: give the next one; `done(false)`: the client is gone. One write
  /// at a time: wait for `done`, which runs on an I/O thread. Empty pieces are allowed and send
  /// nothing.
  void write(Bytes piece, std::function<void(bool)> done);
  void finish();

 private:
  std::shared_ptr<Impl> impl_;  // owners: copies of this handle, and the write in progress
};

/// The duty to answer one request. Copyable handle; any thread; the first answer counts. Dropping
/// the last copy without an answer sends 500, so a forgotten request never hangs.
class HttpResponder {
 public:
  class Impl;
  explicit HttpResponder(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  void send(HttpResponse response) const;
  /// Begins a chunked answer (`body` is not used).
  HttpStream stream(HttpResponse head) const;

 private:
  std::shared_ptr<Impl> impl_;  // owners: copies of this handle
};

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 0;            // 0 = any free one; see HttpServer::port()
  int threads = 1;              // [1, 64]. One core carries some 10 M small events a second
  ByteCount body_max = 16_MiB;  // of one request, compressed and decompressed; beyond it 413
  ByteCount bodies_in_flight_max = 256_MiB;  // of all requests; beyond it bodies wait in the kernel
  size_t connections_max = 512;              // beyond it new connections wait in the listen queue
  Duration idle_timeout = 75s;               // of a keep-alive connection between requests
  Duration read_timeout = 30s;               // without progress inside a request or answer
  Duration stop_timeout = 10s;               // how long stop() waits for requests in flight
};

using HttpHandler = std::function<void(HttpRequest, HttpResponder)>;

class HttpServer {
 public:
  /// Listens and serves until stop(). Errors: kInvalidArgument (host), kUnavailable (address in
  /// use, …).
  static Result<std::unique_ptr<HttpServer>> start(HttpServerOptions options, HttpHandler handler);
  /// As stop().
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  uint16_t port() const;
  /// Runs `task` on an I/O thread after `delay`; dropped by stop().
  void after(Duration delay, std::function<void()> task);
  /// Graceful: accepts no more, closes idle connections, waits for answers in flight up to
  /// stop_timeout, then cuts them. Blocks; idempotent. The handler must be able to finish
  /// meanwhile.
  void stop();

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// RFC 9457 problem document: {"type":"…","title":"…","status":404,"detail":"…"}.
HttpResponse problem(int status, std::string_view type, std::string_view title,
                     std::string_view detail);

/// Decodes %XX and '+' (query strings) or %XX only (paths). Invalid escapes stay as they are.
std::string percent_decode(std::string_view text, bool plus_is_space);
/// Escapes all but unreserved characters.
std::string percent_encode(std::string_view text);

}  // namespace hindcast
