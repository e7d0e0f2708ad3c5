// [source.event] and [source.values]: which field plays which part.
#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "format/config_parser_internal.h"
#include "format/time_parser.h"

namespace hindcast {
namespace {

constexpr std::string_view kPseudoFields[] = {"$file", "$row", "$arrival"};
constexpr std::string_view kLaterPseudoFields[] = {"$partition", "$offset", "$entry_id",
                                                   "$message_key"};

class EventReader {
 public:
  EventReader(ParsedSource& source, Problems& problems, const MappingPlace& place)
      : source_(source),
        event_(source.config.event),
        problems_(problems),
        place_(place),
        shown_("[" + place.section + ".event]"),
        values_shown_("[" + place.section + ".values]") {}

  void read_event(const TomlNode& node) {
    Section section(node, "source.event", shown_, problems_);
    read_key(section);
    read_id(section);
    read_time(section);
    event_.order = optional_ref(section, "order");
    event_.revision = optional_ref(section, "revision");
    event_.op = optional_ref(section, "op");
    read_sequence(section);
    if (event_.op && event_.identity == IdentityKind::kContent) {
      section.problem(
          "op", "needs an id of fields: a delete cannot name an event whose id is its content");
    }
  }

  void read_values(const TomlNode& node) {
    if (node.kind != TomlNode::Kind::kTable)
      return add(node.line,
                 values_shown_ + " must be a table, not " + std::string(node.kind_name()));
    if (node.members.size() > 64) add(node.line, values_shown_ + " has more than 64 values");
    for (const auto& [name, value] : node.members) read_value(name, value);
  }

 private:
  void add(int line, std::string message, std::string hint = "") {
    problems_.push_back({line, std::move(message), std::move(hint)});
  }

  void read_key(Section& section) {
    const TomlNode* node = section.find("key");
    if (node == nullptr)
      return section.missing("key", "key = \"symbol\", or key = [\"exchange\", \"symbol\"]");
    event_.key = refs(*node, "key", false);
    for (const FieldRef& ref : event_.key)
      source_.schema.key.push_back(ref.type.value_or(PartType::kText));
  }

  void read_id(Section& section) {
    const TomlNode* node = section.find("id");
    StreamSchema& schema = source_.schema;
    if (node == nullptr) {
      return section.missing("id",
                             "id = \"trade_id\", or say how it is derived: id = { derive = "
                             "\"position\" } or { derive = \"content\" }");
    }
    if (node->kind == TomlNode::Kind::kTable && node->member("derive") != nullptr) {
      Section table(*node, "source.event.id", "'id' in " + shown_, problems_);
      const auto derive = table.choice("derive", {"position", "content"});
      if (node->members.size() > 1)
        add(node->line, "'id' has `derive` and something else; one of them is meant");
      if (derive == "position") {
        event_.identity = IdentityKind::kPosition;
        schema.id = {PartType::kText, PartType::kInt};
        if (source_.config.kind != SourceKind::kFile) {
          add(node->line,
              "id = { derive = \"position\" } needs kind = \"file\": a request or a pipe has no "
              "position that is the same next time",
              "use fields of the event, or { derive = \"content\" }");
        }
      } else {
        event_.identity = IdentityKind::kContent;
        schema.id = {PartType::kInt, PartType::kInt};
      }
      schema.identity = event_.identity;
      return;
    }
    event_.id = refs(*node, "id", true);
    for (const FieldRef& ref : event_.id) schema.id.push_back(ref.type.value_or(PartType::kText));
  }

  void read_time(Section& section) {
    const TomlNode* node = section.find("time");
    if (node == nullptr) return section.missing("time", "time = \"T\" with time_unit = \"ms\"");
    TimeMapping& time = event_.time;
    std::optional<std::string> unit = section.text("time_unit");
    if (node->kind == TomlNode::Kind::kTable) {
      Section table(*node, "source.event.time", "'time' in " + shown_, problems_);
      if (const TomlNode* field = table.find("field")) {
        if (const auto found = ref(*field, "time")) time.field = *found;
      } else {
        table.missing("field", "time = { day = \"{day}\", field = \"0\", unit = \"ms\" }");
      }
      if (const TomlNode* day = table.find("day")) time.day = ref(*day, "day");
      if (const auto own = table.text("unit")) {
        if (unit)
          section.problem("time_unit", "stands beside `unit` of 'time'", "one of them is enough");
        unit = own;
      }
      if (const auto zone = table.text("zone")) time.zone = *zone;
    } else if (const auto found = ref(*node, "time")) {
      time.field = *found;
    }
    if (unit) set_unit(section, *unit);
    // $arrival is a number of ours, not of the feed.
    if (time.field.kind == FieldRef::Kind::kPseudo && time.field.text == "$arrival")
      time.unit = TimeUnit::kNanoseconds;
    if (const auto parser = TimeParser::create(time); !parser)
      section.problem("time", "cannot be read: " + parser.error().message);
  }

