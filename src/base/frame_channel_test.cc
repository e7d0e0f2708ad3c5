#include "base/frame_channel.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>
#include <thread>

namespace hindcast {
namespace {

constexpr Duration kSoon = 1ms, kLong = 1min;
constexpr ByteCount kMax = 64_MiB;

class FrameChannelTest : public ::testing::Test {
 protected:
  /// Bytes as they are, as a peer that is out of its mind would send them.
  void send_raw(const Bytes& bytes) {
    ASSERT_EQ(::send(ends_.second.descriptor(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
  }
  static Bytes frame(uint32_t size, uint32_t crc, uint8_t type, BytesView payload) {
    Bytes out;
    put_u32(out, size);
    put_u32(out, crc);
    put_u8(out, type);
    return out.append(payload);
  }
  ErrorCode refused() { return ends_.first.receive(kMax, kSoon).error().code; }

  std::pair<FrameChannel, FrameChannel> ends_ = FrameChannel::pair().value();
};

TEST_F(FrameChannelTest, MessagesOfAnySizeComeAsTheyWereSent) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{5'000'000}}) {
    const Bytes payload(size, 'x');
    std::jthread peer([&] { EXPECT_TRUE(ends_.second.send(7, payload, kLong)); });
    const auto received = ends_.first.receive(kMax, kLong).value();
    EXPECT_EQ(received.type, 7);
    EXPECT_EQ(received.payload, payload);
  }
}

TEST_F(FrameChannelTest, AClosedEndIsSaidToBoth) {
  EXPECT_FALSE(ends_.first.ended());
  { const FrameChannel gone(std::move(ends_.second)); }
  EXPECT_TRUE(ends_.first.ended());
  EXPECT_EQ(refused(), ErrorCode::kUnavailable);
  EXPECT_EQ(ends_.first.send(1, Bytes(10, 'x'), kSoon).error().code, ErrorCode::kUnavailable);
}

TEST_F(FrameChannelTest, ShutEndsACallUnderWay) {
  std::jthread peer([&] { ends_.first.shut(); });
  EXPECT_EQ(ends_.first.receive(kMax, kLong).error().code, ErrorCode::kUnavailable);
}

TEST_F(FrameChannelTest, SilenceIsAnErrorOnlyAfterItsPatience) {
  EXPECT_FALSE(ends_.first.readable(kSoon));
  EXPECT_EQ(refused(), ErrorCode::kUnavailable);
}

TEST_F(FrameChannelTest, AMessageCutShortIsNoMessage) {
  const Bytes whole = frame(3, 0, 1, "abc");
  for (size_t size = 1; size < whole.size(); ++size) {
    auto [ours, theirs] = FrameChannel::pair().value();
    ASSERT_EQ(::send(theirs.descriptor(), whole.data(), size, 0), static_cast<ssize_t>(size));
    theirs.shut();
    EXPECT_EQ(ours.receive(kMax, kSoon).error().code, ErrorCode::kUnavailable) << size;
  }
}

TEST_F(FrameChannelTest, AWrongChecksumIsRefused) {
  send_raw(frame(3, 12345, 1, "abc"));
  EXPECT_EQ(refused(), ErrorCode::kCorruption);
}

// A length that is a lie reserves nothing, and what is more than agreed on is not read at all.
TEST_F(FrameChannelTest, ALengthBeyondTheAgreedOneIsRefusedAtOnce) {
  send_raw(frame(UINT32_MAX, 0, 1, ""));
  EXPECT_EQ(refused(), ErrorCode::kCorruption);
}

}  // namespace
}  // namespace hindcast
