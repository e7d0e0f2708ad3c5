// When a WebSocket source is taken for silent: `silence_after`, `expected_rate`.
#include "format/config_parser_internal.h"

namespace hindcast {
namespace {

constexpr Duration kShortest = 100ms;  // a look at the connection may take half of it
constexpr uint64_t kRateMax = 1'000'000'000;
constexpr std::string_view kRateExample =
    "for example: \"100/s\", or { at_least = \"6/m\", over = \"30m\" }";

struct Rate {
  uint64_t events = 0;
  Duration unit{};
};

/// "100/s", "6/m", "5/h".
std::optional<Rate> parse_events_rate(std::string_view text) {
  const auto quantity = parse_quantity(text);
  if (!quantity || quantity->number == 0 || quantity->number > kRateMax) return std::nullopt;
  Rate rate{.events = quantity->number};
  if (quantity->unit == "/s") rate.unit = 1s;
  if (quantity->unit == "/m") rate.unit = 1min;
  if (quantity->unit == "/h") rate.unit = 1h;
  if (rate.unit == Duration(0)) return std::nullopt;
  return rate;
}

/// `key`: where in `section` the rate stands.
std::optional<Rate> read_rate(Section& section, std::string_view key) {
  const auto text = section.text(key);
  if (!text) return std::nullopt;
  const auto rate = parse_events_rate(*text);
  if (!rate)
    section.problem(key, "= \"" + *text + "\" is no rate of events", std::string(kRateExample));
  return rate;
}

void read_expected_rate(Section& section, SourceConfig& config, Problems& problems) {
  const TomlNode* node = section.find("expected_rate");
  if (node == nullptr) return;
  std::optional<Rate> rate;
  std::optional<Duration> over;
  if (node->kind == TomlNode::Kind::kTable) {
    Section table(*node, "source.expected_rate", "'expected_rate' in [[source]]", problems);
    if (!table.has("at_least")) return table.missing("at_least", "at_least = \"100/s\"");
    rate = read_rate(table, "at_least");
    over = table.duration("over", kShortest);
    if (table.has("over") && !over) return;
  } else {
    rate = read_rate(section, "expected_rate");
  }
  if (!rate) return;
  constexpr int kUnits = 10;
  ExpectedRate expected{.events = 0, .over = over.value_or(kUnits * rate->unit)};
  expected.events = static_cast<uint64_t>(static_cast<double>(rate->events) *
                                          static_cast<double>(expected.over.count()) /
                                          static_cast<double>(rate->unit.count()));
  if (expected.events == 0)
    return section.problem("expected_rate",
                           "expects less than one event in " + to_string(expected.over),
                           "a longer `over`");
  config.expected_rate = expected;
}

/// Else the watermark would pass, and buckets be final, before it is known that something lacks.
void check_idle_after(Section& section, const SourceConfig& config) {
  const auto check = [&](std::string_view key, Duration bound) {
    if (config.idle_after && *config.idle_after <= bound)
      section.problem(key,
                      "takes " + to_string(bound) + ", and idle_after is " +
                          to_string(*config.idle_after) +
                          ": the watermark would pass before the silence is known",
                      "idle_after must be longer");
  };
  if (config.silence_after) check("silence_after", *config.silence_after);
  if (config.expected_rate) check("expected_rate", config.expected_rate->over);
}

}  // namespace

void read_silence(Section& section, SourceConfig& config, Problems& problems) {
  if (config.kind != SourceKind::kWebsocket) {
    for (const std::string_view key : {"silence_after", "expected_rate"}) {
      if (section.has(key))
        section.problem(key, "belongs to kind = \"websocket\"",
                        "only there is something lost while nothing comes; for what others bring "
                        "late there is idle_after");
    }
    return;
  }
  config.silence_after = section.duration("silence_after", kShortest);
  read_expected_rate(section, config, problems);
  check_idle_after(section, config);
}

}  // namespace hindcast
