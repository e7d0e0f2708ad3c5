// Writes JSON text into a growing buffer, with commas and escapes in the right places. What HTTP
// answers, problem documents and `--json` output are made of.
//
// Invalid UTF-8 in strings becomes U+FFFD, so the output is valid JSON whatever a producer sent.
// Nesting is the caller's duty: every begin_ has its end_.
#pragma once
#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace hindcast {

class JsonWriter {
 public:
  explicit JsonWriter(Bytes& out) : out_(out) {}

  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);

  JsonWriter& string(std::string_view text);
  JsonWriter& number(uint64_t value);
  JsonWriter& number(int64_t value);
  /// Shortest text that reads back as the same double; null when it is not finite, which JSON
  /// cannot say.
  JsonWriter& number(double value);
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  /// Text that is JSON already.
  JsonWriter& raw(std::string_view json);

  JsonWriter& field(std::string_view name, std::string_view value) {
    return key(name).string(value);
  }
  JsonWriter& field(std::string_view name, const char* value) { return key(name).string(value); }
  JsonWriter& field(std::string_view name, uint64_t value) { return key(name).number(value); }
  JsonWriter& field(std::string_view name, int64_t value) { return key(name).number(value); }
  JsonWriter& field(std::string_view name, double value) { return key(name).number(value); }
  JsonWriter& field(std::string_view name, bool value) { return key(name).boolean(value); }

 private:
  void separate();
  Bytes& out_;
  bool comma_ = false;  // a value stands before, on this level
};

/// `text` as a JSON string with its quotes.
void append_json_string(Bytes& out, std::string_view text);

}  // namespace hindcast
