// The URL of an HTTP history, with {variables} (kHistoryUrlVariables of format/config.h).
//
// A value; any thread.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace hindcast {

struct UrlValues {
  std::string_view key;
  Window window{};  // {from…} is rounded down to its unit and {to…} up, so that nothing is left out
  int64_t next_id = 0;
  std::string_view cursor;
  uint64_t limit = 0;
};

class UrlTemplate {
 public:
  explicit UrlTemplate(std::string text) : text_(std::move(text)) {}

  bool has(std::string_view variable) const;
  bool has_from() const { return has("from") || has("from_ms") || has("from_s"); }
  bool has_to() const { return has("to") || has("to_ms") || has("to_s"); }
  /// Values are percent-encoded. Without a cursor, a query parameter that is nothing but {cursor}
  /// is left out: many APIs take an empty one for a wrong one.
  std::string fill(const UrlValues& values) const;
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace hindcast
