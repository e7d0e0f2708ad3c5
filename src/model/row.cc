#include "model/row.h"

#include "base/assert.h"

namespace hindcast {
namespace {

constexpr uint8_t kRowVersion = 1;

}  // namespace

std::string to_string(Cause cause) {
  switch (cause.kind) {
    case Cause::Kind::kLive:
      return "live";
    case Cause::Kind::kLate:
      return "late";
    case Cause::Kind::kReplay:
      return "replay " + std::to_string(cause.job);
    case Cause::Kind::kRepair:
      return "repair " + std::to_string(cause.job);
    case Cause::Kind::kUndo:
      return "undo " + std::to_string(cause.job);
  }
  return "unknown";
}

void fold_rows(const StreamSchema& schema, const Rule& rule, AggregateId aggregate,
               Duration resolution, PartitionId partition, uint16_t slot, const EventBatch& page,
               const std::vector<KeyRun>& runs, std::vector<Row>& out) {
  State state(schema, rule);
  Bytes encoded;  // copied at its final length: one allocation a row
  for (const KeyRun& run : runs) {
    const BytesView key = page.keys[run.key];
    const uint64_t key_hash = hash64(key);
    for (size_t begin = run.begin; begin < run.end;) {
      const Window bucket = window_of(event_time_ns(page.time[begin]), resolution);
      const bool endless = bucket.end == kMaxEventTime;  // saturated: it holds the last instant too
      Digest digest;
      size_t end = begin;
      for (; end < run.end && (endless || page.time[end] < unix_ns(bucket.end)); ++end) {
        HC_ASSERT(page.time[end] >= unix_ns(bucket.start));  // page order
        digest += event_hash(schema, page, end, key_hash);
      }
      state.reset();
      state.fold(page, begin, end);
      encoded.clear();
      state.encode(encoded);

      Row& row = out.emplace_back();
      row.at = {aggregate, resolution, bucket.start, partition, slot, Bytes(key)};
      row.events = end - begin;
      row.digest = digest;
      row.state = encoded;
      begin = end;
    }
  }
}

Result<Row> roll_up(const StreamSchema& schema, const Rule& rule, const RowKey& parent,
                    const std::vector<const Row*>& children) {
  State state(schema, rule);
  return roll_up(state, parent, children);
}

Result<Row> roll_up(State& state, const RowKey& parent, const std::vector<const Row*>& children) {
  state.reset();
  Row row;
  row.at = parent;
  for (const Row* child : children) {
    if (child->events == 0) continue;  // hidden: emptied by a correction
    row.events += child->events;
    row.digest += child->digest;
    if (Status combined = state.combine(child->state); !combined) {
      return std::move(combined).error().with("bucket " + to_rfc3339(child->at.bucket));
    }
  }
  state.encode(row.state);
  return row;
}

void encode_row_value(const Row& row, Bytes& out) {
  put_u8(out, kRowVersion);
  put_varint(out, row.version.value);
  put_varint(out, row.events);
  put_u64(out, row.digest.hi);
  put_u64(out, row.digest.lo);
  put_u8(out, static_cast<uint8_t>(row.cause.kind));
  put_varint(out, row.cause.job);
  put_signed(out, unix_ns(row.published_at));
  out.append(row.state);
}

Status decode_row_value(BytesView bytes, Row& row) {
  ByteReader in(bytes);
  if (in.u8() != kRowVersion) return corruption("row: unknown version");
  row.version = Version{in.varint()};
  row.events = in.varint();
  row.digest.hi = in.u64();
  row.digest.lo = in.u64();
  const uint8_t cause = in.u8();
  row.cause.kind = static_cast<Cause::Kind>(cause);
  row.cause.job = in.varint();
  row.published_at = ProcessingTime(Duration(in.signed_varint()));
  if (!in.ok() || cause > static_cast<uint8_t>(Cause::Kind::kUndo)) {
    return corruption("row: malformed");
  }
  row.state = in.bytes(in.remaining());
  return {};
}

}  // namespace hindcast
