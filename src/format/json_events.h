// JSON text to cells, for NDJSON lines and elements of JSON arrays alike: the fast path where the
// record looks like one before it, the general path otherwise; `match` and `each` of messages.
//
// Thread safety: confined.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "format/config.h"
#include "format/json_record.h"
#include "format/json_shape.h"
#include "format/json_splitter.h"
#include "format/record_layout.h"

namespace hindcast {

class JsonEvents {
 public:
  JsonEvents(const FormatConfig& format, const RecordLayout& layout);

  /// `text` itself where enough bytes follow it up to `buffer_end`, else a copy that lives until
  /// the next call.
  PaddedText pad(BytesView text, const char* buffer_end);

  /// One record into the cells of the mapping, cleared before. Clears them again where it had to
  /// start over.
  bool read(PaddedText text, Cell* cells, Problem& problem);

  /// A message with events in it.
  bool has_each() const { return !each_.empty(); }
  enum class Message : uint8_t { kIgnored, kBad, kEvents };
  Message open_message(PaddedText text, Problem& problem);
  /// The next event of the message.
  std::optional<PaddedText> next_element();

 private:
  JsonPaths paths_;
  std::vector<bool> numeric_;
  JsonRecord record_;
  // Records of one feed come in few shapes (an optional field is there or not); the one that fitted
  // last is tried first.
  std::array<std::optional<JsonShape>, 4> shapes_;
  size_t last_ = 0, next_ = 0;
  // Records without a shape (escapes, deep nesting) are not looked at again and again: the pause
  // doubles with each failure.
  uint32_t pause_ = 1, paused_ = 0;

  std::string each_;
  std::vector<std::string> match_texts_;
  std::optional<JsonPaths> match_paths_;
  std::vector<Cell> match_cells_;
  JsonSplitter elements_;
  BytesView rest_;
  std::string scratch_;
};

}  // namespace hindcast
