// One table of the configuration: typed reads that collect problems instead of stopping at the
// first. A read of a key that the list in config_keys.cc does not have is a bug.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "base/units.h"
#include "format/config.h"
#include "format/toml_tree.h"

namespace hindcast {

using Problems = std::vector<ConfigProblem>;

class Section {
 public:
  /// Reports keys that are unknown, or belong to a later version. `node` must be a table (else a
  /// problem, and it is empty). `shown`: how messages call it ("[source.watermark]").
  Section(const TomlNode& node, std::string section, std::string shown, Problems& problems);

  int line() const { return node_->line; }
  const std::string& shown() const { return shown_; }
  bool has(std::string_view key) const { return find(key) != nullptr; }
  const TomlNode* find(std::string_view key) const;
  int line_of(std::string_view key) const;

  std::optional<std::string> text(std::string_view key);
  std::optional<bool> boolean(std::string_view key);
  std::optional<int64_t> integer(std::string_view key, int64_t low, int64_t high);
  /// At least `low`.
  std::optional<Duration> duration(std::string_view key, Duration low);
  std::optional<ByteCount> bytes(std::string_view key, ByteCount low, ByteCount high);
  std::optional<char> character(std::string_view key);
  /// One of `known`; one of `later` is an error of its own kind.
  std::optional<std::string> choice(std::string_view key, std::vector<std::string_view> known,
                                    std::vector<std::string_view> later = {});
  /// A table below this one; absent when there is none.
  std::optional<Section> section(std::string_view key, std::string section);

  /// `key` is required: says so with an example.
  void missing(std::string_view key, std::string_view example);
  void problem(std::string_view key, std::string message, std::string hint = "");

 private:
  const TomlNode* node_;
  std::string section_, shown_;
  Problems* problems_;
};

/// "50000/s" as 50,000 and "/s". nullopt: it does not begin with a whole number.
struct Quantity {
  uint64_t number = 0;
  std::string_view unit;  // of the text
};
std::optional<Quantity> parse_quantity(std::string_view text);
/// "256MiB", "4GiB", "1048576". Errors: kInvalidArgument naming the units.
Result<ByteCount> parse_bytes(std::string_view text);
/// "50000/s", or "25%" of measured capacity. Errors: kInvalidArgument with an example.
Result<RateLimit> parse_rate(std::string_view text);
std::string to_string(const RateLimit& limit);  // as parse_rate reads it
std::string to_string(ByteCount bytes);
/// A name of stream, source or aggregate: it stands in URLs and tables.
bool is_name(std::string_view text);

}  // namespace hindcast
