// [source.history]: what its source does not say, and what must fit to it.
#include <algorithm>

#include "base/text.h"
#include "format/config_parser_internal.h"
#include "format/zone.h"
#include "model/key.h"

namespace hindcast {
namespace {

using Kind = HistoryConfig::Kind;
using Paging = HistoryConfig::Paging;

/// What objects are called by: the {name} parts of a path, else the file's name without .gz and
/// .zst.
std::vector<std::string> object_names(const std::string& path) {
  const auto parts = path_part_names(path);
  if (!parts.empty()) return parts;
  std::string name = path.substr(path.rfind('/') + 1);
  for (const std::string_view suffix : {".gz", ".zst"}) {
    if (name.ends_with(suffix)) name.resize(name.size() - suffix.size());
  }
  return {std::move(name)};
}

class HistoryReader {
 public:
  HistoryReader(Section section, const std::string& folder, ParsedSource& source,
                Problems& problems)
      : section_(std::move(section)), folder_(folder), source_(source), problems_(problems) {}

  void read(const TomlNode* source_event, const TomlNode* source_values) {
    if (!read_kind()) return;
    if (history_.kind == Kind::kLog) {
      read_log();
      return;
    }
    history_.settle = default_settle();
    history_.settle = section_.duration("settle", Duration(0)).value_or(history_.settle);
    read_keep();
    history_.disorder = section_.duration("disorder", Duration(0)).value_or(source_.config.delay);
    read_own_format();
    if (history_.kind == Kind::kFiles) read_files();
    if (history_.kind == Kind::kHttp) read_http();
    read_mapping(source_event, source_values);
    if (history_.kind == Kind::kFiles) read_day_zone();
    if (history_.kind == Kind::kHttp) {
      check_variables();
      check_keys();
    }
    source_.config.history = std::move(history_);
  }

 private:
  /// What was taken in does not change, and is read as it was written.
  void read_log() {
    for (const std::string_view key :
         {"settle", "keep", "disorder", "format", "event", "values", "each", "match"}) {
      if (section_.has(key)) section_.problem(key, "has no place in a history of kind = \"log\"");
    }
    history_.settle = Duration(0);
    source_.config.history = std::move(history_);
  }

  bool read_kind() {
    const auto kind =
        section_.choice("kind", {"files", "http", "log"}, {"s3", "postgres", "kafka", "redis"});
    if (!section_.has("kind")) section_.missing("kind", "kind = \"files\", \"http\" or \"log\"");
    if (!kind) return false;
    history_.kind = *kind == "http" ? Kind::kHttp : *kind == "log" ? Kind::kLog : Kind::kFiles;
    if (const auto path = section_.text("path"); path && history_.kind == Kind::kFiles) {
      history_.path = resolve_path(*path, folder_);
      check_path_parts(section_, *path);
    }
    const auto belongs = [&](std::initializer_list<std::string_view> keys, Kind to,
                             std::string_view name) {
      for (const std::string_view key : keys) {
        if (section_.has(key) && history_.kind != to)
          section_.problem(key, "belongs to kind = \"" + std::string(name) + "\"");
      }
    };
    belongs({"path", "day_zone", "last_row"}, Kind::kFiles, "files");
    belongs({"url", "keys", "headers", "paging", "cursor", "limit", "requests", "weight", "retries",
             "timeout"},
            Kind::kHttp, "http");
    return true;
  }

  bool has_part(std::string_view name) const {
    const auto parts = path_part_names(history_.path);
    return std::find(parts.begin(), parts.end(), name) != parts.end();
  }

  /// The file of a day is complete when the day is over, not ten seconds after each event.
  Duration default_settle() const {
    if (history_.kind != Kind::kFiles) return history_.settle;
    if (has_part("hour")) return 1h;
    return has_part("day") || has_part("date") ? Duration(24h) : history_.settle;
  }

  /// What is forgotten before it has settled can never be read.
  void read_keep() {
    history_.keep = section_.duration("keep", 1ms);
    if (history_.keep && *history_.keep <= history_.settle)
      section_.problem("keep", "= \"" + to_string(*history_.keep) +
                                   "\" must be longer than `settle`, which is \"" +
                                   to_string(history_.settle) +
                                   "\": what is newer than `settle` is not read yet");
  }

