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
