// The running feed: its clock, its plan, and the connections that read the plan's log. Sockets are
// WebsocketPeers; who calls step() owns time.
//
// Thread safety: confined to the server's I/O thread.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/websocket_server.h"
#include "server/feed.h"
#include "server/feed_clock.h"
#include "server/feed_plan.h"

namespace hindcast {

class FeedCore {
 public:
  /// `wake` asks for a step() soon. `data` outlives the core.
  FeedCore(const FeedData& data, const FeedOptions& options, std::function<void()> wake);

  /// Moves feed time on, and sends what is due to whoever takes it.
  void step(MonoTime now);
  FeedPlan& plan() { return plan_; }

  /// Channels that the target of an upgrade names; empty = all. Errors: kNotFound.
  Result<std::vector<uint32_t>> channels_of(const std::string& target) const;
  void opened(const std::shared_ptr<WebsocketPeer>& peer, std::vector<uint32_t> channels,
              MonoTime now);
  void received(WebsocketPeer& peer, BytesView message);
  void closed(WebsocketPeer& peer) { connections_.erase(&peer); }
  /// Lets go of all peers: they do not outlive their server.
  void forget_connections() { connections_.clear(); }

  /// POST /clock. Errors: kInvalidArgument.
  Status set_clock(BytesView json, MonoTime now);
  /// GET /state, GET /sent.
  Bytes render_state() const;
  Bytes render_sent(std::optional<uint32_t> channel, uint64_t after, uint64_t limit) const;

 private:
  struct Connection {
    uint32_t id = 0;
    std::shared_ptr<WebsocketPeer> peer;
    std::vector<uint32_t> channels;  // sorted; empty = all
    bool chose = false;              // by a subscribe message
    size_t cursor = 0;               // in the plan's log: what is before it was sent or passed over
    bool sending = false, held = false, closing = false;
    std::vector<uint32_t> in_flight;  // records of the message that is being sent
    std::deque<Bytes> answers;        // to its messages
    uint32_t messages = 0;
    EventTime promised = kMinEventTime;  // by its last heartbeat
    std::optional<size_t> ends_at;       // a disconnect: behind so much of the log …
    MonoTime ends_by{};                  // … or then, if it does not take that much
  };
  /// One event on the wire.
  struct Sent {
    uint32_t record, connection, message;
  };

  void start(MonoTime now);
  void move(MonoTime now);
  void settle(MonoTime now);
  void cut(MonoTime now);
  void pump(Connection& connection);
  bool send_events(Connection& connection);
  void send(Connection& connection, Bytes message);
  void taken(WebsocketPeer* peer);
  bool caught_up(const Connection& connection) const;
  bool wants(const Connection& connection, uint32_t channel) const;

  const FeedData& data_;
  const FeedOptions options_;
  const std::function<void()> wake_;
  FeedPlan plan_;
  FeedPace pace_;
  FeedClock clock_;
  bool started_ = false;
  bool ended_ = false;  // the last event is out, and time went beyond the end
  std::map<WebsocketPeer*, Connection> connections_;
  uint32_t last_connection_ = 0;
  std::vector<Sent> sent_;
  std::vector<uint64_t> sent_of_channel_;
};

}  // namespace hindcast
