// The keys of kind = "websocket", and its heartbeats.
#include "format/config_parser_internal.h"
#include "format/time_parser.h"

namespace hindcast {
namespace {

constexpr std::string_view kKeys[] = {"url", "subscribe", "headers", "tls_ca", "ping", "reconnect"};

void read_url(Section& section, SourceConfig& config) {
  constexpr std::string_view kExample = "url = \"wss://example.com/stream\"";
  if (!section.has("url")) return section.missing("url", kExample);
  const auto url = section.text("url");
  if (!url) return;
  config.url = *url;
  const size_t host = url->starts_with("wss://") ? 6 : url->starts_with("ws://") ? 5 : 0;
  if (host == 0 || host == url->size())
    section.problem("url", "= \"" + *url + "\" is no WebSocket address",
                    "it begins with ws:// or wss://; for example: " + std::string(kExample));
}

void read_subscribe(Section& section, const std::string& folder, SourceConfig& config,
                    Problems& problems) {
  const TomlNode* node = section.find("subscribe");
  if (node == nullptr) return;
  const bool one = node->kind == TomlNode::Kind::kText;
  if (!one && node->kind != TomlNode::Kind::kArray)
    return section.problem("subscribe", "must be an array of messages",
                           R"(for example: ['{"op":"subscribe","args":["trades"]}'])");
  for (const TomlNode& item : one ? std::vector<TomlNode>{*node} : node->items) {
    if (auto text = text_or_secret(item, "'subscribe' in [[source]]", folder, problems))
      config.subscribe.push_back(std::move(*text));
  }
}

void read_headers(Section& section, const std::string& folder, SourceConfig& config,
                  Problems& problems) {
  const TomlNode* node = section.find("headers");
  if (node == nullptr) return;
  if (node->kind != TomlNode::Kind::kTable)
    return section.problem("headers", "must be a table",
                           "for example: { Authorization = \"env:EXCHANGE_TOKEN\" }");
  for (const auto& [name, value] : node->members) {
    const std::string where = "header '" + name + "' in [[source]]";
    auto text = text_or_secret(value, where, folder, problems);
    if (!text) continue;
    if ((name + *text).find_first_of("\r\n") != std::string::npos) {
      problems.push_back({value.line, where + " holds the end of a line", ""});
      continue;
    }
    config.headers[name] = std::move(*text);
  }
}

void read_reconnect(Section& section, SourceConfig& config) {
  auto reconnect = section.section("reconnect", "source.reconnect");
  if (!reconnect) return;
  config.reconnect_min = reconnect->duration("min", 1ms).value_or(config.reconnect_min);
  config.reconnect_max = reconnect->duration("max", 1ms).value_or(config.reconnect_max);
  if (config.reconnect_min > config.reconnect_max)
    section.problem("reconnect", "waits at least " + to_string(config.reconnect_min) +
                                     " and at most " + to_string(config.reconnect_max));
}

/// Like the events' time, unless it says otherwise.
void read_heartbeat_time(Section& heartbeat, SourceConfig& config, Problems& problems) {
  const TomlNode* node = heartbeat.find("time");
  if (node == nullptr) return heartbeat.missing("time", "time = \"E\"");
  TimeMapping time = config.event.time;
  time.day.reset();
  time.field = {};
  if (node->kind == TomlNode::Kind::kTable) {
    Section table(*node, "source.watermark.heartbeat.time",
                  "'time' of 'heartbeat' in [source.watermark]", problems);
    time.field.text = table.text("field").value_or("");
    if (!table.has("field")) table.missing("field", "time = { field = \"E\", unit = \"ms\" }");
    time.zone = table.text("zone").value_or(time.zone);
    const auto unit = table.text("unit");
    if (unit && !parse_time_unit(*unit, time))
      table.problem("unit", "= \"" + *unit + "\" is not known", std::string(kTimeUnitHint));
  } else {
    time.field.text = heartbeat.text("time").value_or("");
  }
  if (const auto parser = TimeParser::create(time); !parser)
    heartbeat.problem("time", "cannot be read: " + parser.error().message);
  config.heartbeat_time = std::move(time);
}

void read_heartbeat(Section& section, SourceConfig& config, Problems& problems) {
  const TomlNode* watermark = section.find("watermark");
  const TomlNode* node = watermark == nullptr ? nullptr : watermark->member("heartbeat");
  if (node == nullptr) return;
  if (config.kind != SourceKind::kWebsocket) {
    problems.push_back({node->line,
                        "'heartbeat' in [source.watermark] belongs to kind = \"websocket\"",
                        "others say POST /v1/sources/{source}/heartbeat"});
    return;
  }
  Section heartbeat(*node, "source.watermark.heartbeat", "'heartbeat' in [source.watermark]",
                    problems);
  config.heartbeat_match = read_match(heartbeat, problems);
  if (config.heartbeat_match.empty())
    heartbeat.missing("match", "heartbeat = { match = { e = \"heartbeat\" }, time = \"time\" }");
  if (config.format.match.empty())
    heartbeat.problem("match", "needs a `match` of the source as well",
                      "which messages are events? for example: match = { e = \"trade\" }");
  read_heartbeat_time(heartbeat, config, problems);
}

}  // namespace

void read_websocket(Section& section, const std::string& folder, SourceConfig& config,
                    Problems& problems) {
  read_heartbeat(section, config, problems);
  if (config.kind != SourceKind::kWebsocket) {
    for (const std::string_view key : kKeys) {
      if (section.has(key)) section.problem(key, "belongs to kind = \"websocket\"");
    }
    return;
  }
  read_url(section, config);
  read_subscribe(section, folder, config, problems);
  read_headers(section, folder, config, problems);
  if (const auto ca = section.text("tls_ca")) config.tls_ca = resolve_path(*ca, folder);
  config.ping = section.duration("ping", 1ms).value_or(config.ping);
  read_reconnect(section, config);
  if (config.format.kind == FormatKind::kCsv && config.format.header)
    section.problem("format", "= \"csv\" needs header = false: a message is a delivery of its own");
}

}  // namespace hindcast
