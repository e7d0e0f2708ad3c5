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
  bool utf8 = false;  // known to be UTF-8
  // Where a parser saw it in passing: `text` is an optional minus, `whole` digits (1 to 15), and
  // with a fraction a point and `fraction` digits; and kPlainPadding bytes from its beginning may
  // be read. Otherwise whole is 0, which says nothing.
  uint8_t whole = 0, fraction = 0;
  static constexpr unsigned kPlainPadding = 24;
};

}  // namespace hindcast
