// Messages between two processes over a socket: length, CRC32C of what follows, type, payload.
// Nothing of it outlives the processes.
//
//   frame = payload size u32 | crc32c of type and payload u32 | type u8 | payload
//
// Patience is for each wait of a message, not for all of it: a peer that sends something is alive.
// Errors: kUnavailable when the other side closed, or nothing came for that long; kCorruption for
// what is no frame, or longer than agreed. The channel is of no use after either.
//
// Thread safety: one thread at a time; shut() from any.
#pragma once
#include <cstdint>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "base/units.h"

namespace hindcast {

class FrameChannel {
 public:
  struct Frame {
    uint8_t type = 0;
    Bytes payload;
  };
  /// Two ends, closed on exec.
  static Result<std::pair<FrameChannel, FrameChannel>> pair();

  /// Takes the descriptor.
  explicit FrameChannel(int descriptor) : descriptor_(descriptor) {}
  FrameChannel(FrameChannel&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FrameChannel& operator=(FrameChannel&&) = delete;
  ~FrameChannel();

  Status send(uint8_t type, BytesView payload, Duration patience);
  /// What is longer than `payload_max` is refused before it is read.
  Result<Frame> receive(ByteCount payload_max, Duration patience);
  /// Something can be received, be it the end. Waits no longer than that.
  bool readable(Duration patience) const;
  /// The other side has gone.
  bool ended() const;
  /// Ends every call, here and on the other side.
  void shut();
  int descriptor() const { return descriptor_; }

 private:
  Status wait(short events, Duration patience) const;
  Status read(char* to, size_t size, Duration patience) const;
  Status write(BytesView bytes, Duration patience) const;

  int descriptor_;
};

}  // namespace hindcast
