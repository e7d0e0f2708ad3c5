// [[source]]: where events come from and how their bytes are read.
#include <algorithm>

#include "format/config_parser_internal.h"

namespace hindcast {
namespace {

void read_watermark(Section& section, SourceConfig& config, Problems& problems) {
  auto watermark = section.section("watermark", "source.watermark");
  if (!watermark) return;
  if (const auto d = watermark->duration("delay", Duration(0))) config.delay = *d;
  config.idle_after = watermark->duration("idle_after", 1ms);
  config.max_ahead = watermark->duration("max_ahead", Duration(0));
  const TomlNode* accept = watermark->find("accept");
  if (accept == nullptr) return;
  const TomlNode* ends[2] = {nullptr, nullptr};
  if (accept->kind == TomlNode::Kind::kArray && accept->items.size() == 2) {
    ends[0] = &accept->items[0];
    ends[1] = &accept->items[1];
  } else if (accept->kind == TomlNode::Kind::kTable) {
    Section table(*accept, "source.watermark.accept", "'accept' in [source.watermark]", problems);
    ends[0] = table.find("from");
    ends[1] = table.find("to");
  } else {
    watermark->problem("accept", "must be a pair of times",
                       "for example: [\"2015-09-12T00:00:00Z\", \"2015-09-13T00:00:00Z\"]");
    return;
  }
  Window window{kMinEventTime, kMaxEventTime};
  for (int i = 0; i < 2; ++i) {
    if (ends[i] == nullptr) continue;  // open at this end
    const auto time = parse_rfc3339(ends[i]->text);
    if (!time) {
      watermark->problem("accept", "holds no RFC 3339 time: " + time.error().message,
                         "for example: \"2015-09-12T00:00:00Z\"");
      return;
    }
    (i == 0 ? window.start : window.end) = *time;
  }
  if (window.start >= window.end) {
    watermark->problem("accept", "ends before it begins");
    return;
  }
  config.accept = window;
}

}  // namespace

void read_format(Section& section, FormatConfig& format, bool any_format, Problems& problems) {
  const auto kind = section.choice("format", {"ndjson", "json", "csv"});
  if (kind == "ndjson") format.kind = FormatKind::kNdjson;
  if (kind == "json") format.kind = FormatKind::kJson;
  if (kind == "csv") format.kind = FormatKind::kCsv;
  for (const std::string_view key : {"delimiter", "header", "quote", "null"}) {
    if (section.has(key) && format.kind != FormatKind::kCsv && !any_format)
      section.problem(key, "belongs to format = \"csv\"");
  }
  if (const auto c = section.character("delimiter")) format.delimiter = *c;
  format.header = section.boolean("header").value_or(format.header);
  if (const TomlNode* quote = section.find("quote");
      quote != nullptr && quote->text.empty() && quote->kind == TomlNode::Kind::kText) {
    format.quote = '\0';
  } else if (const auto c = section.character("quote")) {
    format.quote = *c;
  }
  if (format.quote == format.delimiter)
    section.problem(section.has("quote") ? "quote" : "delimiter", "is both quote and delimiter");
  format.null_text = section.text("null").value_or(format.null_text);
  format.each = section.text("each").value_or(format.each);
  if (!format.each.empty() && format.kind == FormatKind::kCsv)
    section.problem("each", "belongs to JSON formats");
  if (section.has("match")) format.match = read_match(section, problems);
  format.line_max = section.bytes("line_max", 1_KiB, 64_MiB).value_or(format.line_max);
}

void check_path_parts(Section& section, const std::string& path) {
  const auto names = path_part_names(path);
  for (size_t i = 0; i < names.size(); ++i) {
    if (!is_name(names[i]))
      section.problem("path", "has the part {" + names[i] + "}, which is no name");
    if (std::count(names.begin(), names.end(), names[i]) > 1 &&
        std::find(names.begin(), names.end(), names[i]) - names.begin() == static_cast<long>(i)) {
      section.problem("path", "has the part {" + names[i] + "} twice");
    }
  }
}

namespace {

void read_kind(Section& section, SourceConfig& config) {
  const auto kind =
      section.choice("kind", {"http", "file", "stdin", "websocket"}, {"kafka", "redis"});
  if (!section.has("kind"))
    section.missing("kind", "kind = \"http\", \"file\", \"stdin\" or \"websocket\"");
  if (kind == "file") config.kind = SourceKind::kFile;
  if (kind == "stdin") config.kind = SourceKind::kStdin;
  if (kind == "websocket") {
    config.kind = SourceKind::kWebsocket;
    config.delivery = DeliveryKind::kLossy;  // what is sent while nobody listens is gone
  }
  for (const std::string_view key : {"path", "follow", "last_row"}) {
    if (kind && section.has(key) && config.kind != SourceKind::kFile)
      section.problem(key, "belongs to kind = \"file\"");
  }
  if (kind && section.has("max_body") && config.kind != SourceKind::kHttp)
    section.problem("max_body", "belongs to kind = \"http\"");
}

void read_file(Section& section, SourceConfig& config, const std::string& folder) {
  const auto path = section.text("path");
  if (config.kind == SourceKind::kFile && !section.has("path"))
    section.missing("path", "path = \"data/{day}/{symbol}.csv.gz\"");
  if (path) {
    config.path = resolve_path(*path, folder);
    check_path_parts(section, *path);
  }
  config.follow = section.boolean("follow").value_or(false);
  if (const auto last = section.choice("last_row", {"repeated", "event"}))
    config.last_row_repeated = *last == "repeated";
  if (config.last_row_repeated && config.follow)
    section.problem(
        "last_row",
        "= \"repeated\" needs files that are complete: it cannot go with follow = true");
  if (config.last_row_repeated && config.format.kind == FormatKind::kJson)
    section.problem("last_row", "= \"repeated\" belongs to rows: format \"csv\" or \"ndjson\"");
}

}  // namespace

std::map<std::string, std::string> read_match(Section& section, Problems& problems) {
  std::map<std::string, std::string> out;
  const TomlNode* match = section.find("match");
  if (match == nullptr) return out;
  if (match->kind != TomlNode::Kind::kTable) {
    section.problem("match", "must be a table", "for example: { e = \"trade\" }");
    return out;
  }
  for (const auto& [path, node] : match->members) {
    switch (node.kind) {
      case TomlNode::Kind::kText:
        out[path] = node.text;
        break;
      case TomlNode::Kind::kInteger:
        out[path] = std::to_string(node.integer);
        break;
      case TomlNode::Kind::kBoolean:
        out[path] = node.boolean ? "true" : "false";
        break;
      default:
        problems.push_back(
            {node.line, "'match' wants a text, integer or boolean for '" + path + "'", ""});
    }
  }
  return out;
}

std::string resolve_path(const std::string& path, const std::string& folder) {
  if (path.empty() || path[0] == '/' || folder.empty() || folder == ".") return path;
  return folder.back() == '/' ? folder + path : folder + "/" + path;
}

std::vector<std::string> path_part_names(const std::string& path) {
  std::vector<std::string> out;
  for (size_t open = path.find('{'); open != std::string::npos; open = path.find('{', open + 1)) {
    const size_t close = path.find('}', open);
    if (close == std::string::npos) break;
    out.push_back(path.substr(open + 1, close - open - 1));
    open = close;
  }
  return out;
}

StreamSettings read_stream_settings(Section& section) {
  StreamSettings out;
  out.line = section.line();
  out.partitions = section.integer("partitions", 1, 1024);
  out.slots = section.integer("slots", 1, 4096);
  out.page_window = section.duration("page_window", 1ms);
  for (const std::string_view key : {"partitions", "slots", "page_window"}) {
    if (section.has(key)) {
      out.line = section.line_of(key);
      break;
    }
  }
  return out;
}

ParsedSource read_source(const TomlNode& node, const std::string& folder, Problems& problems) {
  Section section(node, "source", "[[source]]", problems);
  ParsedSource out;
  out.line = section.line();
  SourceConfig& config = out.config;
  config.name = section.text("name").value_or("");
  if (!section.has("name")) {
    section.missing("name", "name = \"trades\"");
  } else if (!is_name(config.name)) {
    section.problem("name", "= \"" + config.name + "\" is no name",
                    "letters, digits, _ and -, a letter first, at most 64");
  }
  config.stream = section.text("stream").value_or(config.name);
  read_kind(section, config);
  // HTTP producers may send CSV by content type, whatever the source's own format is.
  read_format(section, config.format, config.kind == SourceKind::kHttp, problems);
  read_file(section, config, folder);
  config.max_body = section.bytes("max_body", 1_KiB, 1_GiB).value_or(config.max_body);
  read_watermark(section, config, problems);
  config.late_as_replay = section.duration("late_as_replay", 1ms).value_or(config.late_as_replay);
  if (const auto delivery = section.choice("delivery", {"retrying", "lossy"}))
    config.delivery = *delivery == "lossy" ? DeliveryKind::kLossy : DeliveryKind::kRetrying;
  config.overlap = section.duration("overlap", Duration(0)).value_or(config.overlap);
  out.settings = read_stream_settings(section);
  const size_t problems_before = problems.size();
  read_event(section.find("event"), section.find("values"), out, problems);
  if (problems.size() == problems_before) read_history(section, folder, out, problems);
  read_websocket(section, folder, config, problems);
  read_silence(section, config, problems);
  return out;
}

}  // namespace hindcast
