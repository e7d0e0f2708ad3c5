#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/hash.h"
#include "log/frame_internal.h"

namespace hindcast::log {
namespace {

constexpr uint64_t kSegment = uint64_t{64} << 10;

LogAppend record(uint32_t partition, RecordKind kind, uint32_t source, uint32_t events,
                 Bytes payload) {
  return {{PartitionId{partition}, kind, SourceId{source}, events}, std::move(payload)};
}

// The example of docs/formats/log.md.
struct Example {
  FramePlace place{Channel::kLive, 2, 0x21000, 0x21000};
  LogAppend hello = record(7, RecordKind::kEvents, 3, 2, "hello");
  LogAppend advance = record(1, RecordKind::kAdvance, 3, 0, "");
  Bytes bytes;
  std::vector<Position> positions;
  Frame frame = encode_frame(place, {&hello, &advance}, bytes, positions);
};

Bytes hex_of_document() {
  std::ifstream file(HC_DOCS "/formats/log.md");
  std::string line;
  Bytes out;
  bool inside = false;
  while (std::getline(file, line)) {
    if (line.starts_with("```")) {
      inside = line == "```hex";
      continue;
    }
    if (!inside) continue;
    std::istringstream words(line);
    std::string word;
    words >> word;  // the offset
    while (words >> word) out.push_back(static_cast<char>(std::stoi(word, nullptr, 16)));
  }
  return out;
}

std::string to_hex(BytesView bytes) {
  std::string out;
  char word[24];
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i % 16 == 0) {
      std::snprintf(word, sizeof word, "%s%04zx ", i == 0 ? "" : "\n", i);
      out += word;
    }
    std::snprintf(word, sizeof word, i % 8 == 0 ? "  %02x" : " %02x",
                  static_cast<unsigned char>(bytes[i]));
    out += word + (i % 16 == 0 ? 1 : 0);
  }
  return out;
}

TEST(FrameTest, TheExampleOfTheFormatPageIsWhatIsWritten) {
  const Example example;
  const BytesView written = BytesView(example.bytes).substr(0, example.frame.bytes);
  EXPECT_EQ(to_hex(hex_of_document()), to_hex(written));
}

TEST(FrameTest, WhatIsEncodedIsDecoded) {
  const Example e;
  EXPECT_EQ(e.bytes.size(), kBlock);
  const auto head = frame_head_bytes(e.bytes, e.place, kSegment);
  ASSERT_TRUE(head);
  FramePlace expected = e.place;
  expected.durable = 0;  // not known before it is read
  const auto frame = decode_frame(BytesView(e.bytes).substr(0, *head), expected, kSegment);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->place.durable, 0x21000U);
  EXPECT_EQ(frame->end(), 0x22000U);
  ASSERT_EQ(frame->sections.size(), 2U);
  EXPECT_EQ(frame->sections[0].partition, PartitionId{1});
  EXPECT_EQ(e.positions[1].lo, frame->sections[0].position) << "partition 1 comes first";
  EXPECT_EQ(e.positions[0].lo, frame->sections[1].position);

  const Section& section = frame->sections[1];
  const BytesView body =
      BytesView(e.bytes).substr(section.position - e.place.position, section.bytes);
  ASSERT_TRUE(body_matches(section, body));
  std::vector<LogRecord> records;
  EXPECT_EQ(decode_body(section, body, {}, 100, records).value(), 5U);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].payload, "hello");
  EXPECT_EQ(records[0].header.events, 2U);
  EXPECT_EQ(records[0].header.source, SourceId{3});
  EXPECT_EQ(records[0].position, e.positions[0]);
}

// Each byte of a frame is covered: by its place, by the header's checksum, or by a body's.
TEST(FrameTest, EveryFlippedByteIsNoticed) {
  const Example e;
  const size_t head = *frame_head_bytes(e.bytes, e.place, kSegment);
  for (size_t i = 0; i < e.frame.bytes; ++i) {
    Bytes damaged = e.bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    const auto frame = decode_frame(BytesView(damaged).substr(0, head), e.place, kSegment);
    bool noticed = !frame;
    for (size_t s = 0; frame && s < frame->sections.size(); ++s) {
      const Section& section = frame->sections[s];
      noticed |= !body_matches(
          section, BytesView(damaged).substr(section.position - e.place.position, section.bytes));
    }
    EXPECT_TRUE(noticed) << "byte " << i;
  }
}

TEST(FrameTest, AFrameCountsOnlyWhereItWasWritten) {
  const Example e;
  FramePlace other = e.place;
  other.segment = 3;
  EXPECT_FALSE(frame_head_bytes(e.bytes, other, kSegment)) << "a recycled file's old frame";
  other = e.place;
  other.position += kBlock;
  EXPECT_FALSE(frame_head_bytes(e.bytes, other, kSegment));
  other = e.place;
  other.channel = Channel::kReplay;
  EXPECT_FALSE(frame_head_bytes(e.bytes, other, kSegment));
  EXPECT_FALSE(frame_head_bytes(BytesView(e.bytes).substr(0, 40), e.place, kSegment));
  EXPECT_FALSE(frame_head_bytes(Bytes(kBlock, '\0'), e.place, kSegment));
}

TEST(FrameTest, ABodyIsReadFromTheMiddleAndInPieces) {
  std::vector<LogAppend> records;
  std::vector<const LogAppend*> pointers;
  for (int i = 0; i < 10; ++i) {
    records.push_back(record(1, RecordKind::kEvents, 1, 1, Bytes(10, static_cast<char>('0' + i))));
  }
  for (const LogAppend& r : records) pointers.push_back(&r);
  Bytes bytes;
  std::vector<Position> positions;
  const Frame frame = encode_frame({Channel::kLive, 0, 0, 0}, pointers, bytes, positions);
  const Section& section = frame.sections[0];
  const BytesView body = BytesView(bytes).substr(section.position, section.bytes);
  std::vector<LogRecord> out;
  EXPECT_EQ(decode_body(section, body, positions[6], 1000, out).value(), 30U);
  EXPECT_EQ(out.front().position, positions[7]);
  out.clear();
  EXPECT_EQ(decode_body(section, body, {}, 25, out).value(), 20U);
  out.clear();
  EXPECT_EQ(decode_body(section, body, {}, 1, out).value(), 10U) << "one at least";
  out.clear();
  EXPECT_EQ(decode_body(section, body, positions[9], 1000, out).value(), 0U);
}

TEST(FrameTest, LengthsThatDoNotFitAreRefusedAlthoughTheChecksumMatches) {
  Bytes body;
  put_u32(body, 1000);
  body.append(20, '\0');
  Section section{PartitionId{1}, 0x21000, 1, static_cast<uint32_t>(body.size()), 0, crc32c(body)};
  ASSERT_TRUE(body_matches(section, body));
  std::vector<LogRecord> out;
  EXPECT_EQ(decode_body(section, body, {}, 1000, out).error().code, ErrorCode::kCorruption);
}

}  // namespace
}  // namespace hindcast::log
