#include "model/key.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/assert.h"
#include "base/hash.h"

namespace hindcast {
namespace {

constexpr char kEscape = '\0';
constexpr char kEscapedZero = '\xff';
constexpr char kTerminator = '\1';

std::optional<int64_t> parse_int(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (u < 0x20) {
      out += "\\u00";
      out += kHex[u >> 4];
      out += kHex[u & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_utf8(std::string& out, uint32_t c) {
  const auto put = [&](uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6), put(0x80 | (c & 63));
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12), put(0x80 | (c >> 6 & 63)), put(0x80 | (c & 63));
  } else {
    put(0xf0 | c >> 18), put(0x80 | (c >> 12 & 63)), put(0x80 | (c >> 6 & 63)),
        put(0x80 | (c & 63));
  }
}

// A JSON array of integers and strings: the one spelling that can name every key.
class JsonArray {
 public:
  explicit JsonArray(std::string_view text) : rest_(text) {}

  std::optional<std::vector<KeyPart>> parse() {
    std::vector<KeyPart> parts;
    if (!take('[')) return std::nullopt;
    if (take(']')) return at_end(std::move(parts));
    do {
      skip_space();
      std::optional<KeyPart> part = !rest_.empty() && rest_[0] == '"' ? string() : integer();
      if (!part) return std::nullopt;
      parts.push_back(*std::move(part));
    } while (take(','));
    if (!take(']')) return std::nullopt;
    return at_end(std::move(parts));
  }

 private:
  std::optional<std::vector<KeyPart>> at_end(std::vector<KeyPart> parts) {
    skip_space();
    if (!rest_.empty()) return std::nullopt;
    return parts;
  }
  void skip_space() {
    while (!rest_.empty() && std::string_view(" \t\r\n").find(rest_[0]) != std::string_view::npos) {
      rest_.remove_prefix(1);
    }
  }
  bool take(char c) {
    skip_space();
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::optional<KeyPart> integer() {
    const size_t length = std::min(rest_.find_first_of(" \t\r\n,]"), rest_.size());
    const std::optional<int64_t> value = parse_int(rest_.substr(0, length));
    if (!value) return std::nullopt;
    rest_.remove_prefix(length);
    return KeyPart(*value);
  }
  std::optional<uint32_t> hex4() {
    uint32_t value = 0;
    if (rest_.size() < 4) return std::nullopt;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + 4, value, 16);
    if (error != std::errc() || end != rest_.data() + 4) return std::nullopt;
    rest_.remove_prefix(4);
    return value;
  }
  std::optional<uint32_t> unicode_escape() {
    const std::optional<uint32_t> high = hex4();
    if (!high || *high < 0xd800 || *high > 0xdfff) return high;
    if (*high > 0xdbff || !rest_.starts_with("\\u")) return std::nullopt;
    rest_.remove_prefix(2);
    const std::optional<uint32_t> low = hex4();
    if (!low || *low < 0xdc00 || *low > 0xdfff) return std::nullopt;
    return 0x10000 + ((*high - 0xd800) << 10) + (*low - 0xdc00);
  }
  std::optional<KeyPart> string() {
    static constexpr std::string_view kNames = "\"\\/bfnrt";
    static constexpr std::string_view kChars = "\"\\/\b\f\n\r\t";
    std::string out;
    rest_.remove_prefix(1);
    while (!rest_.empty()) {
      const char c = rest_[0];
      rest_.remove_prefix(1);
      if (c == '"') return KeyPart(std::move(out));
      if (c != '\\') {
        out += c;
        continue;
      }
      if (rest_.empty()) return std::nullopt;
      const char name = rest_[0];
      rest_.remove_prefix(1);
      if (const size_t i = kNames.find(name); i != std::string_view::npos) {
        out += kChars[i];
      } else if (name == 'u') {
        const std::optional<uint32_t> code = unicode_escape();
        if (!code) return std::nullopt;
        append_utf8(out, *code);
      } else {
        return std::nullopt;
      }
    }
    return std::nullopt;
  }

  std::string_view rest_;
};

Error wrong_shape(std::span<const PartType> types, std::string_view text) {
  std::string shape;
  for (const PartType type : types) {
    if (!shape.empty()) shape += '/';
    shape += type == PartType::kInt ? "<integer>" : "<text>";
  }
  return invalid_argument("key '" + std::string(text) + "' is not of the form " + shape +
                          " (or a JSON array of these)");
}

}  // namespace

void append_key_part(Bytes& out, int64_t part) { put_ordered(out, part); }

void append_key_part(Bytes& out, std::string_view part, bool last) {
  if (last) {
    out.append(part);
    return;
  }
  for (const char c : part) {
    out.push_back(c);
    if (c == kEscape) out.push_back(kEscapedZero);
  }
  out.push_back(kEscape);
  out.push_back(kTerminator);
}

Bytes encode_key(std::span<const PartType> types, std::span<const KeyPart> parts) {
  HC_ASSERT(types.size() == parts.size());
  Bytes out;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (types[i] == PartType::kInt) {
      HC_ASSERT(std::holds_alternative<int64_t>(parts[i]));
      append_key_part(out, std::get<int64_t>(parts[i]));
    } else {
      HC_ASSERT(std::holds_alternative<std::string>(parts[i]));
      append_key_part(out, std::get<std::string>(parts[i]), i + 1 == parts.size());
    }
  }
  return out;
}

Result<std::vector<KeyPart>> decode_key(std::span<const PartType> types, BytesView key) {
  std::vector<KeyPart> parts;
  ByteReader in(key);
  for (size_t i = 0; i < types.size(); ++i) {
    if (types[i] == PartType::kInt) {
      parts.emplace_back(in.ordered());
    } else if (i + 1 == types.size()) {
      parts.emplace_back(std::string(in.bytes(in.remaining())));
    } else {
      std::string text;
      for (;;) {
        const auto c = static_cast<char>(in.u8());
        if (!in.ok()) break;
        if (c == kEscape) {
          const auto next = static_cast<char>(in.u8());
          if (next == kTerminator) break;
          if (next != kEscapedZero) in.fail();
        }
        text += c;
      }
      parts.emplace_back(std::move(text));
    }
  }
  if (!in.ok() || !in.at_end()) return corruption("key does not have the parts of its stream");
  return parts;
}

std::string key_to_string(std::span<const PartType> types, BytesView key) {
  const Result<std::vector<KeyPart>> parts = decode_key(types, key);
  HC_ASSERT(parts.has_value());
  // The plain spelling, unless key_from_string would read it as something else.
  std::string plain, json = "[";
  bool ambiguous = false;
  for (const KeyPart& part : *parts) {
    if (&part != parts->data()) {
      plain += '/';
      json += ',';
    }
    if (const int64_t* number = std::get_if<int64_t>(&part)) {
      plain += std::to_string(*number);
      json += std::to_string(*number);
    } else {
      const std::string& text = std::get<std::string>(part);
      ambiguous |= types.size() > 1 && text.find('/') != std::string::npos;
      plain += text;
      append_json_string(json, text);
    }
  }
  ambiguous |= plain.starts_with('[');
  return ambiguous ? json + "]" : plain;
}

Result<Bytes> key_from_string(std::span<const PartType> types, std::string_view text) {
  std::vector<KeyPart> parts;
  if (text.starts_with('[')) {
    std::optional<std::vector<KeyPart>> array = JsonArray(text).parse();
    if (!array) return wrong_shape(types, text);
    parts = *std::move(array);
  } else {
    std::string_view rest = text;
    for (size_t i = 0; i < types.size(); ++i) {
      // A key of one component may hold '/' itself: "BTC/USD".
      const bool last = i + 1 == types.size();
      const size_t end = types.size() == 1 ? rest.size() : rest.find('/');
      if (last != (end == std::string_view::npos || types.size() == 1)) {
        return wrong_shape(types, text);
      }
      const std::string_view part = rest.substr(0, end);
      if (!last) rest.remove_prefix(end + 1);
      if (types[i] == PartType::kText) {
        parts.emplace_back(std::string(part));
      } else if (const std::optional<int64_t> number = parse_int(part)) {
        parts.emplace_back(*number);
      } else {
        return wrong_shape(types, text);
      }
    }
  }
  if (parts.size() != types.size()) return wrong_shape(types, text);
  for (size_t i = 0; i < types.size(); ++i) {
    const bool is_int = std::holds_alternative<int64_t>(parts[i]);
    if (is_int != (types[i] == PartType::kInt)) return wrong_shape(types, text);
  }
  return encode_key(types, parts);
}

uint16_t slot_of(BytesView key, uint16_t slots) { return slot_of_hash(hash64(key), slots); }
uint32_t partition_of(BytesView key, uint32_t partitions) {
  return partition_of_hash(hash64(key), partitions);
}

}  // namespace hindcast
