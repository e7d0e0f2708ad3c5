#include "format/json_flatten.h"

#include <simdjson.h>

namespace hindcast {
namespace {

namespace dom = simdjson::dom;
using Field = std::function<void(const std::string&, const Cell&)>;

void visit(const dom::element& element, const std::string& path, const Field& field, int depth);

void visit_object(const dom::object& object, const std::string& path, const Field& field,
                  int depth) {
  for (const auto [name, value] : object) {
    visit(value, path.empty() ? std::string(name) : path + "." + std::string(name), field,
          depth + 1);
  }
}

void visit(const dom::element& element, const std::string& path, const Field& field, int depth) {
  if (depth > 32) return;
  switch (element.type()) {
    case dom::element_type::OBJECT:
      return visit_object(element.get_object().value_unsafe(), path, field, depth);
    case dom::element_type::ARRAY:
      return field(path, {simdjson::minify(element), CellKind::kNested, true});
    case dom::element_type::NULL_VALUE:
      return field(path, {"null", CellKind::kNull, true});
    case dom::element_type::BOOL:
      return field(path,
                   {element.get_bool().value_unsafe() ? "true" : "false", CellKind::kBool, true});
    case dom::element_type::STRING:
      return field(path, {element.get_string().value_unsafe(), CellKind::kText, true});
    default:
      return field(path, {simdjson::minify(element), CellKind::kNumber, true});
  }
}

}  // namespace

bool flatten_json(PaddedText text, const Field& field) {
  dom::parser parser;
  dom::element root;
  if (parser.parse(text.data, text.size).get(root)) return false;
  if (root.is_array()) {
    const dom::array items = root.get_array().value_unsafe();
    size_t index = 0;
    for (const dom::element& item : items) {
      if (item.is_array()) return false;  // an array of records, not a record
      visit(item, std::to_string(index++), field, 0);
    }
    return true;
  }
  if (!root.is_object()) return false;
  visit_object(root.get_object().value_unsafe(), "", field, 0);
  return true;
}

}  // namespace hindcast
