#include "progress/control.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

TEST(ControlTest, AnAdvanceComesBackAsItWasWritten) {
  for (const auto why : {Advance::Why::kWindowPassed, Advance::Why::kHeartbeat, Advance::Why::kIdle,
                         Advance::Why::kEnd, Advance::Why::kReplayStart}) {
    const Advance advance{event_time_ns(-1'709'287'200'000'000'001), why};
    EXPECT_EQ(decode_advance(encode(advance)).value(), advance);
  }
  const Advance last{kMaxEventTime, Advance::Why::kEnd};
  EXPECT_EQ(decode_advance(encode(last)).value(), last);
}

TEST(ControlTest, AConnectionComesBackAsItWasWritten) {
  const Connection connection{"peer closed\0the socket"};
  EXPECT_EQ(decode_connection(encode(connection)).value(), connection);
}

TEST(ControlTest, DeadLettersComeBackAsTheyWereWritten) {
  const std::vector<DeadLetter> letters = {{"malformed", "trades.ndjson:17: no closing brace",
                                            "trades.ndjson:17", "{\"p\":1", ProcessingTime(1s)},
                                           {}};
  EXPECT_EQ(decode_dead_letters(encode(letters)).value(), letters);
  EXPECT_TRUE(decode_dead_letters(encode(std::vector<DeadLetter>{})).value().empty());
}

// A record that is cut short, or has bytes after its end, was not written by us: no field of it
// counts.
template <class Decode>
void refuses_every_other_length(const Bytes& whole, Decode decode) {
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto result = decode(BytesView(whole).substr(0, size));
    ASSERT_FALSE(result) << "accepted " << size << " of " << whole.size() << " bytes";
    EXPECT_EQ(result.error().code, ErrorCode::kCorruption);
  }
  EXPECT_FALSE(decode(whole + '\0'));
}

TEST(ControlTest, ATruncatedOrLongerRecordIsCorrupt) {
  refuses_every_other_length(encode(Advance{event_time_ns(1'000), Advance::Why::kIdle}),
                             decode_advance);
  refuses_every_other_length(encode(Connection{"stop"}), decode_connection);
  refuses_every_other_length(
      encode(std::vector<DeadLetter>{{"bad-time", "x", "f:1", "raw", ProcessingTime(5s)}}),
      decode_dead_letters);
}

TEST(ControlTest, AnUnknownVersionOrReasonIsCorrupt) {
  Bytes advance = encode(Advance{event_time_ns(0), Advance::Why::kReplayStart});
  advance[1] = 5;  // one beyond kReplayStart
  EXPECT_FALSE(decode_advance(advance));
  advance[1] = 0;
  advance[0] = 2;
  EXPECT_FALSE(decode_advance(advance));
}

// A count is believed only as far as there are bytes: else one record could ask for all memory.
TEST(ControlTest, AnAbsurdNumberOfDeadLettersIsCorruptNotAnAllocation) {
  Bytes bytes;
  put_u8(bytes, 1);
  put_varint(bytes, uint64_t{1} << 60);
  EXPECT_FALSE(decode_dead_letters(bytes));
}

}  // namespace
}  // namespace hindcast
