// A WebSocket client over TCP or TLS that is driven by its owner: there is no thread and no clock
// inside, and nothing moves but during receive().
//
// So an owner that does not ask for messages does not read the socket, and the server feels it as
// TCP backpressure; at most one message is held meanwhile. Pings of the server are answered during
// receive() only.
//
//   kConnecting ── resolve, TCP, TLS, upgrade ──► kOpen ──► kClosed      (kClosed from anywhere)
//
// Thread safety: confined to one thread. Compression is offered (permessage-deflate).
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "base/units.h"
#include "net/http_server.h"

namespace hindcast {

struct WebsocketUrl {
  bool tls = false;
  std::string host;  // without brackets, should it be an IPv6 address
  std::string port;  // "80" and "443" when the URL has none
  std::string target = "/";
  bool operator==(const WebsocketUrl&) const = default;
};
/// Errors: kInvalidArgument, for people ("not a WebSocket URL: …").
Result<WebsocketUrl> parse_websocket_url(std::string_view url);

struct WebsocketClientOptions {
  std::string url;      // ws:// or wss://
  HttpHeaders headers;  // of the upgrade request
  std::string tls_ca;   // PEM file with what to trust instead of the system's; "" = system
  ByteCount message_max = 16_MiB;  // a longer one ends the connection
};

class WebsocketClient {
 public:
  enum class State : uint8_t { kConnecting, kOpen, kClosed };

  /// Begins to connect. Errors: kInvalidArgument (URL, `tls_ca`); all others are found by
  /// receive().
  static Result<std::unique_ptr<WebsocketClient>> connect(WebsocketClientOptions options);
  /// Cuts the connection. (An address that is being resolved is waited for.)
  ~WebsocketClient();
  WebsocketClient(const WebsocketClient&) = delete;
  WebsocketClient& operator=(const WebsocketClient&) = delete;

  /// Moves everything on, and appends messages to `out`: all that are there, until they are `max`
  /// bytes or more. With nothing there it waits up to `wait` for a message or a change of state.
  /// Messages that came before the end of the connection are given before the state is kClosed.
  void receive(ByteCount max, Duration wait, std::vector<Bytes>& out);

  State state() const;
  /// Why it is closed, for people: "the server closed: 1001 going away (maintenance)".
  const std::string& reason() const;
  /// Frames that came so far, pongs included: the life sign.
  uint64_t frames() const;

  /// Sends a text message after those before it. Requires: kOpen.
  void send(Bytes text);
  /// Sends a ping, unless one is being sent. Requires: kOpen.
  void ping();
  /// Begins the closing handshake, which receive() goes on with; nothing is received any more.
  void close();

  class Impl;

 private:
  explicit WebsocketClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hindcast
