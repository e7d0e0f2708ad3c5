#include "server/params.h"

#include <charconv>

#include "base/text.h"
#include "net/http_server.h"

namespace hindcast {
namespace {

std::string quoted(std::string_view name) { return "parameter '" + std::string(name) + "'"; }

}  // namespace

QueryPairs parse_query(std::string_view query) {
  QueryPairs out;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    out.emplace_back(percent_decode(pair.substr(0, equals), true),
                     percent_decode(pair.substr(std::min(equals + 1, pair.size())), true));
  }
  return out;
}

Result<Params> Params::create(QueryPairs query, std::span<const std::string_view> known) {
  for (size_t i = 0; i < query.size(); ++i) {
    const std::string& name = query[i].first;
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      std::string message = "unknown parameter '" + name + "'" + did_you_mean(name, known);
      if (known.empty()) message += "; there are none here";
      return invalid_argument(std::move(message));
    }
    for (size_t j = 0; j < i; ++j) {
      if (query[j].first == name) return invalid_argument(quoted(name) + " is given twice");
    }
  }
  return Params(std::move(query));
}

std::optional<std::string> Params::text(std::string_view name) const {
  for (const auto& [key, value] : query_) {
    if (key == name && !value.empty()) return value;
  }
  return std::nullopt;
}

Result<std::optional<EventTime>> Params::time(std::string_view name) const {
  const auto given = text(name);
  if (!given) return std::optional<EventTime>();
  auto time = parse_request_time(*given);
  if (!time) return std::move(time).error().with(quoted(name));
  return std::optional(*time);
}

Result<std::optional<Duration>> Params::duration(std::string_view name) const {
  const auto given = text(name);
  if (!given) return std::optional<Duration>();
  auto duration = parse_duration(*given);
  if (!duration) return std::move(duration).error().with(quoted(name));
  return std::optional(*duration);
}

Result<uint64_t> Params::number(std::string_view name, uint64_t otherwise, uint64_t max) const {
  const auto given = text(name);
  if (!given) return otherwise;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(given->data(), given->data() + given->size(), value);
  if (error != std::errc() || end != given->data() + given->size() || value > max) {
    return invalid_argument(quoted(name) + ": '" + *given + "' is not a number from 0 to " +
                            std::to_string(max));
  }
  return value;
}

Result<std::optional<size_t>> Params::choice(std::string_view name,
                                             std::span<const std::string_view> words) const {
  const auto given = text(name);
  if (!given) return std::optional<size_t>();
  std::string known;
  for (size_t i = 0; i < words.size(); ++i) {
    if (*given == words[i]) return std::optional(i);
    known += (i == 0 ? "" : ", ") + std::string(words[i]);
  }
  return invalid_argument(quoted(name) + ": '" + *given + "' is none of " + known);
}

}  // namespace hindcast
