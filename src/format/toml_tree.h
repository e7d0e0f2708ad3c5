// TOML as a plain tree with line numbers: all that the rest of the configuration code sees of the
// TOML library (its header costs seconds per file, and it throws).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace hindcast {

struct TomlMember;
struct TomlNode {
  enum class Kind : uint8_t { kText, kInteger, kReal, kBoolean, kTime, kArray, kTable };
  Kind kind = Kind::kTable;
  int line = 0;      // 1-based; 0 = unknown
  std::string text;  // kText; kTime as RFC 3339
  int64_t integer = 0;
  double real = 0;
  bool boolean = false;
  std::vector<TomlNode> items;      // kArray
  std::vector<TomlMember> members;  // kTable, in the order of the file

  const TomlNode* member(std::string_view name) const;
  /// "a text", "a table": for messages.
  std::string_view kind_name() const;
};

struct TomlMember {
  std::string name;
  TomlNode value;
};

struct TomlFailure {
  int line = 0;
  std::string message;
};
std::variant<TomlNode, TomlFailure> parse_toml(std::string_view text);

}  // namespace hindcast
