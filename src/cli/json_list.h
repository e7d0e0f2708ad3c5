// The elements of a long list inside a JSON document, as they stand in it: a query of 100,000
// buckets is passed on or read one by one, never as one tree.
#pragma once
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace hindcast {

struct JsonList {
  std::vector<BytesView> elements;  // views into the document
  bool truncated = false;           // the document says so
};

/// Elements of the array `name` of the object `document`. Errors: kCorruption when there is none.
Result<JsonList> split_list(BytesView document, std::string_view name);

}  // namespace hindcast
