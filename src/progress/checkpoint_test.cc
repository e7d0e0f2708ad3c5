#include "progress/checkpoint.h"

#include <gtest/gtest.h>

#include "base/hex_test_util.h"

namespace hindcast {
namespace {

Checkpoint example() {
  Checkpoint c;
  c.partition = PartitionId{3};
  c.epoch = Epoch{7};
  c.safe = Position{0, 1'000};
  c.applied = Position{0, 5'000};
  c.frontier = {event_time_ns(60'000'000'000), 5};
  c.watermark = event_time_ns(61'000'000'000);
  c.replay = {{Position{0, 9}, Position{0, 10}}};
  SourceState source;
  source.source = SourceId{1};
  source.connected = true;
  source.max_event = event_time_ns(66'000'000'000);
  source.resume = "t:17";
  source.resume_number = 4;
  source.received = 300;
  source.replayed = 2;
  c.sources = {source};
  c.spilled = {{event_time_ns(60'000'000'000), 9, Position{0, 4'000}}};
  c.exceptions = {{Position{0, 2'000}, 1}, {Position{0, 2'000}, 4}, {Position{0, 3'000}, 0}};
  return c;
}

TEST(CheckpointTest, ComesBackAsItWasWritten) {
  EXPECT_EQ(decode_checkpoint(encode(example())).value(), example());
  EXPECT_EQ(decode_checkpoint(encode(Checkpoint{})).value(), Checkpoint{});
}

// The worked example of docs/formats/checkpoint.md, byte by byte: a change of the layout that
// forgets the version byte, or the page, fails here.
TEST(CheckpointTest, BytesAreThoseOfTheFormatPage) {
  const std::string_view documented =
      "01 03 07 00e807 008827 80e0ba84bf03 05 808891bec603 "
      "01 01 01 80d0c0deeb03 ffffffffffffffffff01 04 04743a3137 ac02 02 00 00 "
      "01 80e0ba84bf03 09 00a01f "
      "03 00d00f01 000003 00e80700 "
      "01 0009 000a";
  EXPECT_EQ(encode(example()), test::from_hex(documented));
}

TEST(CheckpointTest, ATruncatedOrLongerOneIsCorrupt) {
  const Bytes whole = encode(example());
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(decode_checkpoint(BytesView(whole).substr(0, size))) << size;
  }
  EXPECT_FALSE(decode_checkpoint(whole + '\0'));
}

// An empty checkpoint up to where the number of its exceptions stands.
Bytes without_exceptions() {
  Bytes bytes = encode(Checkpoint{});
  bytes.resize(bytes.size() - 2);  // no exceptions, no replay ranges
  return bytes;
}

TEST(CheckpointTest, AnAbsurdNumberOfExceptionsIsCorruptNotAnAllocation) {
  Bytes bytes = without_exceptions();
  put_varint(bytes, uint64_t{1} << 60);
  EXPECT_FALSE(decode_checkpoint(bytes));
}

// The lane looks exceptions up by binary search; an unsorted list would count events twice.
TEST(CheckpointTest, ExceptionsOutOfOrderAreCorrupt) {
  Bytes bytes = without_exceptions();
  put_varint(bytes, 2);
  for (const uint64_t v : {uint64_t{0}, uint64_t{5}, uint64_t{0}}) put_varint(bytes, v);
  for (const uint64_t v : {uint64_t{0}, UINT64_MAX, uint64_t{0}}) put_varint(bytes, v);
  put_varint(bytes, 0);  // no replay ranges
  EXPECT_FALSE(decode_checkpoint(bytes));
}

TEST(DrainCheckpointTest, ComesBackAsItWasWritten) {
  DrainCheckpoint c;
  c.partition = PartitionId{3};
  c.epoch = Epoch{7};
  c.applied = Position{0, 9};
  c.through = Position{0, 12};
  c.pages = {event_time_ns(60'000'000'000), 5};
  c.merged = {{SourceId{1}, 2'000}, {SourceId{4}, 0}};
  const Bytes whole = encode(c);
  EXPECT_EQ(decode_drain_checkpoint(whole).value(), c);
  EXPECT_EQ(decode_drain_checkpoint(encode(DrainCheckpoint{})).value(), DrainCheckpoint{});
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(decode_drain_checkpoint(BytesView(whole).substr(0, size))) << size;
  }
  EXPECT_FALSE(decode_drain_checkpoint(whole + '\0'));
}

}  // namespace
}  // namespace hindcast
