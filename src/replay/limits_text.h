// Limits by name, as people write them: "rate" = "25%". One table for the API, the CLI and what a
// restart remembers.
//
// Pure. Thread safety: values.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "format/config.h"
#include "replay/limits.h"

namespace hindcast {

/// Of the configuration.
Limits limits_of(const ReplayConfig& config);

/// In the order in which people are shown them. A limit that is not set is "".
std::vector<std::pair<std::string, std::string>> describe(const Limits& limits);

/// Errors: kNotFound (no limit of this name), kInvalidArgument (naming limit and fix; also when the
/// limits as a whole make no sense then). Nothing is changed then.
Status set_limit(Limits& limits, std::string_view name, std::string_view text);

/// What an operator changed while the program ran. It stands until it is taken back, or the
/// configuration says something else than it did then: the newest word counts.
class LimitChanges {
 public:
  /// "" takes a change back. Errors: as set_limit(); all or nothing.
  Status change(const Limits& configured, const std::map<std::string, std::string>& changes);
  /// The configured limits with the changes in them.
  Limits apply(const Limits& configured) const;

  Bytes encode() const;  // docs/formats/replay.md
  /// Errors: kCorruption.
  static Result<LimitChanges> decode(BytesView bytes);

 private:
  struct Change {
    std::string text, configured;  // what it is, and what the configuration said then
  };
  std::map<std::string, Change> changes_;
};

}  // namespace hindcast
