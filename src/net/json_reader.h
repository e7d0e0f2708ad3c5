// Reads a JSON text into a tree: small documents of requests and answers. Numbers keep their text,
// so nothing is rounded on the way. (Events go through format/decoder.h, which is a hundred times
// faster.)
//
// A value: copyable, no thread rule.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace hindcast {

struct JsonMember;

struct JsonValue {
  enum class Kind : uint8_t {
    kNull,
    kBoolean,
    kNumber,
    kString,
    kArray,
    kObject
  } kind = Kind::kNull;
  bool boolean = false;
  std::string text;                 // kString: decoded; kNumber: as written
  std::vector<JsonValue> items;     // kArray
  std::vector<JsonMember> members;  // kObject, in the order of the text

  /// Member of an object; a shared null value when there is none.
  const JsonValue& operator[](std::string_view name) const;
  bool is_null() const { return kind == Kind::kNull; }
  /// A whole number that fits; absent for anything else.
  std::optional<uint64_t> unsigned_number() const;
  /// Text, number or word as people read it; "" for null, JSON for the rest.
  std::string to_string() const;
};

/// Not a std::pair: it may be named while JsonValue is incomplete.
struct JsonMember {
  std::string name;
  JsonValue value;
};

/// Errors: kInvalidArgument saying what is wrong; nesting beyond 64 is refused.
Result<JsonValue> parse_json(BytesView text);

}  // namespace hindcast