  /// Files are mostly what the source would have read. An HTTP answer is a document of its own,
  /// whatever the messages of the live connection look like.
  void read_own_format() {
    FormatConfig& format = history_.format;
    format = source_.config.format;
    if (history_.kind == Kind::kHttp && format.kind == FormatKind::kNdjson)
      format.kind = FormatKind::kJson;
    const TomlNode* own = section_.find("format");
    constexpr std::pair<std::string_view, FormatKind> kKinds[] = {
        {"ndjson", FormatKind::kNdjson}, {"json", FormatKind::kJson}, {"csv", FormatKind::kCsv}};
    const bool differs =
        own != nullptr && std::none_of(std::begin(kKinds), std::end(kKinds), [&](const auto& k) {
          return own->text == k.first && format.kind == k.second;
        });
    if (history_.kind == Kind::kHttp || differs) {
      format.each.clear();
      format.match.clear();
    }
    read_format(section_, format, false, problems_);
  }

  void read_files() {
    if (!section_.has("path")) section_.missing("path", "path = \"archive/{day}/{symbol}.csv.gz\"");
    history_.last_row_repeated = source_.config.last_row_repeated;
    if (const auto last = section_.choice("last_row", {"repeated", "event"}))
      history_.last_row_repeated = *last == "repeated";
    if (history_.last_row_repeated && history_.format.kind == FormatKind::kJson)
      section_.problem("last_row", "= \"repeated\" belongs to rows: format \"csv\" or \"ndjson\"");
    if (has_part("hour") && !has_part("day") && !has_part("date"))
      section_.problem("path", "has the part {hour} and no {day}", "an hour of which day?");
  }

  void read_day_zone() {
    history_.day_zone = history_.event.time.zone;
    if (const auto zone = section_.text("day_zone")) history_.day_zone = *zone;
    if (section_.has("day_zone") && !has_part("day") && !has_part("date"))
      section_.problem("day_zone", "needs a part {day} or {date} in `path`");
    if (const auto loaded = Zone::load(history_.day_zone); !loaded)
      section_.problem("day_zone", "cannot be used: " + loaded.error().message);
  }

  void read_http() {
    if (!section_.has("url"))
      section_.missing(
          "url", "url = \"https://example.com/trades?symbol={key}&from={from_ms}&to={to_ms}\"");
    history_.url = section_.text("url").value_or("");
    if (section_.has("url") && !history_.url.starts_with("http://") &&
        !history_.url.starts_with("https://"))
      section_.problem("url", "is no URL", "it begins with https:// or http://");
    read_keys();
    read_headers();
    const auto paging = section_.choice("paging", {"none", "cursor", "id", "time", "link"});
    if (paging == "cursor") history_.paging = Paging::kCursor;
    if (paging == "id") history_.paging = Paging::kId;
    if (paging == "time") history_.paging = Paging::kTime;
    if (paging == "link") history_.paging = Paging::kLink;
    history_.cursor = section_.text("cursor").value_or("");
    const auto count = [&](std::string_view key, int64_t low, int64_t high, uint64_t otherwise) {
      const auto given = section_.integer(key, low, high);
      return given ? static_cast<uint64_t>(*given) : otherwise;
    };
    history_.limit = count("limit", 1, 1'000'000, history_.limit);
    history_.weight = count("weight", 1, 1'000'000, history_.weight);
    history_.retries = static_cast<uint32_t>(count("retries", 0, 1000, history_.retries));
    history_.timeout = section_.duration("timeout", 1ms).value_or(history_.timeout);
    read_requests();
  }

  void read_keys() {
    const TomlNode* keys = section_.find("keys");
    if (keys == nullptr) return;
    if (keys->kind != TomlNode::Kind::kArray || keys->items.empty())
      return section_.problem("keys", "must be an array of keys", "for example: [\"BTCUSDT\"]");
    for (const TomlNode& item : keys->items) {
      std::string key = item.text;
      if (item.kind == TomlNode::Kind::kInteger) key = std::to_string(item.integer);
      if (key.empty() ||
          (item.kind != TomlNode::Kind::kText && item.kind != TomlNode::Kind::kInteger)) {
        problems_.push_back({item.line, "'keys' in [source.history] holds what is no key", ""});
      } else if (std::find(history_.keys.begin(), history_.keys.end(), key) !=
                 history_.keys.end()) {
        problems_.push_back({item.line, "'keys' in [source.history] has '" + key + "' twice", ""});
      } else {
        history_.keys.push_back(std::move(key));
      }
    }
  }

