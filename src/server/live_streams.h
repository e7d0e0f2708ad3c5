// Answers without an end (server-sent events). Each asks for more every little while, on the pool
// and never on an I/O thread, and not before what it was given has been sent: a slow reader holds
// one piece, and no thread. While there is nothing to say, a comment keeps the connection and finds
// out that the reader is gone.
//
// Thread safety: any thread.
#pragma once
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include "base/runtime.h"
#include "base/time.h"
#include "net/http_server.h"
#include "server/api.h"

namespace hindcast {

class LiveStreams {
 public:
  struct Options {
    size_t streams_max = 64;     // each asks the store 20 times a second; beyond it 503
    Duration poll = 50ms;        // between questions while there is nothing new
    Duration keep_alive = 15s;   // of silence, then a comment is sent
    Duration stop_timeout = 1s;  // how long stop() waits for readers that take their time
  };
  struct Places {
    std::function<bool(Task)> try_post;         // to threads that may block; false: full
    std::function<void(Duration, Task)> after;  // on any thread
  };
  LiveStreams(Options options, Places places);
  ~LiveStreams();  // requires: every stream was ended or dropped

  /// Sends `response` (a live one), or 503 when there are too many.
  void start(ApiResponse response, const HttpResponder& responder);
  /// Ends each stream in good order at its next pause. Requires: `places` still work. Later ones
  /// are refused.
  void stop();

 private:
  struct Stream;
  void next(const std::shared_ptr<Stream>& stream);
  void later(const std::shared_ptr<Stream>& stream);
  bool stopping();

  const Options options_;
  const Places places_;
  std::mutex mutex_;
  std::condition_variable left_;
  size_t count_ = 0;       // guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_
};

}  // namespace hindcast
