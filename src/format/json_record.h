// One JSON record into cells: the general path, on simdjson's on-demand parser. It takes any JSON
// and is the reference for the fast path (json_shape.h), which must agree with it on everything it
// takes.
//
// Numbers stay text, so that decimals are exact. Values of fields nobody mapped are skipped; their
// brackets, quotes and UTF-8 are checked, what stands between them only where it is a field of an
// object that is looked into.
//
// Thread safety: confined; the texts of cells live until the next read.
#pragma once
#include <memory>
#include <string_view>

#include "format/cell.h"
#include "format/event_writer.h"
#include "format/json_paths.h"

namespace hindcast {

/// Text behind which at least kPadding bytes may be read, whatever they are.
struct PaddedText {
  static constexpr size_t kPadding = 64;
  const char* data = nullptr;
  size_t size = 0;
  std::string_view view() const { return {data, size}; }
};

class JsonRecord {
 public:
  JsonRecord();
  ~JsonRecord();
  JsonRecord(JsonRecord&&) noexcept;
  JsonRecord& operator=(JsonRecord&&) noexcept;

  /// Fills the cells that `paths` names; the others are left alone. False: not JSON, `problem` says
  /// what is wrong.
  bool read(PaddedText text, const JsonPaths& paths, Cell* cells, Problem& problem);
  /// The array, object or null at a dotted path as raw JSON; empty when there is none. Requires:
  /// `text` was read before without a problem.
  std::string_view raw_at(PaddedText text, std::string_view path);

 private:
  struct Impl;  // keeps simdjson out of this header
  std::unique_ptr<Impl> impl_;
};

}  // namespace hindcast
