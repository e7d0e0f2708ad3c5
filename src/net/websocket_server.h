// A small server for WebSocket and plain HTTP on one port: what `hindcast feed` and tests stand on.
// (The product's own API is net/http_server.h.)
//
// Threads: one I/O thread, on which all calls of WebsocketHandler are made and all methods of
// WebsocketPeer must be called; post() leads there. So a handler needs no locks, and must not
// block.
//
// Bounds: connections, header bytes, bodies (1 MiB). A message is sent when the one before it was
// taken by the socket, so nothing piles up for a client that does not read.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "net/http_server.h"

namespace hindcast {

/// One WebSocket connection. Owners: the server until `closed`, and whoever keeps it.
class WebsocketPeer {
 public:
  virtual ~WebsocketPeer() = default;
  /// Sends a text message; `taken` is called once the socket took it, and never when the connection
  /// ends before. One at a time: wait for `taken`.
  virtual void send(Bytes text, std::function<void()> taken) = 0;
  /// Ends orderly: what was sent arrives first. `code`: 1001 going away, 1008 policy, ….
  virtual void close(uint16_t code, std::string_view reason) = 0;
  /// Ends at once, as a network does: what is on its way may be lost.
  virtual void cut() = 0;
  /// While held nothing is read, so that not even pings are answered.
  virtual void hold(bool held) = 0;
};

class WebsocketHandler {
 public:
  using Respond = std::function<void(HttpResponse)>;
  virtual ~WebsocketHandler() = default;
  /// A plain request. `respond` is called once, now or later.
  virtual void request(HttpRequest request, Respond respond) = 0;
  /// A WebSocket upgrade: an answer refuses it.
  virtual std::optional<HttpResponse> refuse(const HttpRequest& request) = 0;
  virtual void opened(const std::shared_ptr<WebsocketPeer>& peer, const HttpRequest& request) = 0;
  virtual void received(WebsocketPeer& peer, Bytes message) = 0;
  /// Once for every `opened`, whoever ended it; not called for those open when the server stops.
  virtual void closed(WebsocketPeer& peer) = 0;
};

struct WebsocketServerOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 0;             // 0 = any free one
  size_t connections_max = 512;  // beyond it new ones wait in the listen queue
  bool compress = false;         // messages, for clients that offer it (permessage-deflate)
};

class WebsocketServer {
 public:
  /// Listens; who connects waits until run(), so that the handler may hold the server by then.
  /// `handler` outlives the server. Errors: kInvalidArgument (host), kUnavailable (address in
  /// use, …).
  static Result<std::unique_ptr<WebsocketServer>> listen(WebsocketServerOptions options,
                                                         WebsocketHandler& handler);
  ~WebsocketServer();  // stops
  WebsocketServer(const WebsocketServer&) = delete;
  WebsocketServer& operator=(const WebsocketServer&) = delete;

  uint16_t port() const;
  /// Serves until stop(). Once.
  void run();
  /// Runs `task` on the I/O thread, after a delay if one is given. Dropped by stop().
  void post(std::function<void()> task);
  void after(Duration delay, std::function<void()> task);
  /// Cuts all connections and ends the thread. Not from the I/O thread; idempotent.
  void stop();

 private:
  class Impl;
  explicit WebsocketServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hindcast
