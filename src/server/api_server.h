// The API on a port: pushes are decoded on the I/O thread that read them, everything that may wait
// for the disk runs on a small pool, long answers are sent in pieces, long polls ask again until
// there is something, and so do streams of events (server/live_streams.h).
//
// Thread safety: start and stop from one thread.
#pragma once
#include <functional>
#include <memory>

#include "engine/service.h"
#include "net/http_server.h"
#include "server/api.h"
#include "server/live_streams.h"

namespace hindcast {

struct ApiServerOptions {
  HttpServerOptions http;
  int query_threads = 2;             // [1, 64]
  size_t queries_waiting_max = 256;  // beyond it 503
  LiveStreams::Options live;         // of server-sent events
};

/// Options as the configuration has them: address, and the largest body of any HTTP source.
ApiServerOptions api_server_options(const Config& config);

class ApiServer {
 public:
  /// `service` outlives the server. Errors: kUnavailable when the address is in use.
  static Result<std::unique_ptr<ApiServer>> start(Service& service, ApiServerOptions options);
  ~ApiServer();  // stops
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  uint16_t port() const;
  /// Graceful: long polls are answered and streams ended at once, requests in flight are finished.
  /// Idempotent.
  void stop();

 private:
  class Impl;
  explicit ApiServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hindcast
