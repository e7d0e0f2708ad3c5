#include "format/line_decoder.h"

#include <algorithm>
#include <cstring>

#include "base/hash.h"

namespace hindcast {
namespace {

const char* find_newline(const char* begin, const char* end) {
  return static_cast<const char*>(std::memchr(begin, '\n', static_cast<size_t>(end - begin)));
}

BytesView without_return(const char* begin, const char* end) {
  if (end != begin && end[-1] == '\r') --end;
  return {begin, static_cast<size_t>(end - begin)};
}

bool is_blank(BytesView text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c == ' ' || c == '\t'; });
}

}  // namespace

LineDecoder::LineDecoder(const StreamSchema& schema, const SourceConfig& source,
                         bool match_in_record)
    : DecoderBase(schema, source, match_in_record), last_row_repeated_(source.last_row_repeated) {}

void LineDecoder::reset() {
  skipping_ = false;
  previous_.reset();
}

void LineDecoder::save(Bytes& out) const {
  put_u8(out, static_cast<uint8_t>(skipping_));
  put_u8(out, static_cast<uint8_t>(previous_.has_value()));
  put_u64(out, previous_.value_or(0));
}

void LineDecoder::restore(ByteReader& in) {
  skipping_ = in.u8() != 0;
  const bool has_previous = in.u8() != 0;
  const uint64_t previous = in.u64();
  if (has_previous) previous_ = previous;
}

LineDecoder::Frame LineDecoder::frame(const char* begin, const char* end, bool final) const {
  if (const char* newline = find_newline(begin, end))
    return {Frame::Kind::kRecord, newline, newline + 1};
  return final ? Frame{Frame::Kind::kRecord, end, end} : Frame{};
}

void LineDecoder::take(BytesView text, const char* buffer_end) {
  ++row_;
  ++line_;
  if (!is_blank(text)) {
    record(text, buffer_end);
    if (last_row_repeated_) previous_ = hash64(text);
  }
  // Only quoted cells of CSV hold newlines.
  if (std::memchr(text.data(), '\n', text.size()) != nullptr) {
    line_ += static_cast<uint64_t>(std::count(text.begin(), text.end(), '\n'));
  }
}

size_t LineDecoder::decode_records(BytesView bytes, bool final) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  const size_t limit = format_.line_max.value;
  // With last_row_repeated a row is taken only when another one follows it: it might be the last.
  // What is held back is simply not consumed, so it is given again and a resume begins with it.
  std::optional<BytesView> held;
  uint64_t blank_behind_held = 0;
  const auto take_held = [&] {
    if (held) take(*held, end);
    held.reset();
    row_ += blank_behind_held;
    line_ += blank_behind_held;
    blank_behind_held = 0;
  };
  while (at != end) {
    if (skipping_) {
      const char* newline = find_newline(at, end);
      at = newline == nullptr ? end : newline + 1;
      skipping_ = newline == nullptr && !final;
      continue;
    }
    Frame next = frame(at, end, final);
    const auto size = static_cast<size_t>((next.kind == Frame::Kind::kMore ? end : next.end) - at);
    if (next.kind == Frame::Kind::kMore && size <= limit) break;
    if (size > limit) {
      // Only the first line is given up; a quoted newline does not drag what follows it along.
      const char* newline = find_newline(at, at + limit + 1);
      take_held();
      if (newline == nullptr) {
        ++row_;
        ++line_;
        refuse_too_long({at, limit}, line_, format_.line_max);
        skipping_ = true;
        continue;
      }
      next = {Frame::Kind::kBroken, newline, newline + 1};
    }
    const BytesView text = without_return(at, next.end);
    if (next.kind == Frame::Kind::kBroken) {
      take_held();
      ++row_;
      ++line_;
      broken(text);
    } else if (!last_row_repeated_) {
      take(text, end);
    } else if (held && is_blank(text)) {
      ++blank_behind_held;
    } else {
      take_held();
      held = text;
    }
    at = next.next;
  }
  if (final) skipping_ = false;
  if (!held) return static_cast<size_t>(at - bytes.data());
  if (!final) return static_cast<size_t>(held->data() - bytes.data());
  if (previous_ == hash64(*held)) {
    ++row_;
    ++line_;
    ignore();
  } else {
    take_held();
  }
  return bytes.size();
}

}  // namespace hindcast