  /// The number travels with the event: as its id when it is one, else as its order.
  void read_sequence(Section& section) {
    SourceConfig& config = source_.config;
    const auto scope = section.choice("sequence_scope", {"key", "stream"});
    if (scope == "stream") config.sequence_scope = SequenceScope::kStream;
    event_.sequence = optional_ref(section, "sequence");
    if (!event_.sequence) {
      if (scope && !section.has("sequence"))
        section.problem("sequence_scope", "stands without `sequence`",
                        "sequence = \"t\" names the field that counts up");
      return;
    }
    const FieldRef& field = *event_.sequence;
    if (field.kind != FieldRef::Kind::kField || field.type == PartType::kText) {
      return section.problem("sequence", "must be a field that holds integers",
                             "the number that the feed counts up by one with each event");
    }
    config.sequence = true;
    source_.sequence_line = section.line_of("sequence");
    if (event_.id.size() == 1 && event_.id[0].type == PartType::kInt &&
        event_.id[0].text == field.text && event_.id[0].kind == field.kind) {
      return;
    }
    config.sequence_in_order = true;
    if (!event_.order) {
      event_.order = field;
    } else if (event_.order->text != field.text || event_.order->kind != field.kind) {
      section.problem(
          "sequence",
          "= \"" + field.text + "\" is neither the only `id` (of type int) nor the `order`",
          "events keep one number beside their id: leave `order` out, or make it \"" + field.text +
              "\"");
    }
  }

  void set_unit(Section& section, const std::string& unit) {
    if (parse_time_unit(unit, event_.time)) return;
    section.problem(section.has("time_unit") ? "time_unit" : "time",
                    "has the unit \"" + unit + "\", which is not known",
                    std::string(kTimeUnitHint));
  }

  std::optional<FieldRef> optional_ref(Section& section, std::string_view key) {
    const TomlNode* node = section.find(key);
    return node == nullptr ? std::nullopt : ref(*node, key);
  }

  std::vector<FieldRef> refs(const TomlNode& node, std::string_view role, bool is_id) {
    std::vector<FieldRef> out;
    const auto one = [&](const TomlNode& item) {
      auto found = ref(item, role);
      if (!found) return;
      if (is_id && found->kind == FieldRef::Kind::kPseudo && found->text != "$arrival" &&
          source_.config.kind != SourceKind::kFile) {
        add(item.line,
            "'id' uses " + found->text + ", which says nothing outside files (kind = \"file\")");
      }
      if (is_id && found->text == "$arrival" && found->kind == FieldRef::Kind::kPseudo) {
        add(item.line, "'id' uses $arrival: an event that is sent again would be another event");
      }
      out.push_back(std::move(*found));
    };
    if (node.kind == TomlNode::Kind::kArray) {
      if (node.items.empty())
        add(node.line, "'" + std::string(role) + "' in " + shown_ + " is empty");
      for (const TomlNode& item : node.items) one(item);
    } else {
      one(node);
    }
    if (out.size() > 16)
      add(node.line, "'" + std::string(role) + "' in " + shown_ + " has more than 16 fields");
    return out;
  }

  /// "t", 0, "$file", "gc_{contract}", { field = "t", type = "int" }, { value = "XRPETH" }.
  std::optional<FieldRef> ref(const TomlNode& node, std::string_view role) {
    const std::string where = "'" + std::string(role) + "' in " + shown_;
    switch (node.kind) {
      case TomlNode::Kind::kText:
        return named(node.text, node.line, where);
      case TomlNode::Kind::kInteger:
        if (node.integer >= 0)
          return FieldRef{FieldRef::Kind::kField, std::to_string(node.integer), std::nullopt};
        add(node.line, where + " is a negative column number");
        return std::nullopt;
      case TomlNode::Kind::kTable:
        break;
      default:
        add(node.line,
            where + " must be the name of a field, not " + std::string(node.kind_name()));
        return std::nullopt;
    }
    Section table(node, "source.event.field", where, problems_);
    const auto type = table.choice("type", {"int", "text"});
    std::optional<FieldRef> out;
    if (table.has("field") == table.has("value")) {
      add(node.line, where + " needs either `field` or `value`",
          "for example: { field = \"t\", type = \"int\" } or { value = \"XRPETH\" }");
    } else if (const TomlNode* field = table.find("field")) {
      out = ref(*field, role);
    } else if (const auto value = table.text("value")) {
      out = constant(*value, node.line, where);
    }
    if (out && type) out->type = *type == "int" ? PartType::kInt : PartType::kText;
    return out;
  }

