#include "format/json_splitter.h"

#include <algorithm>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace hindcast {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool ends_scalar(char c) {
  return is_space(c) || c == ',' || c == ']' || c == '}' || c == '[' || c == '{' || c == '"';
}

/// The next quote or backslash, or `end`.
const char* skip_string(const char* at, const char* end) {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const int found = _mm_movemask_epi8(
        _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));
    if (found != 0) return at + __builtin_ctz(static_cast<unsigned>(found));
  }
#endif
  return std::find_if(at, end, [](char c) { return c == '"' || c == '\\'; });
}

/// The next quote or bracket, or `end`.
const char* skip_scalars(const char* at, const char* end) {
#if defined(__SSE2__)
  // '[' and '{', ']' and '}' differ in one bit; no other byte becomes one of them with it.
  const __m128i quote = _mm_set1_epi8('"'), bit = _mm_set1_epi8(0x20), open = _mm_set1_epi8('{'),
                close = _mm_set1_epi8('}');
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i folded = _mm_or_si128(bytes, bit);
    const int found = _mm_movemask_epi8(
        _mm_or_si128(_mm_cmpeq_epi8(bytes, quote),
                     _mm_or_si128(_mm_cmpeq_epi8(folded, open), _mm_cmpeq_epi8(folded, close))));
    if (found != 0) return at + __builtin_ctz(static_cast<unsigned>(found));
  }
#endif
  return std::find_if(at, end,
                      [](char c) { return c == '"' || (c | 0x20) == '{' || (c | 0x20) == '}'; });
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
    if (scan.escaped) {
      scan.escaped = false;
      continue;
    }
    at = scan.in_string ? skip_string(at, end) : skip_scalars(at, end);
    if (at == end) break;
    const char c = *at;
    if (scan.in_string) {
      scan.escaped = c == '\\';
      scan.in_string = c != '"';
      if (!scan.in_string && scan.depth == 0) return at + 1;
    } else if (c == '"') {
      scan.in_string = true;
    } else if (c == '{' || c == '[') {
      ++scan.depth;
    } else {
      if (scan.depth <= 1) return at + 1;
      --scan.depth;
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
