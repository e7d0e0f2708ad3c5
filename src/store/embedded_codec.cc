#include "store/embedded_codec.h"

#include "base/assert.h"
#include "progress/facts_codec.h"

namespace hindcast::embedded {
namespace {

constexpr uint8_t kHeadVersion = 1;
constexpr uint8_t kCountersVersion = 1;
constexpr uint8_t kTalliesVersion = 1;
constexpr uint8_t kMarkVersion = 1;
constexpr uint8_t kChangeVersion = 1;

Error bad(const char* what) { return corruption(std::string("malformed ") + what); }

void put_be16(Bytes& out, uint16_t v) {
  out.push_back(static_cast<char>(v >> 8));
  out.push_back(static_cast<char>(v));
}
uint16_t be16(ByteReader& in) {
  const uint16_t high = in.u8();
  return static_cast<uint16_t>(high << 8 | in.u8());
}
void put_time(Bytes& out, EventTime t) { put_ordered(out, unix_ns(t)); }
EventTime time(ByteReader& in) { return event_time_ns(in.ordered()); }

void put_digest(Bytes& out, Digest d) {
  put_u64(out, d.hi);
  put_u64(out, d.lo);
}
Digest digest(ByteReader& in) {
  Digest d;
  d.hi = in.u64();
  d.lo = in.u64();
  return d;
}

void put_cause(Bytes& out, Cause cause) {
  put_u8(out, static_cast<uint8_t>(cause.kind));
  put_varint(out, cause.job);
}
Cause cause(ByteReader& in) {
  Cause c;
  const uint8_t kind = in.u8();
  if (kind > static_cast<uint8_t>(Cause::Kind::kUndo)) in.fail();
  c.kind = static_cast<Cause::Kind>(kind);
  c.job = in.varint();
  return c;
}

void version_byte(ByteReader& in, uint8_t expected) {
  if (in.u8() != expected) in.fail();
}

uint32_t small(ByteReader& in, uint64_t max = UINT32_MAX) {
  const uint64_t v = in.varint();
  if (v > max) in.fail();
  return static_cast<uint32_t>(v);
}
uint16_t slot(ByteReader& in) { return static_cast<uint16_t>(small(in, UINT16_MAX)); }

// How many elements follow, of at least `smallest` bytes each: a hostile count reserves nothing.
size_t count(ByteReader& in, size_t smallest) {
  const uint64_t n = in.varint();
  if (n > in.remaining() / smallest) in.fail();
  return in.ok() ? static_cast<size_t>(n) : 0;
}

bool whole(const ByteReader& in) { return in.ok() && in.at_end(); }

void put_row_place(Bytes& out, const RowKey& key) {
  put_be32(out, key.aggregate.value);
  put_ordered(out, key.resolution.count());
  put_time(out, key.bucket);
  put_be32(out, key.partition.value);
  put_be16(out, key.slot);
}

Bytes fact_key(char kind, uint32_t id) {
  Bytes out(1, kind);
  put_be32(out, id);
  return out;
}
Bytes fact_key(char kind, uint64_t id) {
  Bytes out(1, kind);
  put_be64(out, id);
  return out;
}

}  // namespace

void put_head_key(Bytes& out, const PageKey& key) {
  put_be32(out, key.partition.value);
  put_time(out, key.window);
  put_be16(out, key.slot);
}

Result<PageKey> decode_head_key(BytesView bytes) {
  ByteReader in(bytes);
  PageKey key;
  key.partition = PartitionId{in.be32()};
  key.window = time(in);
  key.slot = be16(in);
  if (!whole(in)) return bad("head key");
  return key;
}

void put_head(Bytes& out, const PageHead& head) {
  put_u8(out, kHeadVersion);
  put_varint(out, head.version.value);
  put_digest(out, head.digest);
  put_signed(out, head.live_events);
  put_varint(out, head.rows);
  put_varint(out, head.keys);
  put_varint(out, head.parts.size());
  for (const PartRef& part : head.parts) {
    put_varint(out, part.file);
    put_varint(out, part.offset);
    put_varint(out, part.size);
    put_varint(out, part.version.value);
  }
}

Status decode_head(BytesView bytes, PageHead& head) {
  ByteReader in(bytes);
  version_byte(in, kHeadVersion);
  head.version = Version{in.varint()};
  head.digest = digest(in);
  head.live_events = in.signed_varint();
  head.rows = in.varint();
  head.keys = small(in);
  head.parts.resize(count(in, 4));
  for (PartRef& part : head.parts) {
    part.file = in.varint();
    part.offset = in.varint();
    part.size = in.varint();
    part.version = Version{in.varint()};
  }
  if (!whole(in)) return bad("head");
  return {};
}

void put_row_key(Bytes& out, const RowKey& key) {
  put_row_place(out, key);
  out += key.key;
}

Result<RowKey> decode_row_key(BytesView bytes) {
  ByteReader in(bytes);
  RowKey key;
  key.aggregate = AggregateId{in.be32()};
  key.resolution = Duration(in.ordered());
  key.bucket = time(in);
  key.partition = PartitionId{in.be32()};
  key.slot = be16(in);
  key.key = Bytes(in.bytes(in.remaining()));
  if (!in.ok()) return bad("row key");
  return key;
}

void put_versions_prefix(Bytes& out, const RowKey& key) {
  put_row_place(out, key);
  put_be32(out, static_cast<uint32_t>(key.key.size()));
  out += key.key;
}

void put_version_key(Bytes& out, const RowKey& key, Version version) {
  put_versions_prefix(out, key);
  put_be64(out, ~version.value);
}

void put_version(Bytes& out, ProcessingTime superseded_at, BytesView row_value) {
  put_ordered(out, unix_ns(superseded_at));
  out.append(row_value);
}

Result<OldVersion> decode_version(BytesView bytes) {
  ByteReader in(bytes);
  OldVersion old;
  old.superseded_at = ProcessingTime(Duration(in.ordered()));
  old.row_value = in.bytes(in.remaining());
  if (!in.ok()) return bad("old version of a row");
  return old;
}

Bytes encode(const Counters& counters) {
  Bytes out;
  put_u8(out, kCountersVersion);
  put_varint(out, counters.last_change.value);
  put_varint(out, counters.last_mark);
  put_varint(out, counters.last_outcome);
  return out;
}

Result<Counters> decode_counters(BytesView bytes) {
  ByteReader in(bytes);
  version_byte(in, kCountersVersion);
  Counters counters;
  counters.last_change = ChangeNumber{in.varint()};
  counters.last_mark = in.varint();
  if (!in.at_end()) counters.last_outcome = in.varint();  // absent before there were any
  if (!whole(in)) return bad("counters");
  return counters;
}

Bytes checkpoint_key(PartitionId partition) { return fact_key('k', partition.value); }
Bytes drain_key(PartitionId partition) { return fact_key('d', partition.value); }
Bytes tallies_key(SourceId source) { return fact_key('t', source.value); }

Bytes encode(const Tallies& tallies) {
  Bytes out;
  put_u8(out, kTalliesVersion);
  put_varint(out, tallies.aggregated);
  put_varint(out, tallies.duplicate);
  put_varint(out, tallies.superseded);
  put_varint(out, tallies.dead_lettered);
  return out;
}

Result<Tallies> decode_tallies(BytesView bytes) {
  ByteReader in(bytes);
  version_byte(in, kTalliesVersion);
  Tallies tallies;
  tallies.aggregated = in.varint();
  tallies.duplicate = in.varint();
  tallies.superseded = in.varint();
  tallies.dead_lettered = in.varint();
  if (!whole(in)) return bad("tallies");
  return tallies;
}

Bytes part_file_key(uint64_t file) { return fact_key('f', file); }

Bytes encode_live_bytes(uint64_t bytes) {
  Bytes out;
  put_varint(out, bytes);
  return out;
}

Result<uint64_t> decode_live_bytes(BytesView bytes) {
  ByteReader in(bytes);
  const uint64_t live = in.varint();
  if (!whole(in)) return bad("account of a part file");
  return live;
}

Bytes marks_prefix(PartitionId partition) { return fact_key('m', partition.value); }

Bytes mark_key(PartitionId partition, uint64_t id) {
  Bytes out = marks_prefix(partition);
  put_be64(out, id);
  return out;
}

Bytes mark_place_key(uint64_t id) { return fact_key('i', id); }

Bytes mark_place(const Mark& mark) {
  Bytes out;
  put_be32(out, mark.partition.value);
  put_be32(out, mark.aggregate.value);
  put_ordered(out, mark.resolution.count());
  put_time(out, mark.bucket);
  put_be16(out, mark.slot);
  return out;
}

Bytes pending_prefix(BytesView place) { return Bytes("p").append(place); }

Bytes pending_key(BytesView place, uint64_t id) {
  Bytes out = pending_prefix(place);
  put_be64(out, id);
  return out;
}

Result<PartitionId> partition_of_place(BytesView place) {
  ByteReader in(place);
  const PartitionId partition{in.be32()};
  if (!in.ok()) return bad("place of a mark");
  return partition;
}

Bytes encode(const Mark& mark) {
  Bytes out;
  put_u8(out, kMarkVersion);
  put_varint(out, mark.aggregate.value);
  put_signed(out, mark.resolution.count());
  put_signed(out, unix_ns(mark.bucket));
  put_varint(out, mark.slot);
  put_cause(out, mark.cause);
  put_varint(out, mark.keys.size());
  for (const Bytes& key : mark.keys) put_string(out, key);
  return out;
}

Result<Mark> decode_mark(BytesView key, BytesView value) {
  ByteReader in_key(key);
  in_key.u8();
  Mark mark;
  mark.partition = PartitionId{in_key.be32()};
  mark.id = in_key.be64();
  ByteReader in(value);
  version_byte(in, kMarkVersion);
  mark.aggregate = AggregateId{small(in)};
  mark.resolution = Duration(in.signed_varint());
  mark.bucket = event_time_ns(in.signed_varint());
  mark.slot = slot(in);
  mark.cause = cause(in);
  mark.keys.resize(count(in, 1));
  for (Bytes& k : mark.keys) k = Bytes(in.string());
  if (!whole(in_key) || !whole(in)) return bad("mark");
  return mark;
}

Bytes dead_letters_prefix(SourceId source) { return fact_key('x', source.value); }

Bytes dead_letter_key(SourceId source, const EventPosition& at) {
  Bytes out = dead_letters_prefix(source);
  put_be64(out, at.record.hi);
  put_be64(out, at.record.lo);
  put_be32(out, at.row);
  return out;
}

Bytes encode_letter(const DeadLetter& letter) { return encode(std::vector<DeadLetter>{letter}); }

Result<DeadLetterFact> decode_dead_letter(BytesView key, BytesView value) {
  ByteReader in(key);
  in.u8();
  DeadLetterFact fact;
  fact.source = SourceId{in.be32()};
  fact.at.record.hi = in.be64();
  fact.at.record.lo = in.be64();
  fact.at.row = in.be32();
  HC_TRY_ASSIGN(std::vector<DeadLetter> letters, decode_dead_letters(value));
  if (!whole(in) || letters.size() != 1) return bad("dead letter");
  fact.letter = std::move(letters[0]);
  return fact;
}

namespace {

void put_changed_rows(Bytes& out, const Change& change) {
  put_varint(out, change.aggregate.value);
  put_signed(out, change.resolution.count());
  put_varint(out, change.slot);
  put_varint(out, change.version.value);
  put_varint(out, change.rows.size());
  int64_t before = 0;
  for (const auto& [key, bucket] : change.rows) {
    put_string(out, key);
    put_varint(out, zigzag(static_cast<int64_t>(static_cast<uint64_t>(unix_ns(bucket)) -
                                                static_cast<uint64_t>(before))));
    before = unix_ns(bucket);
  }
}

void get_changed_rows(ByteReader& in, Change& change) {
  change.aggregate = AggregateId{small(in)};
  change.resolution = Duration(in.signed_varint());
  change.slot = slot(in);
  change.version = Version{in.varint()};
  change.rows.resize(count(in, 2));
  uint64_t bucket = 0;
  for (auto& [row_key, row_bucket] : change.rows) {
    row_key = Bytes(in.string());
    bucket += static_cast<uint64_t>(in.signed_varint());
    row_bucket = event_time_ns(static_cast<int64_t>(bucket));
  }
}

}  // namespace

Bytes change_key(ChangeNumber number) { return fact_key('n', number.value); }

// The time of publication comes first, at a fixed place: trimming reads nothing else.
Bytes encode(const Change& change) {
  Bytes out;
  put_u8(out, kChangeVersion);
  put_ordered(out, unix_ns(change.published_at));
  put_cause(out, change.cause);
  put_u8(out, static_cast<uint8_t>(change.kind));
  put_varint(out, change.partition.value);
  switch (change.kind) {
    case Change::Kind::kFrontier:
      put_signed(out, unix_ns(change.frontier));
      break;
    case Change::Kind::kGapOpened:
      out += encode(change.gap.value());
      break;
    case Change::Kind::kGapBound:
      out += encode(change.bound.value());
      break;
    case Change::Kind::kGapClosed:
      out += encode(change.outcome.value());
      break;
    case Change::Kind::kRows:
      put_changed_rows(out, change);
      break;
  }
  return out;
}

Result<Change> decode_change(BytesView key, BytesView value) {
  ByteReader in_key(key);
  in_key.u8();
  Change change;
  change.number = ChangeNumber{in_key.be64()};
  ByteReader in(value);
  version_byte(in, kChangeVersion);
  change.published_at = ProcessingTime(Duration(in.ordered()));
  change.cause = cause(in);
  const uint8_t kind = in.u8();
  if (kind > static_cast<uint8_t>(Change::Kind::kGapClosed)) in.fail();
  change.partition = PartitionId{small(in)};
  if (!in.ok()) return bad("change");
  change.kind = static_cast<Change::Kind>(kind);
  switch (change.kind) {
    case Change::Kind::kRows:
      get_changed_rows(in, change);
      break;
    case Change::Kind::kFrontier:
      change.frontier = event_time_ns(in.signed_varint());
      break;
    case Change::Kind::kGapOpened: {
      HC_TRY_ASSIGN(change.gap, decode_gap(in.bytes(in.remaining())));
      break;
    }
    case Change::Kind::kGapBound: {
      HC_TRY_ASSIGN(change.bound, decode_gap_bound(in.bytes(in.remaining())));
      break;
    }
    case Change::Kind::kGapClosed: {
      HC_TRY_ASSIGN(change.outcome, decode_gap_outcome(in.bytes(in.remaining())));
      break;
    }
  }
  if (!whole(in_key) || !whole(in)) return bad("change");
  return change;
}

Result<ProcessingTime> published_at_of_change(BytesView value) {
  ByteReader in(value);
  version_byte(in, kChangeVersion);
  const ProcessingTime at = ProcessingTime(Duration(in.ordered()));
  if (!in.ok()) return bad("change");
  return at;
}

Bytes after_prefix(BytesView prefix) {
  Bytes out(prefix);
  while (!out.empty() && static_cast<uint8_t>(out.back()) == 0xFF) out.pop_back();
  HC_ASSERT(!out.empty());
  out.back() = static_cast<char>(static_cast<uint8_t>(out.back()) + 1);
  return out;
}

}  // namespace hindcast::embedded
