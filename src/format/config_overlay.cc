// The mapping of a history: its source's, with what the history says of it on top.
#include <algorithm>

#include "base/text.h"
#include "format/config_parser_internal.h"

namespace hindcast {
namespace {

void set_member(TomlNode& table, const std::string& name, TomlNode value) {
  const auto at = std::find_if(table.members.begin(), table.members.end(),
                               [&](const TomlMember& m) { return m.name == name; });
  if (at == table.members.end()) {
    table.members.push_back({name, std::move(value)});
  } else {
    at->value = std::move(value);
  }
}

void remove_member(TomlNode& table, std::string_view name) {
  std::erase_if(table.members, [&](const TomlMember& m) { return m.name == name; });
}

/// A unit belongs to the time beside it, wherever either of them was written.
void merge_time(const TomlNode& base, const TomlNode& over, TomlNode& out) {
  const TomlNode& before = *base.member("time");
  const TomlNode* time = over.member("time");
  const bool has_unit = over.member("time_unit") != nullptr;
  if (time == nullptr && has_unit) {
    TomlNode inherited = before;
    remove_member(inherited, "unit");
    set_member(out, "time", std::move(inherited));
  } else if (time != nullptr && !has_unit) {
    if (time->member("unit") != nullptr) {
      remove_member(out, "time_unit");
    } else if (const TomlNode* unit = before.member("unit")) {
      set_member(out, "time_unit", *unit);
    }
  }
}

/// price = "decimal(18,8)" as a table, so that single keys of it can be replaced.
TomlNode value_table(const TomlNode& node) {
  if (node.kind != TomlNode::Kind::kText) return node;
  TomlNode out;
  out.line = node.line;
  out.members.push_back({"type", node});
  return out;
}

}  // namespace

TomlNode merge_event(const TomlNode& base, const TomlNode& over, bool has_order) {
  TomlNode out = base;
  for (const auto& [name, value] : over.members) set_member(out, name, value);
  merge_time(base, over, out);
  // Nothing is counted in what is read again; but a number that is the order stays the order.
  const TomlNode* sequence = out.member("sequence");
  if (sequence != nullptr && has_order && out.member("order") == nullptr)
    set_member(out, "order", TomlNode(*sequence));
  remove_member(out, "sequence");
  remove_member(out, "sequence_scope");
  return out;
}

std::optional<TomlNode> merge_values(const TomlNode* base, const TomlNode* over,
                                     Problems& problems) {
  TomlNode out = base != nullptr ? *base : TomlNode();
  if (over == nullptr) return out;
  if (over->kind != TomlNode::Kind::kTable) {
    problems.push_back({over->line, "'values' must be a table: [source.history.values]", ""});
    return std::nullopt;
  }
  const TomlNode values = out;
  std::vector<std::string_view> known;
  for (const TomlMember& member : values.members) known.push_back(member.name);
  bool fine = true;
  for (const auto& [name, node] : over->members) {
    const TomlNode* before = values.member(name);
    if (before == nullptr) {
      problems.push_back({node.line,
                          "value '" + name +
                              "' in [source.history.values] is no value of the source" +
                              did_you_mean(name, known),
                          ""});
      fine = false;
      continue;
    }
    TomlNode merged = value_table(*before);
    for (const auto& [key, value] : value_table(node).members) set_member(merged, key, value);
    merged.line = node.line;
    set_member(out, name, std::move(merged));
  }
  return fine ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace hindcast
