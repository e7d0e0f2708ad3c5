#include "format/json_paths.h"

#include <charconv>

namespace hindcast {
namespace {

int64_t as_index(std::string_view name) {
  uint32_t index = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
  return error == std::errc() && end == name.data() + name.size() ? int64_t{index} : -1;
}

}  // namespace

JsonPaths::JsonPaths(const std::vector<std::string>& paths) : nodes_(1) {
  for (size_t i = 0; i < paths.size(); ++i) {
    const std::string_view path = paths[i];
    int node = kRoot;
    for (size_t begin = 0; begin <= path.size();) {
      const size_t end = std::min(path.find('.', begin), path.size());
      node = add_child(node, path.substr(begin, end - begin));
      begin = end + 1;
    }
    nodes_[static_cast<size_t>(node)].cell = static_cast<int>(i);
    if (path.find('.') == std::string_view::npos) continue;
    nodes_[static_cast<size_t>(add_child(kRoot, path))].cell = static_cast<int>(i);
  }
}

int JsonPaths::add_child(int node, std::string_view name) {
  if (const int known = member(node, name); known != kNone) return known;
  const int child = static_cast<int>(nodes_.size());
  nodes_[static_cast<size_t>(node)].children.push_back({std::string(name), as_index(name), child});
  nodes_.emplace_back();
  return child;
}

int JsonPaths::member(int node, std::string_view name) const {
  for (const Child& child : nodes_[static_cast<size_t>(node)].children) {
    if (child.name == name) return child.node;
  }
  return kNone;
}

int JsonPaths::element(int node, size_t index) const {
  for (const Child& child : nodes_[static_cast<size_t>(node)].children) {
    if (child.index == static_cast<int64_t>(index)) return child.node;
  }
  return kNone;
}

}  // namespace hindcast
