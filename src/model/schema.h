// The shape of one stream's events: which parts make a key and an id, and which values they carry.
// What all sources of a stream must agree on. A value; fixed when the stream is created.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace hindcast {

/// One component of a key or of an id.
enum class PartType : uint8_t { kInt, kText };

enum class ValueType : uint8_t {
  kDecimal,  // int64 scaled by 10^scale, exact; |value| < 10^precision
  kDouble,   // finite only
  kText,     // UTF-8; for distinct counts and grouping
};

struct ValueField {
  std::string name;
  ValueType type = ValueType::kDecimal;
  uint8_t precision = 18;  // 1..18, decimals only
  uint8_t scale = 0;       // 0..precision, decimals only
  bool optional = false;   // admits null, which functions ignore
  bool operator==(const ValueField&) const = default;
};

enum class IdentityKind : uint8_t {
  kFields,    // id = the mapped fields
  kPosition,  // id = {text: name of the delivery, int: row from 1}; order = the row
  kContent,   // id = {int, int}: 128-bit hash of key, time and canonical values
};

struct StreamSchema {
  std::string name;
  std::vector<PartType> key;  // at least one
  std::vector<PartType> id;   // at least one; see IdentityKind
  IdentityKind identity = IdentityKind::kFields;
  std::vector<ValueField> values;  // at most 64
  Duration page_window = 1h;       // pages and the smallest buckets are aligned to it
  uint16_t slots = 16;             // key hash classes of a page window; [1, 4096]
  uint32_t partitions = 1;
  bool operator==(const StreamSchema&) const = default;
};

}  // namespace hindcast
