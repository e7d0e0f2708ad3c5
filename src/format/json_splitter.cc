#include "format/json_splitter.h"

#include <algorithm>

namespace hindcast {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool ends_scalar(char c) {
  return is_space(c) || c == ',' || c == ']' || c == '}' || c == '[' || c == '{' || c == '"';
}

}  // namespace

/// One behind the element, or null when it does not end before `end`; `scan` then says where to go
/// on.
const char* JsonSplitter::scan(const char* at, const char* end, Scan& scan) {
  if (scan.scalar) {
    const char* stop = std::find_if(at, end, ends_scalar);
    return stop == end ? nullptr : stop;
  }
  for (; at != end; ++at) {
    const char c = *at;
    if (scan.in_string) {
      if (scan.escaped) {
        scan.escaped = false;
      } else if (c == '\\') {
        scan.escaped = true;
      } else if (c == '"') {
        scan.in_string = false;
        if (scan.depth == 0) return at + 1;
      }
      continue;
    }
    switch (c) {
      case '"':
        scan.in_string = true;
        break;
      case '{':
      case '[':
        ++scan.depth;
        break;
      case '}':
      case ']':
        if (scan.depth <= 1) return at + 1;
        --scan.depth;
        break;
      default:
        break;
    }
  }
  return nullptr;
}

void JsonSplitter::element_done() { state_ = in_array_ ? State::kAfter : State::kTop; }

JsonSplitter::Found JsonSplitter::next(BytesView& bytes, bool final, size_t limit) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  const auto passed = [&](const char* to) { bytes = {to, static_cast<size_t>(end - to)}; };
  if (skip_.active) {
    const char* stop = scan(at, end, skip_);
    if (stop == nullptr && !final) {
      passed(end);
      return {};
    }
    skip_ = {};
    cut_off_ = stop == nullptr;
    element_done();
    at = stop == nullptr ? end : stop;
  }
  for (; at != end; ++at) {
    const char c = *at;
    if (is_space(c)) continue;
    if (state_ == State::kTop && c == '[') {
      state_ = State::kArray;
      in_array_ = true;
      continue;
    }
    if (state_ != State::kTop && c == ']') {
      state_ = State::kTop;
      in_array_ = false;
      continue;
    }
    if (state_ == State::kAfter && c == ',') {
      state_ = State::kArray;
      continue;
    }
    break;
  }
  passed(at);
  if (at == end) return {};

  if (state_ == State::kAfter) {  // the comma is missing: said once, then on with the element
    state_ = State::kArray;
    return {Kind::kStray, bytes.substr(0, std::min<size_t>(bytes.size(), 1))};
  }
  Scan from;
  from.active = true;
  from.scalar = *at != '{' && *at != '[' && *at != '"';
  const char* stop = scan(from.scalar ? at + 1 : at, end, from);
  const auto size = static_cast<size_t>((stop == nullptr ? end : stop) - at);
  cut_off_ = stop == nullptr && final;
  if (size > limit) {
    const Found found{Kind::kTooLong, {at, limit}};
    if (stop == nullptr && !final) {
      skip_ = from;
      passed(end);
    } else {
      element_done();
      passed(stop == nullptr ? end : stop);
    }
    return found;
  }
  if (stop == nullptr && !final) return {};
  element_done();
  passed(at + size);
  return {*at == '{' || *at == '[' ? Kind::kElement : Kind::kStray, {at, size}};
}

void JsonSplitter::save(Bytes& out) const {
  put_u8(out, static_cast<uint8_t>(state_));
  put_u8(out, static_cast<uint8_t>(in_array_ | skip_.active << 1 | skip_.in_string << 2 |
                                   skip_.escaped << 3 | skip_.scalar << 4));
  put_varint(out, skip_.depth);
}

void JsonSplitter::restore(ByteReader& in) {
  const uint8_t state = in.u8(), flags = in.u8();
  if (state > static_cast<uint8_t>(State::kAfter)) return in.fail();
  state_ = static_cast<State>(state);
  in_array_ = (flags & 1) != 0;
  skip_ = {(flags & 2) != 0, (flags & 16) != 0, (flags & 4) != 0, (flags & 8) != 0,
           static_cast<uint32_t>(in.varint())};
}

}  // namespace hindcast
