// `hindcast feed`: a recorded data set served as a live exchange: WebSocket, paged HTTP history,
// and faults on demand. docs/feed.md describes what it speaks.
//
// Thread safety: one I/O thread inside; the methods here from any other one.
#pragma once
#include <memory>
#include <string>

#include "base/runtime.h"
#include "server/feed_data.h"

namespace hindcast {

/// What makes feed time go.
struct FeedPace {
  enum class Kind : uint8_t {
    kSpeed,   // `number` seconds a second; 0 = only when it is told to
    kRate,    // `number` events a second
    kFastest  // as fast as all clients take it; without a client it waits
  } kind = Kind::kSpeed;
  double number = 1;
};

struct FeedOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 0;  // 0 = any free one
  FeedPace pace;
  bool start_now = false;         // otherwise with the first WebSocket connection
  Duration heartbeat = 1s;        // of feed time, between heartbeats
  Duration max_late{};            // heartbeats promise so much less than feed time
  Duration end_heartbeats = 72h;  // how far beyond the last event the last heartbeat promises
  uint64_t limit = 1000;          // events of a history page
};

class Feed {
 public:
  /// `runtime` (its monotonic clock) outlives the feed. Errors: as WebsocketServer::listen.
  static Result<std::unique_ptr<Feed>> start(FeedData data, FeedOptions options,
                                             const Runtime& runtime);
  ~Feed();  // stops
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  uint16_t port() const;
  void stop();

 private:
  class Impl;
  explicit Feed(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hindcast
