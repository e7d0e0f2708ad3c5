#include "server/feed_fault.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/hash.h"
#include "base/text.h"
#include "net/json_reader.h"

namespace hindcast {
namespace {

using Kind = FeedFault::Kind;

struct KindRow {
  Kind kind;
  std::string_view name;
  bool of_events;       // probability and seed
  bool counts;          // count
  std::string_view by;  // what `by` is called; "" = it has none
  Duration by_default{};
};
constexpr KindRow kKinds[] = {
    {Kind::kDrop, "drop", true, true, ""},
    {Kind::kDuplicate, "duplicate", true, true, "after"},
    {Kind::kReorder, "reorder", true, true, "window", 60s},
    {Kind::kLate, "late", true, true, "by", 60s},
    {Kind::kDisconnect, "disconnect", false, false, ""},
    {Kind::kStall, "stall", false, false, ""},
    {Kind::kHistoryLacks, "history-lacks", true, false, ""},
    {Kind::kHistoryContradicts, "history-contradicts", true, false, ""},
    {Kind::kHttp429, "http-429", false, true, "retry_after", 1s},
    {Kind::kHttp500, "http-500", false, true, ""},
    {Kind::kSlowPages, "slow-pages", false, true, "delay", 1s},
    {Kind::kTruncatePage, "truncate-page", false, true, ""},
};

const KindRow& row_of(Kind kind) {
  return *std::find_if(std::begin(kKinds), std::end(kKinds),
                       [&](const KindRow& row) { return row.kind == kind; });
}

Result<double> number(const std::string& name, const JsonValue& value, double max) {
  double out = 0;
  const auto [end, error] =
      std::from_chars(value.text.data(), value.text.data() + value.text.size(), out);
  if (value.kind != JsonValue::Kind::kNumber || error != std::errc() ||
      end != value.text.data() + value.text.size() || !(out >= 0 && out <= max))
    return invalid_argument("'" + name + "' must be a number from 0 to " +
                            std::to_string(static_cast<uint64_t>(max)));
  return out;
}

Result<Duration> seconds(const std::string& name, const JsonValue& value) {
  HC_TRY_ASSIGN(const double n, number(name, value, 1e9));
  return Duration(std::llround(n * 1e9));
}

Result<uint32_t> channel(const JsonValue& value, const FeedData& data) {
  const std::string name = value.to_string();
  const size_t found = data.find_channel(name);
  const std::vector<std::string_view> known(data.channels.begin(), data.channels.end());
  if (found == SIZE_MAX)
    return invalid_argument("there is no channel '" + name + "'" + did_you_mean(name, known));
  return static_cast<uint32_t>(found);
}

std::vector<std::string_view> known_members(const KindRow& kind) {
  std::vector<std::string_view> out{"kind", "channel",      "channels", "from",
                                    "to",   "feed_seconds", "seconds"};
  if (kind.of_events) out.insert(out.end(), {"probability", "seed"});
  if (kind.counts) out.push_back("count");
  if (!kind.by.empty()) out.push_back(kind.by);
  if (kind.kind == Kind::kHistoryContradicts) out.push_back("field");
  if (kind.kind == Kind::kDisconnect) out.push_back("abrupt");
  return out;
}

/// Where in time it acts, unless told otherwise.
Window default_window(Kind kind, EventTime now) {
  if (kind == Kind::kHistoryLacks || kind == Kind::kHistoryContradicts)
    return {kMinEventTime, kMaxEventTime};
  return {now, kMaxEventTime};
}

class Parser {
 public:
  Parser(const KindRow& kind, const FeedData& data, EventTime now)
      : kind_(kind), data_(data), now_(now) {
    fault_.kind = kind.kind;
    fault_.by = kind.by_default;
    fault_.when = default_window(kind.kind, now);
  }

  Status read(const std::string& name, const JsonValue& value) {
    if (name == "kind") return {};
    if (name == "channel" || name == "channels") {
      const std::vector<JsonValue> one{value};
      for (const JsonValue& item : value.kind == JsonValue::Kind::kArray ? value.items : one) {
        HC_TRY_ASSIGN(const uint32_t number, channel(item, data_));
        fault_.channels.push_back(number);
      }
    } else if (name == "from" || name == "to") {
      HC_TRY_ASSIGN(const EventTime time, parse_request_time(value.to_string()));
      (name == "from" ? fault_.when.start : fault_.when.end) = time;
      ends_ = ends_ || name == "to";
    } else if (name == "feed_seconds") {
      HC_TRY_ASSIGN(feed_time_, seconds(name, value));
      ends_ = true;
    } else if (name == "seconds") {
      HC_TRY_ASSIGN(fault_.real, seconds(name, value));
      ends_ = true;
    } else if (name == "probability") {
      HC_TRY_ASSIGN(fault_.probability, number(name, value, 1));
    } else if (name == "field") {
      fault_.field = value.to_string();
    } else if (name == "abrupt") {
      fault_.abrupt = value.boolean;
    } else if (name == kind_.by) {
      HC_TRY_ASSIGN(fault_.by, seconds(name, value));
    } else {  // count, seed
      const auto whole = value.unsigned_number();
      if (!whole) return invalid_argument("'" + name + "' must be a whole number");
      name == "count" ? static_cast<void>(fault_.count = *whole)
                      : static_cast<void>(fault_.seed = *whole);
    }
    return {};
  }