  void read_headers() {
    const TomlNode* headers = section_.find("headers");
    if (headers == nullptr) return;
    if (headers->kind != TomlNode::Kind::kTable)
      return section_.problem("headers", "must be a table",
                              "for example: { Authorization = \"env:API_TOKEN\" }");
    for (const auto& [name, node] : headers->members) {
      const std::string where = "header '" + name + "' in [source.history]";
      auto value = text_or_secret(node, where, folder_, problems_);
      if (!value) continue;
      if (name.empty() || name.find_first_of(" :\t\r\n") != std::string::npos)
        problems_.push_back({node.line, where + " is no name of a header", ""});
      if (value->find_first_of("\r\n") != std::string::npos)
        problems_.push_back({node.line, where + " has a line break in its value", ""});
      history_.headers[name] = *std::move(value);
    }
  }

  void read_requests() {
    const auto text = section_.text("requests");
    if (!text) return;
    const auto rate = parse_quantity(*text);
    if (!rate || rate->number == 0 || rate->number > 1'000'000 || rate->unit != "/s") {
      return section_.problem("requests", "= \"" + *text + "\" is no rate",
                              "for example: \"10/s\", counted in `weight`");
    }
    history_.requests_per_second = rate->number;
  }

  // ── the mapping ───────────────────────────────────────────────────────────────────────────────

  void read_mapping(const TomlNode* source_event, const TomlNode* source_values) {
    if (!check_position()) return;
    const TomlNode* own = section_.find("event");
    if (own != nullptr && own->kind != TomlNode::Kind::kTable)
      return section_.problem("event", "must be a table: [source.history.event]");
    const TomlNode event = merge_event(*source_event, own != nullptr ? *own : TomlNode(),
                                       source_.config.event.order.has_value());
    const auto values = merge_values(source_values, section_.find("values"), problems_);
    if (!values) return;

    // The history's mapping is read as the mapping of a source of its kind.
    ParsedSource as_source = source_;
    SourceConfig& config = as_source.config;
    config.kind = history_.kind == Kind::kFiles ? SourceKind::kFile : SourceKind::kHttp;
    config.path = history_.kind == Kind::kFiles ? history_.path
                  : history_.keys.empty()       ? ""
                                                : "{key}";
    config.event = {};
    as_source.schema.key.clear();
    as_source.schema.id.clear();
    as_source.schema.values.clear();
    MappingPlace place{"source.history", "part of the history's path"};
    if (history_.kind == Kind::kHttp)
      place.parts = history_.keys.empty() ? "variable here: there are no `keys`"
                                          : "variable here: only {key} is";
    const size_t before = problems_.size();
    read_event(&event, &*values, as_source, problems_, place);
    if (problems_.size() > before) return;
    history_.event = std::move(config.event);
    check_agreement(as_source.schema);
  }

  /// Identity `position` holds where history has the same objects with the same names.
  bool check_position() {
    if (source_.config.event.identity != IdentityKind::kPosition) return true;
    const std::string why =
        "cannot be the history of a source with id = { derive = \"position\" }: an event is its "
        "file "
        "and row there, ";
    if (history_.kind == Kind::kHttp) {
      section_.problem("kind", "= \"http\" " + why + "and an answer has neither",
                       "kind = \"files\" over the same files, or an id of fields");
      return false;
    }
    if (object_names(history_.path) == object_names(source_.config.path)) return true;
    section_.problem("path",
                     why +
                         "so the {name} parts of both paths must be the same, in order; without "
                         "parts, the names of the files",
                     "the source has path = \"" + source_.config.path + "\"");
    return false;
  }

  /// What of the stream's shape a mapping can change: nothing. Types that the history does not
  /// repeat are the source's.
  void check_agreement(const StreamSchema& own) {
    const StreamSchema& schema = source_.schema;
    const auto agree = [&](std::vector<FieldRef>& refs, const std::vector<FieldRef>& source_refs,
                           const std::vector<PartType>& types, const char* role) {
      bool same = refs.size() == types.size();
      for (size_t i = 0; same && i < refs.size(); ++i) {
        same = refs[i].type.value_or(types[i]) == types[i];
        if (!refs[i].type) refs[i].type = source_refs[i].type;
      }
      if (!same)
        section_.problem(
            "event",
            std::string("differs from [source.event] in number or types of `") + role + "`");
    };
    const EventMapping& event = source_.config.event;
    agree(history_.event.key, event.key, schema.key, "key");
    if (own.identity != schema.identity) {
      section_.problem("event", "derives `id` in another way than [source.event]");
    } else if (schema.identity == IdentityKind::kFields) {
      agree(history_.event.id, event.id, schema.id, "id");
    }
    if (own.values != schema.values)
      section_.problem("values", "differs from [source.values] in type or `optional`",
                       "a history says only where a value is: price = { field = \"p\" }");
  }

