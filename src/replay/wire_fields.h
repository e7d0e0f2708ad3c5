// The fields that messages between the daemon and its replay processes are made of. Readers never
// believe a count: what follows must be long enough for it.
#pragma once
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "base/units.h"
#include "model/digest.h"
#include "progress/coverage.h"

namespace hindcast::wire {

inline void put_time(Bytes& out, EventTime at) { put_signed(out, unix_ns(at)); }
inline EventTime get_time(ByteReader& in) { return event_time_ns(in.signed_varint()); }

inline void put_window(Bytes& out, const Window& window) {
  put_time(out, window.start);
  put_time(out, window.end);
}
inline Window get_window(ByteReader& in) {
  const EventTime start = get_time(in);
  return {start, get_time(in)};
}

inline void put_digest(Bytes& out, const Digest& digest) {
  put_u64(out, digest.hi);
  put_u64(out, digest.lo);
}
inline Digest get_digest(ByteReader& in) {
  Digest digest;
  digest.hi = in.u64();
  digest.lo = in.u64();
  return digest;
}

inline void put_bool(Bytes& out, bool value) { put_u8(out, value ? 1 : 0); }
inline bool get_bool(ByteReader& in) {
  const uint8_t value = in.u8();
  if (value > 1) in.fail();
  return value == 1;
}

/// A number that has to fit into `T`.
template <class T>
T get_small(ByteReader& in) {
  const uint64_t value = in.varint();
  if (value > std::numeric_limits<T>::max()) in.fail();
  return static_cast<T>(value);
}
/// One of an enumeration from 0 to `last`.
template <class E>
E get_enum(ByteReader& in, E last) {
  const uint8_t value = in.u8();
  if (value > static_cast<uint8_t>(last)) in.fail();
  return in.ok() ? static_cast<E>(value) : E{};
}

/// `each` puts one.
template <class List, class F>
void put_list(Bytes& out, const List& list, F each) {
  put_varint(out, list.size());
  for (const auto& item : list) each(item);
}
/// `each` reads one; every one takes a byte at least.
template <class T, class F>
std::vector<T> get_list(ByteReader& in, F each) {
  std::vector<T> out;
  const uint64_t count = in.varint();
  if (count > in.remaining()) in.fail();
  for (uint64_t i = 0; in.ok() && i < count; ++i) out.push_back(each());
  return out;
}
/// Likewise, of items that are decoded with errors of their own.
template <class T, class F>
Result<std::vector<T>> get_results(ByteReader& in, F each) {
  std::vector<T> out;
  const uint64_t count = in.varint();
  if (count > in.remaining()) in.fail();
  for (uint64_t i = 0; in.ok() && i < count; ++i) {
    HC_TRY_ASSIGN(T item, each());
    out.push_back(std::move(item));
  }
  return out;
}

inline void put_keys(Bytes& out, const std::vector<Bytes>& keys) {
  put_list(out, keys, [&](const Bytes& key) { put_string(out, key); });
}
inline std::vector<Bytes> get_keys(ByteReader& in) {
  return get_list<Bytes>(in, [&] { return Bytes(in.string()); });
}

inline void put_error(Bytes& out, const Error& error) {
  put_u8(out, static_cast<uint8_t>(error.code));
  put_string(out, error.message);
}
inline Error get_error(ByteReader& in) {
  const auto code = get_enum(in, ErrorCode::kCancelled);
  return {code, Bytes(in.string())};
}

inline Error malformed(const char* what) { return corruption(std::string("malformed ") + what); }
inline bool whole(const ByteReader& in) { return in.ok() && in.at_end(); }

}  // namespace hindcast::wire
