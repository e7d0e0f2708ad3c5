#include "format/toml_tree.h"

#include <toml++/toml.h>

#include <algorithm>
#include <sstream>

namespace hindcast {
namespace {

TomlNode convert(const toml::node& node);

TomlNode convert_table(const toml::table& table) {
  TomlNode out;
  for (const auto& [key, value] : table)
    out.members.push_back({std::string(key.str()), convert(value)});
  // The library sorts by name; problems are read from top to bottom.
  std::stable_sort(out.members.begin(), out.members.end(),
                   [](const auto& a, const auto& b) { return a.value.line < b.value.line; });
  return out;
}

TomlNode convert(const toml::node& node) {
  TomlNode out;
  if (const auto* table = node.as_table()) {
    out = convert_table(*table);
  } else if (const auto* array = node.as_array()) {
    out.kind = TomlNode::Kind::kArray;
    for (const toml::node& item : *array) out.items.push_back(convert(item));
  } else if (const auto* text = node.as_string()) {
    out.kind = TomlNode::Kind::kText;
    out.text = text->get();
  } else if (const auto* integer = node.as_integer()) {
    out.kind = TomlNode::Kind::kInteger;
    out.integer = integer->get();
  } else if (const auto* real = node.as_floating_point()) {
    out.kind = TomlNode::Kind::kReal;
    out.real = real->get();
  } else if (const auto* boolean = node.as_boolean()) {
    out.kind = TomlNode::Kind::kBoolean;
    out.boolean = boolean->get();
  } else {
    out.kind = TomlNode::Kind::kTime;
    std::ostringstream shown;
    node.visit([&](const auto& value) {
      if constexpr (toml::is_date<decltype(value)> || toml::is_time<decltype(value)> ||
                    toml::is_date_time<decltype(value)>) {
        shown << value.get();
      }
    });
    out.text = shown.str();
  }
  out.line = static_cast<int>(node.source().begin.line);
  // An array of tables ([[source]]) begins with its first table.
  if (out.line == 0 && !out.items.empty()) out.line = out.items.front().line;
  return out;
}

}  // namespace

const TomlNode* TomlNode::member(std::string_view name) const {
  for (const auto& [key, value] : members) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string_view TomlNode::kind_name() const {
  switch (kind) {
    case Kind::kText:
      return "a text";
    case Kind::kInteger:
      return "an integer";
    case Kind::kReal:
      return "a real number";
    case Kind::kBoolean:
      return "true or false";
    case Kind::kTime:
      return "a time";
    case Kind::kArray:
      return "an array";
    case Kind::kTable:
      return "a table";
  }
  return "something else";
}

std::variant<TomlNode, TomlFailure> parse_toml(std::string_view text) {
  try {
    return convert_table(toml::parse(text));
  } catch (const toml::parse_error& error) {
    return TomlFailure{static_cast<int>(error.source().begin.line),
                       std::string(error.description())};
  }
}

}  // namespace hindcast
