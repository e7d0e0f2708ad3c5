#include "progress/checkpoint.h"

#include "base/assert.h"

namespace hindcast {
namespace {

constexpr uint8_t kVersion = 1;

void put_position(Bytes& out, Position p) {
  put_varint(out, p.hi);
  put_varint(out, p.lo);
}
Position position(ByteReader& in) {
  Position p;
  p.hi = in.varint();
  p.lo = in.varint();
  return p;
}
void put_time(Bytes& out, EventTime t) { put_signed(out, unix_ns(t)); }
EventTime time(ByteReader& in) { return event_time_ns(in.signed_varint()); }

uint32_t small(ByteReader& in, uint64_t max) {
  const uint64_t v = in.varint();
  if (v > max) in.fail();
  return static_cast<uint32_t>(v);
}

// How many elements follow, of at least `smallest` bytes each: a hostile count reserves nothing.
size_t count(ByteReader& in, size_t smallest) {
  const uint64_t n = in.varint();
  if (n > in.remaining() / smallest) in.fail();
  return in.ok() ? static_cast<size_t>(n) : 0;
}

void put_frontier(Bytes& out, Frontier f) {
  put_time(out, f.window);
  put_varint(out, f.slot);
}
Frontier frontier(ByteReader& in) {
  Frontier f;
  f.window = time(in);
  f.slot = static_cast<uint16_t>(small(in, UINT16_MAX));
  return f;
}

void put_sources(Bytes& out, const std::vector<SourceState>& sources) {
  put_varint(out, sources.size());
  for (const SourceState& s : sources) {
    put_varint(out, s.source.value);
    put_u8(out, static_cast<uint8_t>((s.connected ? 1 : 0) | (s.idle ? 2 : 0) | (s.ended ? 4 : 0)));
    put_time(out, s.max_event);
    put_time(out, s.advanced);
    put_varint(out, s.resume_number);
    put_string(out, s.resume);
    put_varint(out, s.received);
    put_varint(out, s.replayed);
    put_varint(out, s.behind);
    put_varint(out, s.late);
  }
}

std::vector<SourceState> sources(ByteReader& in) {
  std::vector<SourceState> all(count(in, 10));
  for (SourceState& s : all) {
    s.source = SourceId{small(in, UINT32_MAX)};
    const uint8_t flags = in.u8();
    if (flags > 7) in.fail();
    s.connected = (flags & 1) != 0;
    s.idle = (flags & 2) != 0;
    s.ended = (flags & 4) != 0;
    s.max_event = time(in);
    s.advanced = time(in);
    s.resume_number = in.varint();
    s.resume = in.string();
    s.received = in.varint();
    s.replayed = in.varint();
    s.behind = in.varint();
    s.late = in.varint();
  }
  return all;
}

// Thousands of late events may be open at once, most of them in a few records: each is written as
// its distance from the one before, in the first of (hi, lo, row) that differs.
void put_exceptions(Bytes& out, const std::vector<EventPosition>& exceptions) {
  put_varint(out, exceptions.size());
  EventPosition last;
  for (const EventPosition& e : exceptions) {
    HC_ASSERT(last <= e);
    const bool same_hi = e.record.hi == last.record.hi;
    const bool same_record = e.record == last.record;
    put_varint(out, e.record.hi - last.record.hi);
    put_varint(out, same_hi ? e.record.lo - last.record.lo : e.record.lo);
    put_varint(out, same_record ? e.row - last.row : e.row);
    last = e;
  }
}

std::vector<EventPosition> exceptions(ByteReader& in) {
  std::vector<EventPosition> all(count(in, 3));
  EventPosition last;
  for (EventPosition& e : all) {
    const uint64_t hi = in.varint(), lo = in.varint();
    const uint32_t row = small(in, UINT32_MAX);
    // Unsigned sums that wrap give an order that the check below refuses.
    e.record.hi = last.record.hi + hi;
    e.record.lo = hi == 0 ? last.record.lo + lo : lo;
    e.row = hi == 0 && lo == 0 ? last.row + row : row;
    if (e < last) in.fail();
    last = e;
  }
  return all;
}

}  // namespace

Bytes encode(const Checkpoint& c) {
  Bytes out;
  put_u8(out, kVersion);
  put_varint(out, c.partition.value);
  put_varint(out, c.epoch.value);
  put_position(out, c.safe);
  put_position(out, c.applied);
  put_frontier(out, c.frontier);
  put_time(out, c.watermark);
  put_sources(out, c.sources);
  put_varint(out, c.spilled.size());
  for (const Spilled& s : c.spilled) {
    put_time(out, s.window);
    put_varint(out, s.slot);
    put_position(out, s.through);
  }
  put_exceptions(out, c.exceptions);
  put_varint(out, c.replay.size());
  for (const ReplayRange& range : c.replay) {
    put_position(out, range.first);
    put_position(out, range.last);
  }
  return out;
}

Result<Checkpoint> decode_checkpoint(BytesView bytes) {
  ByteReader in(bytes);
  if (in.u8() != kVersion) return corruption("checkpoint: unknown version");
  Checkpoint c;
  c.partition = PartitionId{small(in, UINT32_MAX)};
  c.epoch = Epoch{in.varint()};
  c.safe = position(in);
  c.applied = position(in);
  c.frontier = frontier(in);
  c.watermark = time(in);
  c.sources = sources(in);
  c.spilled.resize(count(in, 4));
  for (Spilled& s : c.spilled) {
    s.window = time(in);
    s.slot = static_cast<uint16_t>(small(in, UINT16_MAX));
    s.through = position(in);
  }
  c.exceptions = exceptions(in);
  c.replay.resize(count(in, 4));
  for (ReplayRange& range : c.replay) {
    range.first = position(in);
    range.last = position(in);
  }
  if (!in.ok() || !in.at_end()) return corruption("checkpoint: malformed");
  return c;
}

Bytes encode(const DrainCheckpoint& c) {
  Bytes out;
  put_u8(out, kVersion);
  put_varint(out, c.partition.value);
  put_varint(out, c.epoch.value);
  put_position(out, c.applied);
  put_position(out, c.through);
  put_frontier(out, c.pages);
  put_varint(out, c.merged.size());
  for (const auto& [source, events] : c.merged) {
    put_varint(out, source.value);
    put_varint(out, events);
  }
  return out;
}

Result<DrainCheckpoint> decode_drain_checkpoint(BytesView bytes) {
  ByteReader in(bytes);
  if (in.u8() != kVersion) return corruption("drain checkpoint: unknown version");
  DrainCheckpoint c;
  c.partition = PartitionId{small(in, UINT32_MAX)};
  c.epoch = Epoch{in.varint()};
  c.applied = position(in);
  c.through = position(in);
  c.pages = frontier(in);
  c.merged.resize(count(in, 2));
  for (auto& [source, events] : c.merged) {
    source = SourceId{small(in, UINT32_MAX)};
    events = in.varint();
  }
  if (!in.ok() || !in.at_end()) return corruption("drain checkpoint: malformed");
  return c;
}

}  // namespace hindcast
