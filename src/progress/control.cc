#include "progress/control.h"

namespace hindcast {
namespace {

// First byte of every payload of this file. Records outlive the program that wrote them.
constexpr uint8_t kVersion = 1;

bool version_ok(ByteReader& in) { return in.u8() == kVersion && in.ok(); }

Error bad(std::string_view what) {
  return corruption("malformed " + std::string(what) + " record");
}

}  // namespace

// version | why | to
Bytes encode(const Advance& advance) {
  Bytes out;
  put_u8(out, kVersion);
  put_u8(out, static_cast<uint8_t>(advance.why));
  put_signed(out, unix_ns(advance.to));
  return out;
}

Result<Advance> decode_advance(BytesView bytes) {
  ByteReader in(bytes);
  const bool known = version_ok(in);
  const uint8_t why = in.u8();
  const int64_t to = in.signed_varint();
  if (!known || !in.ok() || !in.at_end() ||
      why > static_cast<uint8_t>(Advance::Why::kReplayStart)) {
    return bad("advance");
  }
  return Advance{event_time_ns(to), static_cast<Advance::Why>(why)};
}

// version | reason
Bytes encode(const Connection& connection) {
  Bytes out;
  put_u8(out, kVersion);
  put_string(out, connection.reason);
  return out;
}

Result<Connection> decode_connection(BytesView bytes) {
  ByteReader in(bytes);
  const bool known = version_ok(in);
  Connection connection{std::string(in.string())};
  if (!known || !in.ok() || !in.at_end()) return bad("connection");
  return connection;
}

// version | count | (reason, detail, place, raw, arrived)*
Bytes encode(const std::vector<DeadLetter>& letters) {
  Bytes out;
  put_u8(out, kVersion);
  put_varint(out, letters.size());
  for (const DeadLetter& letter : letters) {
    put_string(out, letter.reason);
    put_string(out, letter.detail);
    put_string(out, letter.place);
    put_string(out, letter.raw);
    put_signed(out, unix_ns(letter.arrived));
  }
  return out;
}

Result<std::vector<DeadLetter>> decode_dead_letters(BytesView bytes) {
  ByteReader in(bytes);
  const bool known = version_ok(in);
  const uint64_t count = in.varint();
  constexpr size_t kSmallest = 5;  // bytes of an empty letter: bounds what a hostile count reserves
  if (!known || !in.ok() || count > in.remaining() / kSmallest) return bad("dead-letter");
  std::vector<DeadLetter> letters(count);
  for (DeadLetter& letter : letters) {
    letter.reason = in.string();
    letter.detail = in.string();
    letter.place = in.string();
    letter.raw = in.string();
    letter.arrived = ProcessingTime(Duration(in.signed_varint()));
  }
  if (!in.ok() || !in.at_end()) return bad("dead-letter");
  return letters;
}

}  // namespace hindcast
