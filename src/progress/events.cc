#include "progress/control.h"

namespace hindcast {
namespace {

constexpr uint8_t kVersion = 1;

}  // namespace

// version | resume number | resume token | rows with keys (docs/formats/events.md)
Bytes encode_events(const StreamSchema& schema, const EventsRecord& head, const EventBatch& batch,
                    size_t begin, size_t end) {
  Bytes out;
  put_u8(out, kVersion);
  put_varint(out, head.resume_number);
  put_string(out, head.resume);
  encode_rows(schema, batch, begin, end, true, out);
  return out;
}

Result<EventsRecord> decode_events(const StreamSchema& schema, BytesView bytes, EventBatch& batch) {
  ByteReader in(bytes);
  const bool known = in.u8() == kVersion;
  EventsRecord head;
  head.resume_number = in.varint();
  head.resume = in.string();
  if (!known || !in.ok()) return corruption("malformed events record");
  batch.reset(schema);
  if (Status rows = decode_rows(schema, in.bytes(in.remaining()), true, batch); !rows) {
    return std::move(rows).error().with("events record");
  }
  return head;
}

}  // namespace hindcast
