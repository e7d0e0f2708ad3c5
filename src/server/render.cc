#include "server/render.h"

#include <algorithm>
#include <bit>
#include <span>

namespace hindcast {
namespace {

template <class Time>
void time_or_null(JsonWriter& json, std::string_view name, const std::optional<Time>& time) {
  json.key(name);
  if (time && time->time_since_epoch() != Time::min().time_since_epoch()) {
    json.string(to_rfc3339(*time));
  } else {
    json.null();
  }
}

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

void part(JsonWriter& json, const KeyPart& value) {
  if (const auto* number = std::get_if<int64_t>(&value)) {
    json.number(*number);
  } else {
    json.string(std::get<std::string>(value));
  }
}

void parts(JsonWriter& json, std::span<const KeyPart> values) {
  if (values.size() == 1) return part(json, values[0]);
  json.begin_array();
  for (const auto& value : values) part(json, value);
  json.end_array();
}

void value(JsonWriter& json, const Value& v) {
  switch (v.kind) {
    case Value::Kind::kNull:
      json.null();
      break;
    case Value::Kind::kInt:
      json.raw(v.to_string());
      break;
    case Value::Kind::kDecimal:
      json.string(v.to_string());
      break;
    case Value::Kind::kDouble:
      json.number(v.real);
      break;
    case Value::Kind::kText:
      json.string(v.text);
      break;
  }
}

Value cell_value(const ValueField& field, const EventBatch& events, int64_t cell) {
  Value v;
  switch (field.type) {
    case ValueType::kDecimal:
      v.kind = Value::Kind::kDecimal;
      v.number = cell;
      v.scale = field.scale;
      break;
    case ValueType::kDouble:
      v.kind = Value::Kind::kDouble;
      v.real = std::bit_cast<double>(cell);
      break;
    case ValueType::kText:
      v.kind = Value::Kind::kText;
      v.text = std::string(events.texts[static_cast<uint32_t>(cell)]);
      break;
  }
  return v;
}

void event_id(JsonWriter& json, const StreamSchema& schema, const EventBatch& events, size_t row) {
  if (schema.identity == IdentityKind::kContent && schema.id.size() == 2) {
    json.string(to_hex(Hash128{static_cast<uint64_t>(events.id[0][row]),
                               static_cast<uint64_t>(events.id[1][row])}));
    return;
  }
  std::vector<KeyPart> id;
  for (size_t c = 0; c < schema.id.size(); ++c) {
    const int64_t cell = events.id[c][row];
    if (schema.id[c] == PartType::kInt) {
      id.emplace_back(cell);
    } else {
      id.emplace_back(std::string(events.texts[static_cast<uint32_t>(cell)]));
    }
  }
  parts(json, id);
}

std::string_view type_name(const ValueField& field) {
  switch (field.type) {
    case ValueType::kDecimal:
      return "decimal";
    case ValueType::kDouble:
      return "double";
    case ValueType::kText:
      return "text";
  }
  return "";
}

std::string function_text(const AggregateInfo& aggregate, const FunctionSpec& spec) {
  std::string out = std::string(to_string(spec.kind)) + "(";
  if (spec.field >= 0) out += aggregate.schema.values[static_cast<size_t>(spec.field)].name;
  if (spec.weight >= 0)
    out += ", " + aggregate.schema.values[static_cast<size_t>(spec.weight)].name;
  return out + ")";
}

void log_stats(JsonWriter& json, const LogStats& stats) {
  json.begin_object()
      .field("bytes", stats.size.value)
      .field("bytes_max", stats.limit.value)
      .field("bytes_kept", stats.kept.value)
      .field("broken_leases", stats.broken_leases)
      .end_object();
}

}  // namespace

void render(JsonWriter& json, const Rule& rule, const Bucket& bucket) {
  json.begin_object().key("key");
  parts(json, bucket.key_parts);
  json.field("start", to_rfc3339(bucket.window.start)).field("end", to_rfc3339(bucket.window.end));
  json.field("resolution", to_string(bucket.resolution)).field("state", to_string(bucket.state));
  json.field("complete", bucket.complete);
  if (bucket.filled) json.field("filled", true);
  json.field("version", bucket.version.value).field("events", bucket.events);
  json.field("digest", to_hex(bucket.digest)).field("cause", to_string(bucket.cause));
  json.key("published_at");
  if (bucket.published_at == ProcessingTime{}) {
    json.null();  // open or filled: nothing was published
  } else {
    json.string(to_rfc3339(bucket.published_at));
  }
  json.key("values").begin_object();
  bool overflow = false;
  for (size_t i = 0; i < bucket.values.size() && i < rule.functions.size(); ++i) {
    json.key(rule.functions[i].name);
    value(json, bucket.values[i]);
    overflow = overflow || (bucket.values[i].kind == Value::Kind::kNull &&
                            bucket.values[i].null_reason != "empty");
  }
  json.end_object();
  if (overflow) {  // why a value is null though there are events
    json.key("null_reasons").begin_object();
    for (size_t i = 0; i < bucket.values.size() && i < rule.functions.size(); ++i) {
      const Value& v = bucket.values[i];
      if (v.kind == Value::Kind::kNull) json.field(rule.functions[i].name, v.null_reason);
    }
    json.end_object();
  }
  json.end_object();
}

void render(JsonWriter& json, const SystemStatus& status, bool ready) {
  json.begin_object().field("state", status.state).field("ready", ready);
  json.key("sources").begin_array();
  for (const auto& s : status.sources) {
    json.begin_object()
        .field("name", s.name)
        .field("stream", s.stream)
        .field("kind", s.kind)
        .field("state", s.state)
        .field("reason", s.reason);
    time_or_null(json, "watermark", s.watermark);
    time_or_null(json, "frontier", s.frontier);
    time_or_null(json, "max_event", s.max_event);
    if (s.replayable_from) json.field("replayable_from", to_rfc3339(*s.replayable_from));
    json.key("tallies").begin_object();
    json.field("received", s.received)
        .field("pending", s.pending)
        .field("aggregated", s.tallies.aggregated);
    json.field("duplicate", s.tallies.duplicate).field("superseded", s.tallies.superseded);
    json.field("dead_lettered", s.tallies.dead_lettered)
        .field("behind", s.behind)
        .field("late", s.late)
        .end_object();
    json.field("ignored", s.ignored)
        .field("silences", s.silences)
        .field("balanced", s.balanced())
        .end_object();
  }
  json.end_array().key("partitions").begin_array();
  for (const auto& p : status.partitions) {
    json.begin_object().field("partition", uint64_t{p.partition.value}).field("stream", p.stream);
    time_or_null(json, "watermark", p.watermark);
    time_or_null(json, "frontier", p.frontier);
    json.field("open_bytes", p.open_memory.value)
        .field("unapplied_events", p.records_behind)
        .end_object();
  }
  json.end_array().key("verified").begin_array();
  for (const auto& [stream, verified] : status.verified) {
    json.begin_object().field("stream", stream);
    time_or_null(json, "through", verified.through);
    json.field("bad", verified.bad)
        .field("cycles", verified.cycles)
        .field("bytes", verified.bytes.value)
        .end_object();
  }
  json.end_array().key("governor");
  if (status.governor) {
    render(json, *status.governor);
  } else {
    json.null();
  }
  json.key("log").begin_object().key("live");
  log_stats(json, status.live_log);
  json.key("replay");
  log_stats(json, status.replay_log);
  json.end_object().key("store").begin_object();
  json.field("stalled", status.store.stalled).field("slowed", status.store.slowed);
  json.field("commits_waiting", status.store.commits_waiting)
      .field("memory_bytes", status.store.memory.value);
  json.field("written_bytes", status.store.bytes_written.value).end_object();
  json.key("isolation").begin_object().field("kind", status.isolation.kind);
  json.field("live_threads", to_string(status.isolation.live))
      .field("replay_threads", to_string(status.isolation.replay));
  json.key("replay_pids").begin_array();
  for (const int pid : status.isolation.replay_pids) json.number(int64_t{pid});
  json.end_array().field("replay_restarts", status.isolation.replay_restarts).end_object();
  json.key("memory").begin_object().field("rss_bytes", status.rss.value).end_object();
  json.field("uptime_seconds", seconds(status.uptime));
  json.key("recovery").begin_object().field("seconds", seconds(status.recovery));
  json.field("events", status.recovered_events).end_object().end_object();
}

void render(JsonWriter& json, const PushResult& result) {
  json.begin_object().field("accepted", result.accepted).key("rejected").begin_array();
  for (const auto& r : result.rejected) {
    json.begin_object()
        .field("line", r.line)
        .field("reason", r.reason)
        .field("detail", r.detail)
        .end_object();
  }
  json.end_array()
      .field("rejected_total", result.rejected_total)
      .field("ignored", result.ignored)
      .end_object();
}

void render(JsonWriter& json, const AggregateInfo& aggregate) {
  json.begin_object().field("name", aggregate.name).field("stream", aggregate.stream);
  json.key("resolutions").begin_array();
  for (const Duration resolution : aggregate.resolutions) json.string(to_string(resolution));
  json.end_array().key("key").begin_array();
  for (const PartType type : aggregate.schema.key)
    json.string(type == PartType::kInt ? "int" : "text");
  json.end_array().key("values").begin_object();
  for (const auto& spec : aggregate.rule.functions)
    json.field(spec.name, function_text(aggregate, spec));
  json.end_object().key("fields").begin_object();
  for (const auto& field : aggregate.schema.values) {
    std::string type(type_name(field));
    if (field.type == ValueType::kDecimal) {
      type += "(" + std::to_string(field.precision) + "," + std::to_string(field.scale) + ")";
    }
    json.field(field.name, type);
  }
  json.end_object().end_object();
}

void render(JsonWriter& json, const DeadLetterEntry& entry) {
  const DeadLetter& letter = entry.fact.letter;
  json.begin_object()
      .field("source", entry.source)
      .field("reason", letter.reason)
      .field("place", letter.place);
  json.field("detail", letter.detail)
      .field("raw", letter.raw)
      .field("arrived", to_rfc3339(letter.arrived))
      .end_object();
}

namespace {

void changed_rows(JsonWriter& json, const Change& change, const ChangeNames& names) {
  const auto found = std::ranges::find(names.aggregates, change.aggregate, &AggregateInfo::id);
  const AggregateInfo* const aggregate = found == names.aggregates.end() ? nullptr : &*found;
  json.field("partition", uint64_t{change.partition.value}).key("aggregate");
  if (aggregate != nullptr) {
    json.string(aggregate->name);
  } else {
    json.null();
  }
  json.field("resolution", to_string(change.resolution)).field("version", change.version.value);
  json.key("rows").begin_array();
  for (const auto& [key, bucket] : change.rows) {
    if (aggregate == nullptr) break;  // without the schema a key is only bytes
    json.begin_object().key("key");
    render_key(json, aggregate->schema, key);
    json.field("start", to_rfc3339(bucket)).end_object();
  }
  json.end_array();
}

}  // namespace

void render(JsonWriter& json, const Change& change, const ChangeNames& names) {
  json.begin_object().field("number", change.number.value);
  json.field("kind", to_string(change.kind)).field("cause", to_string(change.cause));
  json.field("published_at", to_rfc3339(change.published_at));
  switch (change.kind) {
    case Change::Kind::kRows:
      changed_rows(json, change, names);
      break;
    case Change::Kind::kFrontier:
      json.field("partition", uint64_t{change.partition.value});
      json.field("frontier", to_rfc3339(change.frontier));
      break;
    case Change::Kind::kGapOpened:
      render(json.key("gap"), change.gap.value(), names.streams);
      break;
    case Change::Kind::kGapBound:
      render(json.key("bound"), change.bound.value());
      break;
    case Change::Kind::kGapClosed:
      render(json.key("outcome"), change.outcome.value(), names.streams);
      break;
  }
  json.end_object();
}

void render_key(JsonWriter& json, const StreamSchema& schema, BytesView key) {
  const auto decoded = decode_key(schema.key, key);
  if (decoded) {
    parts(json, *decoded);
  } else {
    json.string(key_to_string(schema.key, key));
  }
}

void render_event(JsonWriter& json, const StreamSchema& schema, const EventBatch& events,
                  size_t row) {
  json.begin_object().key("key");
  render_key(json, schema, events.keys[events.key[row]]);
  json.key("id");
  event_id(json, schema, events, row);
  json.field("time", to_rfc3339(event_time_ns(events.time[row])));
  if (!events.order.empty()) json.field("order", events.order[row]);
  if (!events.revision.empty()) json.field("revision", events.revision[row]);
  json.key("values").begin_object();
  for (size_t f = 0; f < schema.values.size(); ++f) {
    json.key(schema.values[f].name);
    if ((events.nulls_at(row) >> f & 1) != 0) {
      json.null();
    } else {
      value(json, cell_value(schema.values[f], events, events.values[f][row]));
    }
  }
  json.end_object().end_object();
}

}  // namespace hindcast
