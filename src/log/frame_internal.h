// Frames of the embedded log: docs/formats/log.md. Pure functions over bytes.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "log/log.h"

namespace hindcast::log {

constexpr uint64_t kBlock = 4096;  // frames start at multiples of it
constexpr size_t kFrameHeaderBytes = 48;
constexpr size_t kSectionEntryBytes = 20;
constexpr size_t kRecordHeaderBytes = 16;

constexpr uint64_t align_up(uint64_t n) { return (n + kBlock - 1) / kBlock * kBlock; }

/// Where a frame stands, and what it says about the frames before it.
struct FramePlace {
  Channel channel = Channel::kLive;
  uint64_t segment = 0;
  uint64_t position = 0;  // logical, of the frame's first byte
  uint64_t durable = 0;   // end of the frame before it
};

/// The records of one partition in one frame.
struct Section {
  PartitionId partition;
  uint64_t position = 0;  // logical, of the body's first byte; also that of its first record
  uint32_t records = 0;
  uint32_t bytes = 0;
  uint32_t last = 0;  // offset of the last record in the body
  uint32_t crc = 0;

  uint64_t end() const { return position + bytes; }
  uint64_t last_record() const { return position + last; }
};

struct Frame {
  FramePlace place;
  uint32_t bytes = 0;  // without the padding
  std::vector<Section> sections;

  uint64_t end() const { return align_up(place.position + bytes); }
};

/// Upper bound of what the records of one vector take in a frame, without the frame's header.
uint64_t encoded_bytes(const std::vector<LogAppend>& records);

/// Replaces `out` by the frame of these records, padded with zeros to whole blocks, and says where
/// its sections are. `positions[i]` becomes the position of records[i]. Without records: a closing
/// frame.
Frame encode_frame(const FramePlace& place, const std::vector<const LogAppend*>& records,
                   Bytes& out, std::vector<Position>& positions);

/// Bytes of header and section table, by the first kFrameHeaderBytes of a frame; nullopt if there
/// is no frame of this channel, segment and position here. Nothing is certain before decode_frame.
std::optional<size_t> frame_head_bytes(BytesView bytes, const FramePlace& expected,
                                       uint64_t segment_bytes);
/// The frame whose header and table `head` is; nullopt if the checksum or a length does not match.
std::optional<Frame> decode_frame(BytesView head, const FramePlace& expected,
                                  uint64_t segment_bytes);

/// Whether `body` is what was written.
bool body_matches(const Section& section, BytesView body);

/// Appends the records of a verified body after `after` to `out`. Takes the whole rest if it has at
/// most `max` payload bytes, else as many records as fit in `max`, at least one if `out` is empty.
/// Returns the payload bytes taken. Errors: kCorruption (lengths that do not fit each other).
Result<uint64_t> decode_body(const Section& section, BytesView body, Position after, uint64_t max,
                             std::vector<LogRecord>& out);

}  // namespace hindcast::log
