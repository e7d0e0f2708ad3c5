#include "format/json_record.h"

#include <simdjson.h>

#include "format/value_parser.h"

namespace hindcast {
namespace {

namespace od = simdjson::ondemand;

/// A token that is neither string nor bracket. NaN and Infinity are not JSON, but common: they
/// become numbers here, so that the value parser can name them.
bool classify(std::string_view token, Cell& out) {
  while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ') token.remove_suffix(1);
  out.text = token;
  out.utf8 = true;
  if (token.empty()) return false;
  if (token == "null") {
    out.kind = CellKind::kNull;
  } else if (token == "true" || token == "false") {
    out.kind = CellKind::kBool;
  } else if (is_json_number(token) || token == "NaN" || token == "Infinity" ||
             token == "-Infinity") {
    out.kind = CellKind::kNumber;
  } else {
    return false;
  }
  return true;
}

bool is_open(char c) { return c == '{' || c == '['; }

/// simdjson's word for a scalar that is none.
constexpr simdjson::error_code kBadScalar = simdjson::TAPE_ERROR;

class Walk {
 public:
  Walk(const JsonPaths& paths, Cell* cells) : paths_(paths), cells_(cells) {}

  simdjson::error_code object(od::object members, int node) {
    for (auto field : members) {
      std::string_view name;
      if (const auto error = field.unescaped_key().get(name)) return error;
      od::value v;
      if (const auto error = field.value().get(v)) return error;
      if (const auto error = value(v, paths_.member(node, name))) return error;
    }
    return simdjson::SUCCESS;
  }

  simdjson::error_code array(od::array elements, int node) {
    size_t index = 0;
    for (auto element : elements) {
      od::value v;
      if (const auto error = element.get(v)) return error;
      if (const auto error = value(v, paths_.element(node, index++))) return error;
    }
    return simdjson::SUCCESS;
  }

 private:
  simdjson::error_code value(od::value v, int node) {
    const std::string_view token = v.raw_json_token();
    if (token.empty()) return kBadScalar;
    const char first = token[0];
    const int cell = node == JsonPaths::kNone ? JsonPaths::kNone : paths_.cell(node);
    if (is_open(first)) {
      if (cell != JsonPaths::kNone) cells_[cell] = {{}, CellKind::kNested};
      if (node == JsonPaths::kNone || !paths_.has_children(node))
        return simdjson::SUCCESS;  // skipped by the iterator
      if (first == '{') {
        od::object members;
        const auto error = v.get_object().get(members);
        return error ? error : object(members, node);
      }
      od::array elements;
      const auto error = v.get_array().get(elements);
      return error ? error : array(elements, node);
    }
    if (first == '"') {
      if (cell == JsonPaths::kNone) return simdjson::SUCCESS;
      std::string_view text;
      if (const auto error = v.get_string().get(text)) return error;
      cells_[cell] = {text, CellKind::kText, true};
      return simdjson::SUCCESS;
    }
    Cell scalar;
    if (!classify(token, scalar)) return kBadScalar;
    if (cell != JsonPaths::kNone) cells_[cell] = scalar;
    return simdjson::SUCCESS;
  }

  const JsonPaths& paths_;
  Cell* cells_;
};

bool explain(simdjson::error_code error, const char* what, size_t at, Problem& problem) {
  problem.reason = error == simdjson::UTF8_ERROR ? "bad-utf8" : "malformed";
  problem.detail = "not valid JSON";
  if (at != SIZE_MAX) problem.detail += " near byte " + std::to_string(at + 1);
  problem.detail += std::string(": ") + (what != nullptr ? what : simdjson::error_message(error));
  return false;
}

}  // namespace

struct JsonRecord::Impl {
  od::parser parser;
  od::document document;
  std::string pointer;
};

JsonRecord::JsonRecord() : impl_(std::make_unique<Impl>()) {}
JsonRecord::~JsonRecord() = default;
JsonRecord::JsonRecord(JsonRecord&&) noexcept = default;
JsonRecord& JsonRecord::operator=(JsonRecord&&) noexcept = default;

bool JsonRecord::read(PaddedText text, const JsonPaths& paths, Cell* cells, Problem& problem) {
  static_assert(PaddedText::kPadding >= simdjson::SIMDJSON_PADDING);
  auto& [parser, document, pointer] = *impl_;
  const simdjson::padded_string_view padded(text.data, text.size, text.size + PaddedText::kPadding);
  if (const auto error = parser.iterate(padded).get(document))
    return explain(error, nullptr, SIZE_MAX, problem);
  Walk walk(paths, cells);
  std::string_view first(text.data, text.size);
  while (!first.empty() && static_cast<unsigned char>(first[0]) <= ' ') first.remove_prefix(1);
  simdjson::error_code error = simdjson::SUCCESS;
  if (!first.empty() && first[0] == '{') {
    od::object members;
    error = document.get_object().get(members);
    if (!error) error = walk.object(members, JsonPaths::kRoot);
  } else if (!first.empty() && first[0] == '[') {
    od::array elements;
    error = document.get_array().get(elements);
    if (!error) error = walk.array(elements, JsonPaths::kRoot);
  } else {
    return explain(simdjson::INCORRECT_TYPE, "a record must be an object or an array", SIZE_MAX,
                   problem);
  }
  const char* location = nullptr;
  const bool more = !document.current_location().get(location);
  if (error)
    return explain(error, nullptr, more ? static_cast<size_t>(location - text.data) : SIZE_MAX,
                   problem);
  if (more)
    return explain(simdjson::TRAILING_CONTENT, "something follows the record",
                   static_cast<size_t>(location - text.data), problem);
  return true;
}

std::string_view JsonRecord::raw_at(PaddedText text, std::string_view path) {
  auto& [parser, document, pointer] = *impl_;
  pointer = "/";
  for (const char c : path) {
    if (c == '.') {
      pointer += '/';
    } else if (c == '~' || c == '/') {
      pointer += c == '~' ? "~0" : "~1";
    } else {
      pointer += c;
    }
  }
  const simdjson::padded_string_view padded(text.data, text.size, text.size + PaddedText::kPadding);
  if (parser.iterate(padded).get(document)) return {};
  od::value found;
  if (document.at_pointer(pointer).get(found)) return {};
  const std::string_view token = found.raw_json_token();
  std::string_view raw;
  if (token.empty()) return {};
  if (token[0] == '[') {
    od::array elements;
    if (found.get_array().get(elements) || elements.raw_json().get(raw)) return {};
    return raw;
  }
  if (token[0] == '{') {
    od::object members;
    if (found.get_object().get(members) || members.raw_json().get(raw)) return {};
    return raw;
  }
  return found.is_null() ? "null" : "";
}

}  // namespace hindcast
