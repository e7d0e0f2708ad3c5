#include "server/live_streams.h"

#include <utility>

#include "base/assert.h"

namespace hindcast {

/// Owners: the task, the timer or the write that it waits for. Leaves when the last one drops it.
struct LiveStreams::Stream {
  Stream(LiveStreams& all, std::function<bool(Bytes&)> source, HttpStream http)
      : streams(all), more(std::move(source)), out(std::move(http)) {}
  ~Stream() {
    const std::lock_guard lock(streams.mutex_);
    streams.count_ -= 1;
    streams.left_.notify_all();
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  LiveStreams& streams;
  std::function<bool(Bytes&)> more;
  HttpStream out;
  Duration silent{};
};

LiveStreams::LiveStreams(Options options, Places places)
    : options_(options), places_(std::move(places)) {}

LiveStreams::~LiveStreams() { HC_ASSERT(count_ == 0); }

void LiveStreams::start(ApiResponse response, const HttpResponder& responder) {
  bool taken = false;
  {
    const std::lock_guard lock(mutex_);
    taken = !stopping_ && count_ < options_.streams_max;
    count_ += taken;
  }
  if (!taken) {
    return responder.send(
        problem_of(unavailable("too many streams of changes (" +
                               std::to_string(options_.streams_max) +
                               "); poll /v1/changes?wait=30s instead, or come back later"))
            .http);
  }
  next(std::make_shared<Stream>(*this, std::move(response.more),
                                responder.stream(std::move(response.http))));
}

/// On the pool.
void LiveStreams::next(const std::shared_ptr<Stream>& stream) {
  if (stopping()) return stream->out.finish();
  Bytes piece;
  const bool goes_on = stream->more(piece);
  if (!goes_on && piece.empty()) return stream->out.finish();
  if (piece.empty()) {
    stream->silent += options_.poll;
    if (stream->silent < options_.keep_alive) return later(stream);
    piece = ":\n\n";
  }
  stream->silent = {};
  stream->out.write(std::move(piece), [this, stream, goes_on](bool alive) {
    if (!alive) return;
    if (!goes_on) return stream->out.finish();
    if (!places_.try_post([this, stream] { next(stream); })) later(stream);
  });
}

void LiveStreams::later(const std::shared_ptr<Stream>& stream) {
  places_.after(options_.poll, [this, stream] {
    if (!places_.try_post([this, stream] { next(stream); })) later(stream);
  });
}

bool LiveStreams::stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void LiveStreams::stop() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  left_.wait_for(lock, options_.stop_timeout, [this] { return count_ == 0; });
}

}  // namespace hindcast
