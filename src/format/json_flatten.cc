#include "format/json_flatten.h"

#include <simdjson.h>

#include "format/value_parser.h"

namespace hindcast {
namespace {

namespace od = simdjson::ondemand;
using Field = std::function<void(const std::string&, const Cell&)>;

constexpr int kDepthMax = 32;

class Flatten {
 public:
  explicit Flatten(const Field& field) : field_(field) {}

  bool object(od::object members, const std::string& path, int depth) {
    for (auto member : members) {
      std::string_view name;
      od::value v;
      if (member.unescaped_key().get(name) || member.value().get(v)) return false;
      if (!value(v, path.empty() ? std::string(name) : path + "." + std::string(name), depth))
        return false;
    }
    return true;
  }

  bool array(od::array elements) {
    size_t index = 0;
    for (auto element : elements) {
      od::value v;
      if (element.get(v)) return false;
      const std::string_view token = v.raw_json_token();
      if (token.empty() || token[0] == '[') return false;  // an array of records, not a record
      if (!value(v, std::to_string(index++), 0)) return false;
    }
    return true;
  }

 private:
  bool value(od::value v, const std::string& path, int depth) {
    const std::string_view token = trim_token(v.raw_json_token());
    if (token.empty()) return false;
    if (token[0] == '{') {
      od::object members;
      return depth < kDepthMax && !v.get_object().get(members) && object(members, path, depth + 1);
    }
    Cell cell{token, CellKind::kNumber, true};
    if (token[0] == '[') {
      od::array elements;
      if (v.get_array().get(elements) || elements.raw_json().get(cell.text)) return false;
      cell.kind = CellKind::kNested;
    } else if (token[0] == '"') {
      if (v.get_string().get(cell.text)) return false;
      cell.kind = CellKind::kText;
    } else if (token == "null") {
      cell.kind = CellKind::kNull;
    } else if (token == "true" || token == "false") {
      cell.kind = CellKind::kBool;
    } else if (!is_json_number(token)) {
      return false;
    }
    field_(path, cell);
    return true;
  }

  static std::string_view trim_token(std::string_view token) {
    while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ')
      token.remove_suffix(1);
    return token;
  }

  const Field& field_;
};

}  // namespace

bool flatten_json(PaddedText text, const Field& field) {
  od::parser parser;
  od::document document;
  const simdjson::padded_string_view padded(text.data, text.size, text.size + PaddedText::kPadding);
  if (parser.iterate(padded).get(document)) return false;
  const size_t first = text.view().find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return false;
  Flatten flatten(field);
  bool ok = false;
  if (text.data[first] == '[') {
    od::array elements;
    ok = !document.get_array().get(elements) && flatten.array(elements);
  } else if (text.data[first] == '{') {
    od::object members;
    ok = !document.get_object().get(members) && flatten.object(members, "", 0);
  }
  const char* location = nullptr;
  return ok && document.current_location().get(location) != simdjson::SUCCESS;  // nothing follows
}

}  // namespace hindcast
