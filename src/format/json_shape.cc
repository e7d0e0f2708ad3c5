#include "format/json_shape.h"

#include <simdjson.h>

#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "format/plain_number.h"
#include "format/value_parser.h"

namespace hindcast {
namespace {

constexpr size_t kValuesMax = 128;  // more fields than that: the general path is as good
constexpr size_t kDepthMax = 8;

/// Compares in pieces of 16 bytes; both sides are padded.
inline bool equal(const char* a, const char* b, size_t size) {
#if defined(__SSE2__)
  while (true) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(a));
    const __m128i y = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b));
    const auto same = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(x, y)));
    if (size <= 16) {
      const uint32_t wanted = size == 16 ? 0xffffu : (1u << size) - 1;
      return (same & wanted) == wanted;
    }
    if (same != 0xffffu) return false;
    a += 16;
    b += 16;
    size -= 16;
  }
#else
  return std::memcmp(a, b, size) == 0;
#endif
}

/// First byte at or behind `at` that is a quote, a backslash or a control character, or `end`;
/// `high` collects whether bytes above 0x7f stand before it. Reads up to 15 bytes behind `end`.
inline const char* string_end(const char* at, const char* end, const ByteConstants& constants,
                              uint32_t& high) {
#if defined(__SSE2__)
  for (; at < end; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i stops =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, constants.quote),
                                  _mm_cmpeq_epi8(bytes, constants.backslash)),
                     _mm_cmpeq_epi8(_mm_min_epu8(bytes, constants.control), bytes));
    const auto stop = static_cast<uint32_t>(_mm_movemask_epi8(stops));
    const auto above = static_cast<uint32_t>(_mm_movemask_epi8(bytes));
    if (stop != 0) {
      high |= above & (stop - 1) & ~stop;
      const char* found = at + __builtin_ctz(stop);
      return found < end ? found : end;
    }
    high |= above;
  }
  return end;
#else
  static_cast<void>(constants);
  for (; at < end; ++at) {
    const auto byte = static_cast<unsigned char>(*at);
    if (byte == '"' || byte == '\\' || byte < 0x20) return at;
    high |= byte & 0x80u;
  }
  return end;
#endif
}

/// A bare value at `at`: number, true, false, null. Returns one behind it, or `at`.
inline const char* bare_end(const char* at, const char* end, Cell& out) {
  switch (*at) {
    case 't':
    case 'f': {
      const size_t size = *at == 't' ? 4 : 5;
      if (static_cast<size_t>(end - at) < size ||
          std::memcmp(at, *at == 't' ? "true" : "false", size) != 0)
        return at;
      out = {{at, size}, CellKind::kBool, true};
      return at + size;
    }
    case 'n':
      if (end - at < 4 || std::memcmp(at, "null", 4) != 0) return at;
      out = {{at, 4}, CellKind::kNull, true};
      return at + 4;
    default: {
      const char* stop = json_number_end(at, end);
      out = {{at, static_cast<size_t>(stop - at)}, CellKind::kNumber, true};
      return stop;
    }
  }
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// Walks one record by the grammar, noting where values stand.
class Learner {
 public:
  Learner(std::string_view record, const JsonPaths& paths)
      : begin_(record.data()), at_(begin_), end_(begin_ + record.size()), paths_(paths) {}

  struct Found {
    size_t begin, end;
    bool string;
    int cell;
  };
  std::vector<Found> found;

  bool record() {
    if (at_ == end_ || (*at_ != '{' && *at_ != '[')) return false;
    return value(JsonPaths::kRoot, 0) && at_ == end_;
  }

 private:
  void spaces() {
    while (at_ != end_ && is_space(*at_)) ++at_;
  }
  bool take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool string(std::string_view& out) {
    if (!take('"')) return false;
    const char* first = at_;
    for (; at_ != end_; ++at_) {
      const auto byte = static_cast<unsigned char>(*at_);
      if (byte == '\\' || byte < 0x20) return false;
      if (byte == '"') break;
    }
    out = {first, static_cast<size_t>(at_ - first)};
    return take('"');
  }
  bool value(int node, size_t depth) {
    if (at_ == end_ || depth > kDepthMax || found.size() > kValuesMax) return false;
    const int cell = node == JsonPaths::kNone ? JsonPaths::kNone : paths_.cell(node);
    if (*at_ == '{' || *at_ == '[') {
      // A mapped object or array is a wrong type: the general path says so.
      return cell == JsonPaths::kNone && (*at_ == '{' ? object(node, depth) : array(node, depth));
    }
    if (*at_ == '"') {
      std::string_view text;
      if (!string(text)) return false;
      const auto first = static_cast<size_t>(text.data() - begin_);
      found.push_back({first, first + text.size(), true, cell});
      return true;
    }
    Cell bare;
    const char* stop = bare_end(at_, end_, bare);
    if (stop == at_) return false;
    found.push_back(
        {static_cast<size_t>(at_ - begin_), static_cast<size_t>(stop - begin_), false, cell});
    at_ = stop;
    return true;
  }
  bool object(int node, size_t depth) {
    take('{');
    spaces();
    if (take('}')) return true;
    while (true) {
      std::string_view name;
      if (!string(name)) return false;
      spaces();
      if (!take(':')) return false;
      spaces();
      if (!value(node == JsonPaths::kNone ? node : paths_.member(node, name), depth + 1))
        return false;
      spaces();
      if (take('}')) return true;
      if (!take(',')) return false;
      spaces();
    }
  }
  bool array(int node, size_t depth) {
    take('[');
    spaces();
    if (take(']')) return true;
    for (size_t index = 0;; ++index) {
      if (!value(node == JsonPaths::kNone ? node : paths_.element(node, index), depth + 1))
        return false;
      spaces();
      if (take(']')) return true;
      if (!take(',')) return false;
      spaces();
    }
  }

  const char* const begin_;
  const char* at_;
  const char* const end_;
  const JsonPaths& paths_;
};

}  // namespace

