#include "base/frame_channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "base/hash.h"

namespace hindcast {
namespace {

constexpr size_t kHeaderBytes = 9;
constexpr size_t kGrow = size_t{1} << 20;  // a length that is a lie costs no more memory than that

Error failed(const char* what) {
  return unavailable(std::string(what) + ": " + std::generic_category().message(errno));
}
Error closed() { return unavailable("the other side closed the channel"); }

int milliseconds(Duration patience) {
  constexpr int64_t kMost = 1'000'000'000;
  return static_cast<int>(std::clamp<int64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(patience).count(), 0, kMost));
}

uint32_t checksum(uint8_t type, BytesView payload) {
  const char first = static_cast<char>(type);
  return crc32c(payload, crc32c({&first, 1}));
}

}  // namespace

Result<std::pair<FrameChannel, FrameChannel>> FrameChannel::pair() {
  std::array<int, 2> ends = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return failed("socketpair");
  return std::make_pair(FrameChannel(ends[0]), FrameChannel(ends[1]));
}

FrameChannel::~FrameChannel() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status FrameChannel::wait(short events, Duration patience) const {
  pollfd at{descriptor_, events, 0};
  while (true) {
    const int ready = ::poll(&at, 1, milliseconds(patience));
    if (ready > 0) return {};
    if (ready == 0) return unavailable("no answer within " + to_string(patience));
    if (errno != EINTR) return failed("poll");
  }
}

bool FrameChannel::readable(Duration patience) const { return wait(POLLIN, patience).has_value(); }

bool FrameChannel::ended() const {
  char byte = 0;
  const ssize_t size = ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR);
}

void FrameChannel::shut() { ::shutdown(descriptor_, SHUT_RDWR); }

Status FrameChannel::read(char* to, size_t size, Duration patience) const {
  while (size > 0) {
    const ssize_t got = ::recv(descriptor_, to, size, MSG_DONTWAIT);
    if (got == 0) return closed();
    if (got > 0) {
      to += got;
      size -= static_cast<size_t>(got);
    } else if (errno == EAGAIN) {
      HC_TRY(wait(POLLIN, patience));
    } else if (errno == ECONNRESET) {
      return closed();
    } else if (errno != EINTR) {
      return failed("recv");
    }
  }
  return {};
}

Status FrameChannel::write(BytesView bytes, Duration patience) const {
  while (!bytes.empty()) {
    const ssize_t put =
        ::send(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put >= 0) {
      bytes.remove_prefix(static_cast<size_t>(put));
    } else if (errno == EAGAIN) {
      HC_TRY(wait(POLLOUT, patience));
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return closed();
    } else if (errno != EINTR) {
      return failed("send");
    }
  }
  return {};
}

Status FrameChannel::send(uint8_t type, BytesView payload, Duration patience) {
  if (payload.size() > UINT32_MAX) return corruption("a message of 4 GiB or more");
  Bytes header;
  put_u32(header, static_cast<uint32_t>(payload.size()));
  put_u32(header, checksum(type, payload));
  put_u8(header, type);
  HC_TRY(write(header, patience));
  return write(payload, patience);
}

Result<FrameChannel::Frame> FrameChannel::receive(ByteCount payload_max, Duration patience) {
  std::array<char, kHeaderBytes> header;
  HC_TRY(read(header.data(), header.size(), patience));
  ByteReader in(BytesView(header.data(), header.size()));
  const uint32_t size = in.u32();
  const uint32_t crc = in.u32();
  Frame frame{.type = in.u8(), .payload = {}};
  if (size > payload_max.value)
    return corruption("a message of " + std::to_string(size) + " bytes, more than the " +
                      std::to_string(payload_max.value) + " agreed on");
  while (frame.payload.size() < size) {
    const size_t begin = frame.payload.size();
    frame.payload.resize(begin + std::min(kGrow, size - begin));
    HC_TRY(read(frame.payload.data() + begin, frame.payload.size() - begin, patience));
  }
  if (checksum(frame.type, frame.payload) != crc)
    return corruption("a message whose checksum is wrong");
  return frame;
}

}  // namespace hindcast
