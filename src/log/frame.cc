#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "base/hash.h"
#include "log/frame_internal.h"

namespace hindcast::log {
namespace {

constexpr BytesView kMagic = "HCLG";
constexpr uint8_t kVersion = 1;
constexpr size_t kCrcOffset = 44;

void overwrite_u32(Bytes& out, size_t offset, uint32_t v) {
  std::memcpy(out.data() + offset, &v, sizeof v);
}

uint32_t head_crc(BytesView head) {
  return crc32c(head.substr(kFrameHeaderBytes), crc32c(head.substr(0, kCrcOffset)));
}

void put_record(Bytes& out, const LogAppend& record) {
  put_u32(out, static_cast<uint32_t>(record.payload.size()));
  put_u32(out, record.header.events);
  put_u32(out, record.header.source.value);
  put_u32(out, static_cast<uint32_t>(record.header.kind));  // the kind and three zero bytes
  out.append(record.payload);
}

}  // namespace

uint64_t encoded_bytes(const std::vector<LogAppend>& records) {
  uint64_t bytes = 0;
  for (const LogAppend& record : records) {
    bytes += kSectionEntryBytes + kRecordHeaderBytes + record.payload.size();
  }
  return bytes;
}

Frame encode_frame(const FramePlace& place, const std::vector<const LogAppend*>& records,
                   Bytes& out, std::vector<Position>& positions) {
  // Records of one partition stand together, so that a reader of one partition reads one range.
  std::vector<size_t> order(records.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return records[a]->header.partition < records[b]->header.partition;
  });

  Frame frame{place, 0, {}};
  uint64_t content = 0;
  for (const size_t i : order) {
    const LogAppend& record = *records[i];
    if (frame.sections.empty() || frame.sections.back().partition != record.header.partition) {
      frame.sections.push_back({record.header.partition});
    }
    content += kRecordHeaderBytes + record.payload.size();
  }
  const size_t head = kFrameHeaderBytes + frame.sections.size() * kSectionEntryBytes;
  frame.bytes = static_cast<uint32_t>(head + content);

  out.clear();
  out.reserve(align_up(frame.bytes));
  out.append(kMagic);
  put_u8(out, kVersion);
  put_u8(out, static_cast<uint8_t>(place.channel));
  out.append(2, '\0');
  put_u64(out, place.segment);
  put_u64(out, place.position);
  put_u64(out, place.durable);
  put_u32(out, frame.bytes);
  put_u32(out, static_cast<uint32_t>(frame.sections.size()));
  out.append(8, '\0');  // reserved, and the checksum's place
  out.append(frame.sections.size() * kSectionEntryBytes, '\0');

  positions.assign(records.size(), Position{});
  size_t entry = kFrameHeaderBytes;
  auto next = order.begin();
  for (Section& section : frame.sections) {
    const size_t begin = out.size();
    section.position = place.position + begin;
    for (; next != order.end() && records[*next]->header.partition == section.partition; ++next) {
      section.last = static_cast<uint32_t>(out.size() - begin);
      positions[*next] = {0, place.position + out.size()};
      put_record(out, *records[*next]);
      ++section.records;
    }
    section.bytes = static_cast<uint32_t>(out.size() - begin);
    section.crc = crc32c(BytesView(out).substr(begin));
    for (const uint32_t v :
         {section.partition.value, section.records, section.bytes, section.last, section.crc}) {
      overwrite_u32(out, entry, v);
      entry += sizeof v;
    }
  }
  HC_ASSERT(out.size() == frame.bytes);
  overwrite_u32(out, kCrcOffset, head_crc(BytesView(out).substr(0, head)));
  out.resize(align_up(frame.bytes), '\0');
  return frame;
}

std::optional<size_t> frame_head_bytes(BytesView bytes, const FramePlace& expected,
                                       uint64_t segment_bytes) {
  if (bytes.size() < kFrameHeaderBytes || bytes.substr(0, 4) != kMagic) return std::nullopt;
  ByteReader in(bytes.substr(4, kFrameHeaderBytes - 4));
  if (in.u8() != kVersion || in.u8() != static_cast<uint8_t>(expected.channel)) return std::nullopt;
  in.bytes(2);
  if (in.u64() != expected.segment || in.u64() != expected.position) return std::nullopt;
  in.u64();  // durable
  const uint64_t frame_bytes = in.u32(), sections = in.u32();
  const uint64_t head = kFrameHeaderBytes + sections * kSectionEntryBytes;
  const uint64_t room = segment_bytes - expected.position % segment_bytes;
  if (head > frame_bytes || frame_bytes > room) return std::nullopt;
  return head;
}

std::optional<Frame> decode_frame(BytesView head, const FramePlace& expected,
                                  uint64_t segment_bytes) {
  const auto bytes = frame_head_bytes(head, expected, segment_bytes);
  if (!bytes || head.size() < *bytes) return std::nullopt;
  head = head.substr(0, *bytes);
  ByteReader crc(head.substr(kCrcOffset, 4));
  if (crc.u32() != head_crc(head)) return std::nullopt;

  Frame frame{expected, 0, {}};
  ByteReader in(head.substr(24));
  frame.place.durable = in.u64();
  frame.bytes = in.u32();
  const uint32_t sections = in.u32();
  in.bytes(8);
  uint64_t at = *bytes;
  frame.sections.reserve(sections);
  for (uint32_t i = 0; i < sections; ++i) {
    Section section;
    section.partition = PartitionId{in.u32()};
    section.position = expected.position + at;
    section.records = in.u32();
    section.bytes = in.u32();
    section.last = in.u32();
    section.crc = in.u32();
    at += section.bytes;
    if (section.last >= section.bytes) return std::nullopt;
    frame.sections.push_back(section);
  }
  if (at != frame.bytes) return std::nullopt;
  return frame;
}

bool body_matches(const Section& section, BytesView body) {
  return body.size() == section.bytes && crc32c(body) == section.crc;
}

Result<uint64_t> decode_body(const Section& section, BytesView body, Position after, uint64_t max,
                             std::vector<LogRecord>& out) {
  const auto skip = [&](ByteReader& in) {
    while (in.remaining() > 0 && section.position + (body.size() - in.remaining()) <= after.lo) {
      const uint32_t length = in.u32();
      in.bytes(kRecordHeaderBytes - 4);
      in.bytes(length);
    }
  };
  ByteReader in(body);
  skip(in);
  const bool whole = in.remaining() <= max;
  uint64_t taken = 0;
  while (in.ok() && in.remaining() > 0) {
    LogRecord record;
    record.position = {0, section.position + (body.size() - in.remaining())};
    const uint32_t length = in.u32();
    record.header.partition = section.partition;
    record.header.events = in.u32();
    record.header.source = SourceId{in.u32()};
    const uint32_t kind = in.u32();
    if (kind > static_cast<uint32_t>(RecordKind::kGap)) in.fail();
    record.header.kind = static_cast<RecordKind>(kind);
    if (!whole && !out.empty() && taken + length > max) break;
    record.payload = Bytes(in.bytes(length));
    if (!in.ok()) break;
    taken += length;
    out.push_back(std::move(record));
  }
  // The body matched its checksum, so this is a writer's mistake and not the disk's.
  if (!in.ok()) return corruption("the lengths of its records do not fit");
  return taken;
}

}  // namespace hindcast::log