  std::optional<FieldRef> named(const std::string& text, int line, const std::string& where) {
    if (text.empty()) {
      add(line, where + " is empty");
      return std::nullopt;
    }
    if (text[0] != '$') {
      if (text.find('{') != std::string::npos) return constant(text, line, where);
      return FieldRef{FieldRef::Kind::kField, text, std::nullopt};
    }
    if (std::find(std::begin(kLaterPseudoFields), std::end(kLaterPseudoFields), text) !=
        std::end(kLaterPseudoFields)) {
      add(line, where + ": " + text + " is not supported in this version");
      return std::nullopt;
    }
    if (std::find(std::begin(kPseudoFields), std::end(kPseudoFields), text) ==
        std::end(kPseudoFields)) {
      add(line,
          where + ": pseudo-field '" + text + "' is not known" + did_you_mean(text, kPseudoFields),
          "known: $file, $row, $arrival");
      return std::nullopt;
    }
    FieldRef out{FieldRef::Kind::kPseudo, text, std::nullopt};
    if (text != "$file") out.type = PartType::kInt;
    return out;
  }

  std::optional<FieldRef> constant(const std::string& text, int line, const std::string& where) {
    const auto used = path_part_names(text);
    if (used.empty()) return FieldRef{FieldRef::Kind::kConstant, text, std::nullopt};
    const auto known = path_part_names(source_.config.path);
    const std::vector<std::string_view> names(known.begin(), known.end());
    for (const std::string& name : used) {
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      add(line,
          where + " uses {" + name + "}, which is no " + place_.parts + did_you_mean(name, names),
          source_.config.kind == SourceKind::kFile
              ? "name it there: path = \"data/{" + name + "}/*.csv\""
              : "");
      return std::nullopt;
    }
    return FieldRef{FieldRef::Kind::kPathPart, text, std::nullopt};
  }

  void read_value(const std::string& name, const TomlNode& node) {
    const std::string where = "value '" + name + "' in " + values_shown_;
    if (!is_name(name))
      add(node.line, where + " is no name", "letters, digits, _ and -, a letter first");
    ValueField field;
    field.name = name;
    FieldRef from{FieldRef::Kind::kField, name, std::nullopt};
    std::optional<std::string> type;
    if (node.kind == TomlNode::Kind::kText) {  // price = "decimal(18,8)"
      type = node.text;
    } else {
      Section table(node, "source.values.*", where, problems_);
      if (const TomlNode* at = table.find("field")) {
        if (auto found = ref(*at, "field of " + name)) from = std::move(*found);
      }
      type = table.text("type");
      if (!type && !table.has("type") && node.kind == TomlNode::Kind::kTable) {
        table.missing("type", "type = \"decimal(18,8)\", \"int\", \"double\" or \"text\"");
      }
      field.optional = table.boolean("optional").value_or(false);
    }
    if (type && !parse_type(*type, field)) {
      add(node.line, where + " has the type \"" + *type + "\", which is not known",
          "decimal(precision,scale) with scale <= precision <= 18, int, double or text");
    }
    event_.values.push_back(std::move(from));
    source_.schema.values.push_back(std::move(field));
  }

  static bool parse_type(std::string_view text, ValueField& out) {
    std::string packed;
    std::copy_if(text.begin(), text.end(), std::back_inserter(packed),
                 [](char c) { return c != ' '; });
    out.type = ValueType::kDecimal;
    out.precision = 18;
    out.scale = 0;
    if (packed == "int") return true;
    if (packed == "double" || packed == "text") {
      out.type = packed == "double" ? ValueType::kDouble : ValueType::kText;
      return true;
    }
    constexpr std::string_view kPrefix = "decimal(";
    if (!packed.starts_with(kPrefix) || !packed.ends_with(')')) return false;
    const char* at = packed.data() + kPrefix.size();
    const char* const end = packed.data() + packed.size() - 1;
    unsigned precision = 0, scale = 0;
    auto read = std::from_chars(at, end, precision);
    if (read.ec != std::errc()) return false;
    if (read.ptr != end) {
      if (*read.ptr != ',') return false;
      read = std::from_chars(read.ptr + 1, end, scale);
      if (read.ec != std::errc() || read.ptr != end) return false;
    }
    if (precision < 1 || precision > 18 || scale > precision) return false;
    out.precision = static_cast<uint8_t>(precision);
    out.scale = static_cast<uint8_t>(scale);
    return true;
  }

  ParsedSource& source_;
  EventMapping& event_;
  Problems& problems_;
  const MappingPlace& place_;
  const std::string shown_, values_shown_;
};

}  // namespace

void read_event(const TomlNode* event, const TomlNode* values, ParsedSource& source,
                Problems& problems, const MappingPlace& place) {
  EventReader reader(source, problems, place);
  if (event != nullptr) {
    reader.read_event(*event);
  } else {
    problems.push_back({source.line, "source '" + source.config.name + "' has no [source.event]",
                        "it says which fields are key, id and time"});
  }
  if (values != nullptr) reader.read_values(*values);
}

}  // namespace hindcast
