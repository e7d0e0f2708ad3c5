// One input field of one record as a decoder found it: borrowed text and what kind of thing it was.
#pragma once
#include <cstdint>
#include <string_view>

namespace hindcast {

enum class CellKind : uint8_t {
  kMissing,  // no such field
  kNull,     // JSON null; an empty CSV cell
  kText,     // JSON string, unescaped; CSV cell
  kNumber,   // JSON number, as written
  kBool,     // "true" or "false"
  kNested,   // JSON object or array: never a value
};

struct Cell {
  std::string_view text;
  CellKind kind = CellKind::kMissing;
};

}  // namespace hindcast
