// All fields of a JSON record by dotted path, for people who have not said yet which ones they
// want.
#pragma once
#include <functional>
#include <string>

#include "format/json_record.h"

namespace hindcast {

/// Calls `field` for every scalar of objects (however deep) and of a record that is an array.
/// Arrays inside records are given as nested cells whose text is their raw JSON. False: not JSON.
bool flatten_json(PaddedText text,
                  const std::function<void(const std::string& path, const Cell&)>& field);

}  // namespace hindcast
