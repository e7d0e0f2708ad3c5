#include "format/config_section.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/assert.h"
#include "base/text.h"
#include "format/config_keys.h"

namespace hindcast {
namespace {

const TomlNode& empty_table() {
  static const TomlNode kEmpty;
  return kEmpty;
}

std::string joined(const std::vector<std::string_view>& words) {
  std::string out;
  for (const std::string_view word : words)
    out += (out.empty() ? "\"" : ", \"") + std::string(word) + "\"";
  return out;
}

std::string suggestion(std::string_view word, const std::vector<std::string_view>& known) {
  const std::string_view nearest = nearest_word(word, known);
  return nearest.empty() ? "" : "did you mean '" + std::string(nearest) + "'?";
}

}  // namespace

Section::Section(const TomlNode& node, std::string section, std::string shown, Problems& problems)
    : node_(&node), section_(std::move(section)), shown_(std::move(shown)), problems_(&problems) {
  if (node.kind != TomlNode::Kind::kTable) {
    problems_->push_back(
        {node.line, shown_ + " must be a table, not " + std::string(node.kind_name()), ""});
    node_ = &empty_table();
    return;
  }
  for (const auto& [name, value] : node.members) {
    const ConfigKey* key = find_config_key(section_, name);
    if (key == nullptr) {
      const auto known = known_names(section_);
      std::string hint = suggestion(name, known);
      if (hint.empty()) hint = "known here: " + joined(known);
      problems_->push_back(
          {value.line, "unknown key '" + name + "' in " + shown_, std::move(hint)});
    } else if (key->status == KeyStatus::kLater) {
      problems_->push_back({value.line,
                            "'" + name + "' in " + shown_ + " is not supported in this version",
                            name == "fill" ? "queries fill: hindcast query --fill previous" : ""});
    }
  }
}

const TomlNode* Section::find(std::string_view key) const {
  const ConfigKey* known = find_config_key(section_, key);
  HC_ASSERT(known != nullptr && known->status == KeyStatus::kKnown);
  return node_->member(key);
}

int Section::line_of(std::string_view key) const {
  const TomlNode* node = node_->member(key);
  return node != nullptr && node->line > 0 ? node->line : node_->line;
}

void Section::problem(std::string_view key, std::string message, std::string hint) {
  problems_->push_back({line_of(key),
                        "'" + std::string(key) + "' in " + shown_ + " " + std::move(message),
                        std::move(hint)});
}

void Section::missing(std::string_view key, std::string_view example) {
  problems_->push_back({node_->line, shown_ + " has no '" + std::string(key) + "'",
                        "for example: " + std::string(example)});
}

std::optional<std::string> Section::text(std::string_view key) {
  const TomlNode* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (node->kind == TomlNode::Kind::kText) return node->text;
  problem(key, "must be a text, not " + std::string(node->kind_name()));
  return std::nullopt;
}

std::optional<bool> Section::boolean(std::string_view key) {
  const TomlNode* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (node->kind == TomlNode::Kind::kBoolean) return node->boolean;
  problem(key, "must be true or false, not " + std::string(node->kind_name()));
  return std::nullopt;
}

std::optional<int64_t> Section::integer(std::string_view key, int64_t low, int64_t high) {
  const TomlNode* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (node->kind == TomlNode::Kind::kInteger && low <= node->integer && node->integer <= high)
    return node->integer;
  problem(key, "must be an integer from " + std::to_string(low) + " to " + std::to_string(high));
  return std::nullopt;
}

std::optional<Duration> Section::duration(std::string_view key, Duration low) {
  const TomlNode* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (node->kind != TomlNode::Kind::kText) {
    problem(key, "must be a duration, not " + std::string(node->kind_name()),
            "for example: \"5s\", \"1m\", \"6h\", \"7d\"");
    return std::nullopt;
  }
  const auto parsed = parse_duration(node->text);
  if (!parsed) {
    problem(key, "is no duration: " + parsed.error().message);
    return std::nullopt;
  }
  if (*parsed < low) {
    problem(key, low > Duration(1)   ? "must be at least " + to_string(low)
                 : low > Duration(0) ? "must be longer than 0"
                                     : "must not be negative");
    return std::nullopt;
  }
  return *parsed;
}

std::optional<ByteCount> Section::bytes(std::string_view key, ByteCount low, ByteCount high) {
  const TomlNode* node = find(key);
  if (node == nullptr) return std::nullopt;
  Result<ByteCount> parsed =
      invalid_argument("it must be a size like \"64MiB\", not " + std::string(node->kind_name()));
  if (node->kind == TomlNode::Kind::kText) parsed = parse_bytes(node->text);
  if (node->kind == TomlNode::Kind::kInteger && node->integer >= 0)
    parsed = ByteCount{static_cast<uint64_t>(node->integer)};
  if (!parsed) {
    problem(key, "is no size: " + parsed.error().message);
    return std::nullopt;
  }
  if (*parsed < low || *parsed > high) {
    problem(key, "must be from " + to_string(low) + " to " + to_string(high));
    return std::nullopt;
  }
  return *parsed;
}

std::optional<char> Section::character(std::string_view key) {
  const auto value = text(key);
  if (!value) return std::nullopt;
  if (value->size() == 1 && static_cast<unsigned char>((*value)[0]) < 0x80 && (*value)[0] != '\n' &&
      (*value)[0] != '\r')
    return (*value)[0];
  problem(key, "must be one ASCII character", "for example: \";\" or \"\\t\"");
  return std::nullopt;
}

std::optional<std::string> Section::choice(std::string_view key,
                                           std::vector<std::string_view> known,
                                           std::vector<std::string_view> later) {
  const auto value = text(key);
  if (!value) return std::nullopt;
  if (std::find(known.begin(), known.end(), *value) != known.end()) return value;
  if (std::find(later.begin(), later.end(), *value) != later.end()) {
    problem(key, "= \"" + *value + "\" is not supported in this version",
            "supported: " + joined(known));
    return std::nullopt;
  }
  std::string hint = suggestion(*value, known);
  problem(key, "= \"" + *value + "\" is not one of " + joined(known), std::move(hint));
  return std::nullopt;
}

std::optional<Section> Section::section(std::string_view key, std::string section) {
  const TomlNode* node = find(key);
  if (node == nullptr) return std::nullopt;
  const std::string shown =
      shown_ == "the file" ? "[" + std::string(key) + "]" : "[" + section + "]";
  return Section(*node, std::move(section), shown, *problems_);
}

std::optional<Quantity> parse_quantity(std::string_view text) {
  const char* const end = text.data() + text.size();
  Quantity out;
  const auto [rest, error] = std::from_chars(text.data(), end, out.number);
  if (error != std::errc()) return std::nullopt;
  out.unit = {rest, static_cast<size_t>(end - rest)};
  return out;
}

Result<ByteCount> parse_bytes(std::string_view text) {
  const std::optional<Quantity> quantity = parse_quantity(text);
  const uint64_t number = quantity ? quantity->number : 0;
  std::string_view unit = quantity ? quantity->unit : "";
  while (!unit.empty() && unit[0] == ' ') unit.remove_prefix(1);
  struct Unit {
    std::string_view name;
    uint64_t bytes;
  };
  constexpr Unit kUnits[] = {{"", 1},
                             {"B", 1},
                             {"KiB", 1 << 10},
                             {"MiB", 1 << 20},
                             {"GiB", 1 << 30},
                             {"TiB", 1ull << 40},
                             {"KB", 1000},
                             {"MB", 1'000'000},
                             {"GB", 1'000'000'000},
                             {"TB", 1'000'000'000'000}};
  const auto* found = std::find_if(std::begin(kUnits), std::end(kUnits),
                                   [&](const Unit& u) { return u.name == unit; });
  if (!quantity || found == std::end(kUnits) || number > UINT64_MAX / found->bytes) {
    return invalid_argument("'" + std::string(text) +
                            "' is not a number with B, KiB, MiB, GiB or TiB (or KB, MB, GB, TB)");
  }
  return ByteCount{number * found->bytes};
}

Result<RateLimit> parse_rate(std::string_view text) {
  if (const auto quantity = parse_quantity(text); quantity && quantity->number > 0) {
    const auto [number, unit] = *quantity;
    if (unit == "/s" && number <= 1'000'000'000'000)
      return RateLimit{.per_second = number, .share = 0};
    if (unit == "%" && number <= 100)
      return RateLimit{.per_second = std::nullopt, .share = static_cast<double>(number) / 100};
  }
  return invalid_argument("\"" + std::string(text) +
                          "\" is no rate, which is like \"50000/s\", or \"25%\" of capacity");
}

std::string to_string(const RateLimit& limit) {
  if (limit.per_second) return std::to_string(*limit.per_second) + "/s";
  return std::to_string(std::lround(limit.share * 100)) + "%";
}

std::string to_string(ByteCount bytes) {
  constexpr std::string_view kUnits[] = {" bytes", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  uint64_t n = bytes.value;
  for (; unit + 1 < std::size(kUnits) && n >= 1024 && n % 1024 == 0; ++unit) n /= 1024;
  return std::to_string(n) + std::string(kUnits[unit]);
}

bool is_name(std::string_view text) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !text.empty() && text.size() <= 64 && letter(text[0]) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '-'; });
}

}  // namespace hindcast