std::optional<JsonShape> JsonShape::learn(std::string_view record, const JsonPaths& paths,
                                          const std::vector<bool>& numeric) {
  Learner learner(record, paths);
  if (!learner.record()) return std::nullopt;
  JsonShape shape;
  size_t at = 0;
  const auto literal_up_to = [&](size_t end) {
    Step step;
    step.literal = static_cast<uint32_t>(shape.literals_.size());
    step.literal_size = static_cast<uint32_t>(end - at);
    shape.literals_.append(record, at, end - at);
    return step;
  };
  for (const auto& found : learner.found) {
    Step step = literal_up_to(found.begin);
    step.string = found.string;
    step.cell = found.cell;
    step.numeric = found.cell != JsonPaths::kNone && numeric[static_cast<size_t>(found.cell)];
    shape.steps_.push_back(step);
    at = found.end;
  }
  shape.tail_ = literal_up_to(record.size());
  shape.literals_.append(16, '\0');
  return shape;
}

bool JsonShape::read(PaddedText text, Cell* cells) const {
  const char* at = text.data;
  const char* const end = at + text.size;
  const char* const literals = literals_.data();
  uint32_t high = 0;
  const ByteConstants constants;
  for (const Step& step : steps_) {
    // The literal may not reach behind the record; that also bounds what equal() reads by the
    // padding.
    if (static_cast<size_t>(end - at) <= step.literal_size ||
        !equal(at, literals + step.literal, step.literal_size))
      return false;
    at += step.literal_size;
    Cell cell;
    if (step.string) {
      const char* stop = string_end(at, end, constants, high);
      if (!step.numeric || !find_plain_number(at, constants, cell) ||
          cell.text.size() != static_cast<size_t>(stop - at)) {
        cell = {};
        cell.text = {at, static_cast<size_t>(stop - at)};
      }
      cell.kind = CellKind::kText;
      at = stop;  // that it is a quote is the next literal's business
    } else if (find_plain_number(at, constants, cell)) {
      cell.kind = CellKind::kNumber;
      at += cell.text.size();
    } else {
      const char* stop = bare_end(at, end, cell);
      if (stop == at) return false;
      at = stop;
    }
    cell.utf8 = true;  // or the record is refused below
    if (step.cell != JsonPaths::kNone) cells[step.cell] = cell;
  }
  if (static_cast<size_t>(end - at) != tail_.literal_size ||
      !equal(at, literals + tail_.literal, tail_.literal_size))
    return false;
  return high == 0 || simdjson::validate_utf8(text.data, text.size);
}

}  // namespace hindcast
