#include "net/json_reader.h"

#include <simdjson.h>

#include <charconv>

#include "net/json_writer.h"

namespace hindcast {
namespace {

namespace ondemand = simdjson::ondemand;

std::string_view trimmed(std::string_view token) {
  while (!token.empty() && (token.back() == ' ' || token.back() == '\n' || token.back() == '\r' ||
                            token.back() == '\t')) {
    token.remove_suffix(1);
  }
  return token;
}

// Reads a document that is known to be valid. On-demand parsing is what still has the text of
// numbers. `source` is the document, or a value in it; simdjson throws if it is not what it was.
template <class Source>
JsonValue read(Source&& source) {
  JsonValue out;
  switch (ondemand::json_type(source.type())) {
    case ondemand::json_type::null:
      break;
    case ondemand::json_type::boolean:
      out.kind = JsonValue::Kind::kBoolean;
      out.boolean = bool(source.get_bool());
      break;
    case ondemand::json_type::number:
      out.kind = JsonValue::Kind::kNumber;
      out.text = trimmed(std::string_view(source.raw_json_token()));
      break;
    case ondemand::json_type::string:
      out.kind = JsonValue::Kind::kString;
      out.text = std::string_view(source.get_string());
      break;
    case ondemand::json_type::array:
      out.kind = JsonValue::Kind::kArray;
      for (auto item : source.get_array()) out.items.push_back(read(item.value()));
      break;
    case ondemand::json_type::object:
      out.kind = JsonValue::Kind::kObject;
      for (auto member : source.get_object()) {
        std::string name(std::string_view(member.unescaped_key()));
        out.members.push_back({std::move(name), read(member.value().value())});
      }
      break;
  }
  return out;
}

void append(Bytes& out, const JsonValue& value) {
  JsonWriter json(out);
  switch (value.kind) {
    case JsonValue::Kind::kNull:
      json.null();
      break;
    case JsonValue::Kind::kBoolean:
      json.boolean(value.boolean);
      break;
    case JsonValue::Kind::kNumber:
      json.raw(value.text);
      break;
    case JsonValue::Kind::kString:
      json.string(value.text);
      break;
    case JsonValue::Kind::kArray:
      out.push_back('[');
      for (size_t i = 0; i < value.items.size(); ++i) {
        if (i > 0) out.push_back(',');
        append(out, value.items[i]);
      }
      out.push_back(']');
      break;
    case JsonValue::Kind::kObject:
      out.push_back('{');
      for (size_t i = 0; i < value.members.size(); ++i) {
        if (i > 0) out.push_back(',');
        append_json_string(out, value.members[i].name);
        out.push_back(':');
        append(out, value.members[i].value);
      }
      out.push_back('}');
      break;
  }
}

}  // namespace

const JsonValue& JsonValue::operator[](std::string_view name) const {
  static const JsonValue kNone;
  for (const auto& [key, value] : members) {
    if (key == name) return value;
  }
  return kNone;
}

std::optional<uint64_t> JsonValue::unsigned_number() const {
  uint64_t out = 0;
  if (kind != Kind::kNumber) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

std::string JsonValue::to_string() const {
  if (kind == Kind::kString || kind == Kind::kNumber) return text;
  if (kind == Kind::kNull) return "";
  std::string out;
  append(out, *this);
  return out;
}

Result<JsonValue> parse_json(BytesView text) {
  constexpr size_t kDepth = 64;
  const simdjson::padded_string padded(text);
  try {
    simdjson::dom::parser
        checker;  // checks all of it: structure, UTF-8, numbers, depth, nothing behind
    if (const auto error = checker.allocate(padded.size(), kDepth))
      throw simdjson::simdjson_error(error);
    if (const auto error = checker.parse(padded).error()) throw simdjson::simdjson_error(error);
    ondemand::parser parser;
    return read(ondemand::document(parser.iterate(padded)));
  } catch (const simdjson::simdjson_error& error) {
    return invalid_argument(std::string("not JSON: ") + error.what());
  }
}

}  // namespace hindcast
