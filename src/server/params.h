// Query parameters of a request, typed and checked. A parameter that is not known is an error: a
// misspelt `form=` must not silently mean "from the beginning".
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace hindcast {

using QueryPairs = std::vector<std::pair<std::string, std::string>>;

/// "key=EWR%2FUA&from=0" decoded.
QueryPairs parse_query(std::string_view query);

class Params {
 public:
  /// Errors: kInvalidArgument for an unknown parameter (with the nearest known one) or one given
  /// twice.
  static Result<Params> create(QueryPairs query, std::span<const std::string_view> known);

  // Absent when not given or empty. Errors: kInvalidArgument naming the parameter.
  std::optional<std::string> text(std::string_view name) const;
  Result<std::optional<EventTime>> time(std::string_view name) const;
  Result<std::optional<Duration>> duration(std::string_view name) const;
  Result<uint64_t> number(std::string_view name, uint64_t otherwise, uint64_t max) const;
  /// Index into `words`.
  Result<std::optional<size_t>> choice(std::string_view name,
                                       std::span<const std::string_view> words) const;

 private:
  explicit Params(QueryPairs query) : query_(std::move(query)) {}
  QueryPairs query_;
};

}  // namespace hindcast
