// Every key a configuration may have, by section: what "unknown key" is measured against, and what
// hindcast.example.toml has to document.
//
// Sections: "" is the top; "source.event.field" is the table form of a field ({ field = "t", type =
// "int" }); names users choose themselves (values) are written as "*".
// [source.history.event] and [source.history.values] have the keys of [source.event] and
// [source.values].
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace hindcast {

enum class KeyStatus : uint8_t {
  kKnown,
  kLater,  // part of the design, not of this version: an error that says so
};

struct ConfigKey {
  std::string_view section, name;
  KeyStatus status = KeyStatus::kKnown;
};

std::span<const ConfigKey> config_keys();
const ConfigKey* find_config_key(std::string_view section, std::string_view name);
/// Names of a section, for "did you mean".
std::vector<std::string_view> known_names(std::string_view section);

}  // namespace hindcast