  // ── the URL ───────────────────────────────────────────────────────────────────────────────────

  bool uses(std::initializer_list<std::string_view> names) const {
    const auto used = path_part_names(history_.url);
    return std::any_of(names.begin(), names.end(), [&](std::string_view name) {
      return std::find(used.begin(), used.end(), name) != used.end();
    });
  }

  void check_variables() {
    const std::vector<std::string_view> known(std::begin(kHistoryUrlVariables),
                                              std::end(kHistoryUrlVariables));
    for (const std::string& name : path_part_names(history_.url)) {
      if (std::find(known.begin(), known.end(), name) == known.end())
        section_.problem("url",
                         "has {" + name + "}, which is not known" + did_you_mean(name, known),
                         "{key} {from} {to} {from_ms} {to_ms} {from_s} {to_s} {next_id} {cursor} "
                         "{limit}");
    }
    const auto needs = [&](Paging paging, std::string_view name,
                           std::initializer_list<std::string_view> variables,
                           std::string_view shown) {
      if (history_.paging == paging && !uses(variables)) {
        section_.problem("paging", "= \"" + std::string(name) + "\" needs " + std::string(shown) +
                                       " in `url`: it says where the next page begins");
      }
    };
    needs(Paging::kId, "id", {"next_id"}, "{next_id}");
    needs(Paging::kCursor, "cursor", {"cursor"}, "{cursor}");
    needs(Paging::kTime, "time", {"from", "from_ms", "from_s"}, "{from}, {from_ms} or {from_s}");
    if (history_.paging != Paging::kId && uses({"next_id"}))
      section_.problem("url", "has {next_id}", "it belongs to paging = \"id\"");
    if (history_.paging != Paging::kCursor && uses({"cursor"}))
      section_.problem("url", "has {cursor}", "it belongs to paging = \"cursor\"");
    if ((history_.paging == Paging::kCursor) != section_.has("cursor")) {
      if (section_.has("cursor"))
        section_.problem("cursor", "belongs to paging = \"cursor\"");
      else
        section_.missing("cursor", "cursor = \"meta.next\", its dotted path in an answer");
    }
    if (history_.paging == Paging::kCursor && history_.format.kind != FormatKind::kJson)
      section_.problem("paging", "= \"cursor\" needs format = \"json\": that is where cursors are");
    if (history_.paging == Paging::kId && source_.schema.id != std::vector{PartType::kInt})
      section_.problem("paging", "= \"id\" needs an id that is one integer",
                       "id = { field = \"t\", type = \"int\" }");
  }

  void check_keys() {
    const std::vector<PartType>& types = source_.schema.key;
    if (uses({"key"}) && history_.keys.empty())
      section_.missing("keys", "keys = [\"BTCUSDT\", \"ETHUSDT\"], because `url` has {key}");
    if (!uses({"key"}) && !history_.keys.empty())
      section_.problem("keys", "needs {key} in `url`, where each of them goes");
    for (const std::string& key : history_.keys) {
      if (const auto encoded = key_from_string(types, key); !encoded)
        section_.problem("keys", "has '" + key + "': " + encoded.error().message);
    }
    const auto names_key = [](const FieldRef& ref) {
      return ref.kind == FieldRef::Kind::kPathPart;
    };
    if (types.size() > 1 &&
        std::any_of(history_.event.key.begin(), history_.event.key.end(), names_key)) {
      section_.problem("event", "uses {key} for a part of a key that has several",
                       "take the parts from fields of the answer");
    }
  }

  Section section_;
  const std::string& folder_;
  ParsedSource& source_;
  Problems& problems_;
  HistoryConfig history_;
};

}  // namespace

void read_history(Section& source_section, const std::string& folder, ParsedSource& source,
                  Problems& problems) {
  auto section = source_section.section("history", "source.history");
  if (!section) return;
  HistoryReader(std::move(*section), folder, source, problems)
      .read(source_section.find("event"), source_section.find("values"));
}

}  // namespace hindcast
