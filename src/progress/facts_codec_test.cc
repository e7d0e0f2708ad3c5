#include "progress/facts_codec.h"

#include <gtest/gtest.h>

#include "base/hex_test_util.h"

namespace hindcast {
namespace {

constexpr EventTime at(int64_t seconds) { return EventTime(std::chrono::seconds(seconds)); }

Gap whole_gap() {
  return {.id = 258,
          .stream = StreamId{3},
          .range = {at(60), kMaxEventTime},
          .scope = {},
          .cause = Gap::Cause::kDisconnect,
          .detail = "peer closed",
          .opened_at = ProcessingTime(Duration(5s))};
}
Gap keys_gap() {
  Gap gap = whole_gap();
  gap.range = {kMinEventTime, at(-1)};
  gap.scope = {.kind = GapScope::Kind::kKeys,
               .partition = {},
               .keys = {{PartitionId{1}, "a"}, {PartitionId{300}, Bytes("\0b", 2)}}};
  gap.cause = Gap::Cause::kVerify;
  return gap;
}
GapOutcome outcome() {
  return {.id = 9,
          .stream = StreamId{3},
          .gaps = {1, 258},
          .range = {at(60), at(120)},
          .scope = {.kind = GapScope::Kind::kPartition, .partition = PartitionId{2}, .keys = {}},
          .kind = GapOutcome::Kind::kUnfillable,
          .job = 7,
          .leaned_on = {4, 300},
          .detail = "http-404"};
}
SequenceState count() {
  return {.runs = {{-3, 9, at(1), at(2)}, {12, 12, at(4), at(4)}}, .started = true};
}

Gap numbered_gap() {
  Gap gap = whole_gap();
  gap.cause = Gap::Cause::kSequence;
  gap.numbers = GapNumbers{.in_order = true, .delay = 1s, .counts = {{"a", 10, 13}}};
  return gap;
}

// The worked examples of docs/formats/facts.md. If they change, stored data cannot be read any
// more.
TEST(FactsCodecTest, BytesAreThoseOfTheFormatPage) {
  EXPECT_EQ(encode(whole_gap()), test::from_hex("01 8202 03 80e0ba84bf03 feffffffffffffffff01"
                                                "000000 00 0b7065657220636c6f736564 80c8afa025"));
  EXPECT_EQ(encode(numbered_gap()),
            test::from_hex("02 8202 03 80e0ba84bf03 feffffffffffffffff01 000000 02 "
                           "0b7065657220636c6f736564 80c8afa025 01 80a8d6b907 01 0161 14 1a"));
  EXPECT_EQ(encode(GapBound{258, at(60)}), test::from_hex("01 8202 80e0ba84bf03"));
  EXPECT_EQ(encode(outcome()), test::from_hex("01 09 03 02018202 80e0ba84bf03 80c0f588fe06"
                                              "010200 01 07 0204ac02 08687474702d343034"));
  EXPECT_EQ(encode(count()), test::from_hex("01 01 02 05 12 80a8d6b907 80d0acf30e"
                                            "18 18 80a0d9e61d 80a0d9e61d"));
  EXPECT_EQ(encode(GapRecord{.opened = {}, .bound = GapBound{258, at(60)}}),
            test::from_hex("01 00 09 01820280e0ba84bf03"));
}

TEST(FactsCodecTest, EveryFactComesBackAsItWasWritten) {
  for (Gap gap : {whole_gap(), keys_gap(), numbered_gap(), Gap{}}) {
    for (uint8_t cause = 0; cause <= static_cast<uint8_t>(Gap::Cause::kVerify); ++cause) {
      gap.cause = static_cast<Gap::Cause>(cause);
      EXPECT_EQ(decode_gap(encode(gap)).value(), gap);
    }
  }
  for (const GapBound& bound : {GapBound{1, kMinEventTime}, GapBound{UINT64_MAX, kMaxEventTime}})
    EXPECT_EQ(decode_gap_bound(encode(bound)).value(), bound);
  GapOutcome any = outcome();
  for (const auto kind :
       {GapOutcome::Kind::kFilled, GapOutcome::Kind::kUnfillable, GapOutcome::Kind::kAccepted}) {
    any.kind = kind;
    EXPECT_EQ(decode_gap_outcome(encode(any)).value(), any);
  }
  EXPECT_EQ(decode_gap_outcome(encode(GapOutcome{})).value(), GapOutcome{});
  SequenceState wide = count();
  wide.runs = {{INT64_MIN, INT64_MIN, kMinEventTime, kMaxEventTime},
               {INT64_MAX, INT64_MAX, at(0), at(0)}};
  wide.started = false;
  EXPECT_EQ(decode_sequence_state(encode(wide)).value(), wide);
}

TEST(FactsCodecTest, AGapRecordHoldsEitherFactOrBoth) {
  const GapRecord opened{.opened = keys_gap(), .bound = {}};
  const GapRecord bound{.opened = {}, .bound = GapBound{1, at(5)}};
  const GapRecord both{.opened = whole_gap(), .bound = GapBound{258, at(5)}};
  for (const GapRecord& record : {opened, bound, both, GapRecord{}})
    EXPECT_EQ(decode_gap_record(encode(record)).value(), record);
}

template <class Decode>
void refuses_every_other_length(const Bytes& whole, Decode decode) {
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto result = decode(BytesView(whole).substr(0, size));
    ASSERT_FALSE(result) << "accepted " << size << " of " << whole.size() << " bytes";
    EXPECT_EQ(result.error().code, ErrorCode::kCorruption);
  }
  EXPECT_FALSE(decode(whole + '\0'));
}

TEST(FactsCodecTest, ATruncatedOrLongerFactIsCorrupt) {
  refuses_every_other_length(encode(whole_gap()), decode_gap);
  refuses_every_other_length(encode(keys_gap()), decode_gap);
  refuses_every_other_length(encode(GapBound{258, at(60)}), decode_gap_bound);
  refuses_every_other_length(encode(outcome()), decode_gap_outcome);
  refuses_every_other_length(encode(count()), decode_sequence_state);
  refuses_every_other_length(
      encode(GapRecord{.opened = keys_gap(), .bound = GapBound{258, at(60)}}), decode_gap_record);
}

// Whatever byte is wrong, the answer is a fact or an error: no crash, and no memory beyond what
// the bytes can fill.
TEST(FactsCodecTest, AFlippedByteNeverCrashes) {
  const auto flip_each = [](const Bytes& whole, auto decode) {
    for (size_t i = 0; i < whole.size(); ++i) {
      for (const int mask : {0x01, 0x80, 0xff}) {
        Bytes bytes = whole;
        bytes[i] = static_cast<char>(bytes[i] ^ mask);
        const auto result = decode(bytes);
        if (!result) {
          EXPECT_EQ(result.error().code, ErrorCode::kCorruption);
        }
      }
    }
  };
  flip_each(encode(keys_gap()), decode_gap);
  flip_each(encode(outcome()), decode_gap_outcome);
  flip_each(encode(count()), decode_sequence_state);
  flip_each(encode(GapRecord{.opened = keys_gap(), .bound = GapBound{258, at(60)}}),
            decode_gap_record);
}

TEST(FactsCodecTest, WhatNoVersionWritesIsCorrupt) {
  Gap gap;
  gap.cause = static_cast<Gap::Cause>(7);  // one beyond kVerify
  EXPECT_FALSE(decode_gap(encode(gap)));
  gap = {};
  gap.scope.kind = static_cast<GapScope::Kind>(4);  // one beyond kAllBut
  EXPECT_FALSE(decode_gap(encode(gap)));
  GapOutcome wrong = outcome();
  wrong.kind = static_cast<GapOutcome::Kind>(3);
  EXPECT_FALSE(decode_gap_outcome(encode(wrong)));
  Bytes other_version = encode(GapBound{1, at(1)});
  other_version[0] = 2;
  EXPECT_FALSE(decode_gap_bound(other_version));
  Bytes wide_stream(1, '\x01');
  put_varint(wide_stream, 1);                  // id
  put_varint(wide_stream, uint64_t{1} << 32);  // stream
  wide_stream += encode(Gap{}).substr(3);      // the rest of a gap
  EXPECT_FALSE(decode_gap(wide_stream));
}

// A count is gone on from: runs that touch or overlap would invent holes or hide them.
TEST(FactsCodecTest, ACountThatIsNoneIsCorrupt) {
  const auto with = [](std::vector<SequenceRun> runs) {
    return encode(SequenceState{.runs = std::move(runs), .started = true});
  };
  EXPECT_FALSE(decode_sequence_state(with({})));
  EXPECT_FALSE(decode_sequence_state(with({{5, 4, at(0), at(0)}})));
  EXPECT_FALSE(decode_sequence_state(with({{1, 5, at(0), at(0)}, {6, 7, at(0), at(0)}})))
      << "touch";
  EXPECT_FALSE(decode_sequence_state(with({{1, 5, at(0), at(0)}, {4, 7, at(0), at(0)}})));
  EXPECT_TRUE(decode_sequence_state(with({{1, 5, at(0), at(0)}, {7, 7, at(0), at(0)}})));
  Bytes started = with({{1, 1, at(0), at(0)}});
  started[1] = 2;
  EXPECT_FALSE(decode_sequence_state(started));
}

TEST(FactsCodecTest, AnAbsurdCountIsCorruptNotAnAllocation) {
  Bytes bytes = encode(GapOutcome{}).substr(0, 3);
  put_varint(bytes, uint64_t{1} << 60);  // gaps
  EXPECT_FALSE(decode_gap_outcome(bytes));
  Bytes runs("\x01\x01");
  put_varint(runs, uint64_t{1} << 60);
  EXPECT_FALSE(decode_sequence_state(runs));
}

}  // namespace
}  // namespace hindcast
