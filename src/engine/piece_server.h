// The other end of engine/remote_piece.h: works at one piece at a time as it is told to, and asks
// for what of the store it needs meanwhile.
//
// Thread safety: one thread at a time.
#pragma once
#include <functional>
#include <memory>

#include "base/frame_channel.h"
#include "history/history.h"
#include "replay/piece_codec.h"
#include "replay/piece_work.h"

namespace hindcast {

class PieceServer {
 public:
  struct Places {
    FrameChannel& channel;
    std::function<const ReplayStream*(StreamId)> stream;  // null: unknown
    std::function<History*(SourceId)> history;            // likewise
  };
  explicit PieceServer(Places places);
  ~PieceServer();

  /// Receives one call and answers it. Errors: of the channel, and messages that make no sense;
  /// nothing can be said over it any more.
  Status serve();

 private:
  class Pages;
  Result<wire::Done> handle(wire::Call call, BytesView content);
  Status open(BytesView content);

  const Places at_;
  const std::unique_ptr<Pages> pages_;
  std::unique_ptr<PieceWork> piece_;
};

}  // namespace hindcast