  Result<FeedFault> finish() {
    if (feed_time_) {
      if (fault_.when.start == kMinEventTime) fault_.when.start = now_;
      fault_.when.end = fault_.when.start + *feed_time_;
    }
    // Once, without keeping anybody out.
    if (fault_.kind == Kind::kDisconnect && !ends_) fault_.when.end = fault_.when.start;
    if (fault_.kind == Kind::kHistoryContradicts && fault_.field.empty())
      return invalid_argument("history-contradicts needs a 'field'");
    if (fault_.when.end < fault_.when.start) return invalid_argument("it ends before it begins");
    std::sort(fault_.channels.begin(), fault_.channels.end());
    return std::move(fault_);
  }

 private:
  const KindRow& kind_;
  const FeedData& data_;
  const EventTime now_;
  FeedFault fault_;
  std::optional<Duration> feed_time_;
  bool ends_ = false;
};

JsonValue* find_member(JsonValue& object, std::string_view name) {
  for (auto& [key, value] : object.members) {
    if (key == name) return &value;
  }
  return nullptr;
}

}  // namespace

bool FeedFault::concerns(uint32_t channel) const {
  return channels.empty() || std::binary_search(channels.begin(), channels.end(), channel);
}

bool FeedFault::concerns(const std::vector<uint32_t>& of_channels) const {
  return of_channels.empty() || std::any_of(of_channels.begin(), of_channels.end(),
                                            [this](uint32_t c) { return concerns(c); });
}

bool FeedFault::hits(const FeedData& data, size_t record) const {
  const FeedRecord& at = data.records[record];
  if (!when.contains(at.time) || !concerns(at.channel)) return false;
  if (probability >= 1) return true;
  const uint64_t random = mix(mix(seed + 0x9E3779B97F4A7C15, record + 0xD1B54A32D192ED03),
                              static_cast<uint64_t>(kind) + 0x8CB92BA72F3D8DD7);
  return static_cast<double>(random >> 11) * 0x1.0p-53 < probability;
}

Result<FeedFault> parse_fault(BytesView json, const FeedData& data, EventTime now) {
  HC_TRY_ASSIGN(const JsonValue document, parse_json(json));
  const std::string name = document["kind"].to_string();
  std::vector<std::string_view> kinds;
  for (const KindRow& row : kKinds) kinds.push_back(row.name);
  const auto found = std::find(kinds.begin(), kinds.end(), name);
  if (found == kinds.end()) {
    std::string all;
    for (const std::string_view kind : kinds) all += (all.empty() ? "" : ", ") + std::string(kind);
    return invalid_argument("'kind' \"" + name + "\" is not known" + did_you_mean(name, kinds) +
                            "; there are " + all);
  }
  const KindRow& kind = kKinds[found - kinds.begin()];
  const std::vector<std::string_view> known = known_members(kind);
  Parser parser(kind, data, now);
  for (const auto& [member, value] : document.members) {
    if (std::find(known.begin(), known.end(), member) == known.end()) {
      return invalid_argument("a fault of kind " + name + " has no '" + member + "'" +
                              did_you_mean(member, known));
    }
    HC_TRY(parser.read(member, value));
  }
  return parser.finish();
}

void render_fault(const FeedFault& fault, const FeedData& data, JsonWriter& json) {
  const KindRow& kind = row_of(fault.kind);
  const auto seconds_of = [](Duration d) { return static_cast<double>(d.count()) / 1e9; };
  json.begin_object().field("id", fault.id).field("kind", kind.name);
  if (!fault.channels.empty()) {
    json.key("channels").begin_array();
    for (const uint32_t channel : fault.channels) json.string(data.channels[channel]);
    json.end_array();
  }
  if (fault.when.start != kMinEventTime) json.field("from", to_rfc3339(fault.when.start));
  if (fault.when.end != kMaxEventTime) json.field("to", to_rfc3339(fault.when.end));
  if (fault.real) json.field("seconds", seconds_of(*fault.real));
  if (fault.count) json.field("count", *fault.count);
  if (kind.of_events && fault.probability < 1)
    json.field("probability", fault.probability).field("seed", fault.seed);
  if (!kind.by.empty()) json.field(kind.by, seconds_of(fault.by));
  if (!fault.field.empty()) json.field("field", fault.field);
  if (fault.abrupt) json.field("abrupt", true);
  json.end_object();
}

Bytes contradict(std::string_view object, const std::string& field) {
  auto document = parse_json(object);
  JsonValue* value = document ? &*document : nullptr;
  for (size_t at = 0; value != nullptr && at <= field.size();) {
    const size_t dot = std::min(field.find('.', at), field.size());
    value = find_member(*value, std::string_view(field).substr(at, dot - at));
    at = dot + 1;
  }
  if (value == nullptr) return Bytes(object);
  const size_t digit = value->text.find_last_of("0123456789");
  if (digit == std::string::npos) {
    *value = {.kind = JsonValue::Kind::kNumber, .text = "1"};
  } else {
    value->text[digit] =
        value->text[digit] == '9' ? '0' : static_cast<char>(value->text[digit] + 1);
  }
  return document->to_string();
}

}  // namespace hindcast
