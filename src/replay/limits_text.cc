#include "replay/limits_text.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "format/config_section.h"

namespace hindcast {
namespace {

constexpr std::string_view kFirstLine = "limits 1";

struct Field {
  std::string_view name;
  std::string (*print)(const Limits&);
  Status (*parse)(std::string_view, Limits&);
};

std::string print(const std::optional<RateLimit>& limit) { return limit ? to_string(*limit) : ""; }
std::string print(const RateLimit& limit) { return to_string(limit); }
std::string print(uint16_t count) { return std::to_string(count); }
std::string print(Duration duration) { return to_string(duration); }
std::string print(ByteCount bytes) {
  std::string text = to_string(bytes);
  if (const size_t space = text.find(' '); space != std::string::npos) text.resize(space);
  return text;
}

Status parse(std::string_view text, RateLimit& into) {
  HC_TRY_ASSIGN(into, parse_rate(text));
  return {};
}
Status parse(std::string_view text, std::optional<RateLimit>& into) {
  into.reset();
  if (text.empty()) return {};
  HC_TRY_ASSIGN(into, parse_rate(text));
  return {};
}
Status parse(std::string_view text, uint16_t& into) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  if (error == std::errc() && end == text.data() + text.size()) return {};
  return invalid_argument("\"" + std::string(text) + "\" is no whole number");
}
Status parse(std::string_view text, Duration& into) {
  HC_TRY_ASSIGN(into, parse_duration(text));
  return {};
}
Status parse(std::string_view text, ByteCount& into) {
  HC_TRY_ASSIGN(into, parse_bytes(text));
  return {};
}

template <auto kMember>
constexpr Field field(std::string_view name) {
  return {name, [](const Limits& limits) { return print(limits.*kMember); },
          [](std::string_view text, Limits& limits) { return parse(text, limits.*kMember); }};
}

constexpr Field kFields[] = {
    field<&Limits::events>("rate"),
    field<&Limits::floor>("floor"),
    field<&Limits::bytes>("bytes_rate"),
    field<&Limits::store_ops>("store_ops_rate"),
    field<&Limits::requests>("requests_rate"),
    field<&Limits::subwindows_at_once>("subwindows_at_once"),
    field<&Limits::sources_at_once>("sources_at_once"),
    field<&Limits::stagger>("stagger"),
    field<&Limits::live_p99>("live_p99"),
    field<&Limits::live_queue_age>("live_queue_age"),
    field<&Limits::commit_p99>("commit_p99"),
    field<&Limits::memory_max>("memory"),
    field<&Limits::catch_up_within>("catch_up_within"),
};

Result<const Field*> field_of(std::string_view name) {
  const auto* const found = std::ranges::find(kFields, name, &Field::name);
  if (found != std::end(kFields)) return found;
  std::vector<std::string_view> names;
  for (const Field& field : kFields) names.push_back(field.name);
  return not_found("no limit '" + std::string(name) + "'" + did_you_mean(name, names));
}

}  // namespace

Limits limits_of(const ReplayConfig& config) {
  Limits limits;
  limits.events = config.rate;
  limits.bytes = config.bytes_rate;
  limits.store_ops = config.store_ops_rate;
  limits.requests = config.requests_rate;
  limits.floor = config.floor;
  limits.subwindows_at_once = static_cast<uint16_t>(config.subwindows_at_once);
  limits.sources_at_once = static_cast<uint16_t>(config.sources_at_once);
  limits.stagger = config.stagger;
  limits.live_p99 = config.live_p99;
  limits.live_queue_age = config.live_queue_age;
  limits.commit_p99 = config.commit_p99;
  limits.memory_max = config.memory;
  limits.catch_up_within = config.catch_up_within;
  return limits;
}

std::vector<std::pair<std::string, std::string>> describe(const Limits& limits) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const Field& field : kFields) out.emplace_back(field.name, field.print(limits));
  return out;
}

Status set_limit(Limits& limits, std::string_view name, std::string_view text) {
  HC_TRY_ASSIGN(const Field* field, field_of(name));
  Limits changed = limits;
  if (const Status parsed = field->parse(text, changed); !parsed)
    return invalid_argument(std::string(name) + ": " + parsed.error().message);
  HC_TRY(check(changed));
  limits = changed;
  return {};
}

Status LimitChanges::change(const Limits& configured,
                            const std::map<std::string, std::string>& changes) {
  LimitChanges next = *this;
  for (const auto& [name, text] : changes) {
    HC_TRY_ASSIGN(const Field* field, field_of(name));
    if (text.empty())
      next.changes_.erase(name);
    else
      next.changes_[name] = {text, field->print(configured)};
  }
  // Each alone must do, as a configuration may change under the others.
  for (const auto& [name, change] : next.changes_) {
    Limits alone = configured;
    HC_TRY(set_limit(alone, name, change.text));
  }
  *this = std::move(next);
  return {};
}

Limits LimitChanges::apply(const Limits& configured) const {
  Limits limits = configured;
  for (const auto& [name, change] : changes_) {
    const Result<const Field*> field = field_of(name);
    if (field && (*field)->print(configured) == change.configured)
      (void)set_limit(limits, name, change.text).has_value();
  }
  return limits;
}

Bytes LimitChanges::encode() const {
  Bytes out(kFirstLine);
  for (const auto& [name, change] : changes_)
    out += "\n" + name + "\t" + change.text + "\t" + change.configured;
  return out;
}

Result<LimitChanges> LimitChanges::decode(BytesView bytes) {
  LimitChanges out;
  bool first = true;
  for (size_t at = 0; at <= bytes.size();) {
    const size_t end = std::min(bytes.find('\n', at), bytes.size());
    const BytesView line = bytes.substr(at, end - at);
    at = end + 1;
    if (std::exchange(first, false)) {
      if (line == kFirstLine) continue;
      return corruption("changed limits: unknown format");
    }
    const size_t tab = line.find('\t'), second = line.find('\t', tab + 1);
    if (tab == BytesView::npos || second == BytesView::npos)
      return corruption("changed limits: a line of less than three fields");
    out.changes_[std::string(line.substr(0, tab))] = {
        std::string(line.substr(tab + 1, second - tab - 1)), std::string(line.substr(second + 1))};
  }
  return out;
}

}  // namespace hindcast
