// The dotted paths of a mapping as a tree, so that one pass over a record finds all of them.
//
// "a.b.0" goes into objects by name and into arrays by number. Feeds that flatten their objects
// have names with dots in them, so a path is also looked for as one literal name of the record
// itself. Where two fields of a record answer to one path, the last one counts, as everywhere in
// JSON.
//
// A value; any thread.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hindcast {

class JsonPaths {
 public:
  static constexpr int kNone = -1;
  explicit JsonPaths(const std::vector<std::string>& paths);

  static constexpr int kRoot = 0;
  /// Node of a member or element below `node`, or kNone.
  int member(int node, std::string_view name) const;
  int element(int node, size_t index) const;
  /// The path that ends at `node`, or kNone.
  int cell(int node) const { return nodes_[static_cast<size_t>(node)].cell; }
  bool has_children(int node) const { return !nodes_[static_cast<size_t>(node)].children.empty(); }

 private:
  struct Child {
    std::string name;
    int64_t index;
    int node;
  };  // index: `name` as a number, or -1
  struct Node {
    int cell = kNone;
    std::vector<Child> children;
  };
  int add_child(int node, std::string_view name);
  std::vector<Node> nodes_;
};

}  // namespace hindcast
