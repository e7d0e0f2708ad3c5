// Which input fields a source's mapping reads, numbered. Decoders fill cells [0, fields().size())
// of every record; the cells behind them are constants of the delivery.
//
// A value; any thread.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "format/config.h"

namespace hindcast {

class RecordLayout {
 public:
  /// `with_match`: the fields of `match` are read from the record itself (without `each`).
  RecordLayout(const StreamSchema& schema, const SourceConfig& source, bool with_match);

  /// Distinct paths or column names.
  const std::vector<std::string>& fields() const { return fields_; }
  /// By field: it is wanted as a number or a time. A hint.
  const std::vector<bool>& numeric() const { return numeric_; }
  /// Pseudo-fields, path parts and constants.
  const std::vector<FieldRef>& fixed() const { return fixed_; }
  size_t cells() const { return fields_.size() + fixed_.size(); }
  /// Requires: `ref` is part of the mapping.
  size_t cell_of(const FieldRef& ref) const;

 private:
  void add(const FieldRef& ref);
  std::vector<std::string> fields_;
  std::vector<FieldRef> fixed_;
  std::vector<bool> numeric_;
};

/// Every reference of a mapping, in a fixed order.
std::vector<FieldRef> all_refs(const EventMapping& event);

}  // namespace hindcast
