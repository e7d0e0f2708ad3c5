#include "format/config_keys.h"

namespace hindcast {
namespace {

constexpr KeyStatus kLater = KeyStatus::kLater;

constexpr ConfigKey kKeys[] = {
    {"", "data_dir"},
    {"", "stream"},
    {"", "source"},
    {"", "aggregate"},
    {"", "server"},
    {"", "log"},
    {"", "store"},
    {"", "limits"},
    {"", "replay"},
    {"", "cost", kLater},

    {"stream", "name"},
    {"stream", "partitions"},
    {"stream", "slots"},
    {"stream", "page_window"},
    {"stream", "identity_scope", kLater},
    {"stream", "undo_for", kLater},

    {"source", "name"},
    {"source", "stream"},
    {"source", "kind"},
    {"source", "format"},
    {"source", "delimiter"},
    {"source", "header"},
    {"source", "quote"},
    {"source", "null"},
    {"source", "each"},
    {"source", "match"},
    {"source", "line_max"},
    {"source", "path"},
    {"source", "follow"},
    {"source", "last_row"},
    {"source", "max_body"},
    {"source", "watermark"},
    {"source", "late_as_replay"},
    {"source", "delivery"},
    {"source", "event"},
    {"source", "values"},
    {"source", "partitions"},
    {"source", "slots"},
    {"source", "page_window"},
    {"source", "identity_scope", kLater},
    {"source", "undo_for", kLater},
    {"source", "history"},
    {"source", "overlap"},
    {"source", "url"},
    {"source", "subscribe"},
    {"source", "headers"},
    {"source", "tls_ca"},
    {"source", "ping"},
    {"source", "reconnect"},
    {"source", "brokers", kLater},
    {"source", "topic", kLater},
    {"source", "where", kLater},

    {"source.history", "kind"},
    {"source.history", "path"},
    {"source.history", "day_zone"},
    {"source.history", "last_row"},
    {"source.history", "url"},
    {"source.history", "keys"},
    {"source.history", "headers"},
    {"source.history", "paging"},
    {"source.history", "cursor"},
    {"source.history", "limit"},
    {"source.history", "requests"},
    {"source.history", "weight"},
    {"source.history", "retries"},
    {"source.history", "timeout"},
    {"source.history", "settle"},
    {"source.history", "disorder"},
    {"source.history", "format"},
    {"source.history", "delimiter"},
    {"source.history", "header"},
    {"source.history", "quote"},
    {"source.history", "null"},
    {"source.history", "each"},
    {"source.history", "match"},
    {"source.history", "line_max"},
    {"source.history", "event"},
    {"source.history", "values"},
    {"source.history", "bucket", kLater},
    {"source.history", "dsn", kLater},
    {"source.history", "table", kLater},
    {"source.history", "brokers", kLater},
    {"source.history", "topic", kLater},
    {"source.history", "stream", kLater},

    {"source.watermark", "delay"},
    {"source.watermark", "idle_after"},
    {"source.watermark", "max_ahead"},
    {"source.watermark", "accept"},
    {"source.watermark", "heartbeat"},
    {"source.watermark.accept", "from"},
    {"source.watermark.accept", "to"},
    {"source.watermark.heartbeat", "match"},
    {"source.watermark.heartbeat", "time"},
    {"source.watermark.heartbeat.time", "field"},
    {"source.watermark.heartbeat.time", "unit"},
    {"source.watermark.heartbeat.time", "zone"},
    {"source.reconnect", "min"},
    {"source.reconnect", "max"},

    {"source.event", "key"},
    {"source.event", "id"},
    {"source.event", "time"},
    {"source.event", "time_unit"},
    {"source.event", "order"},
    {"source.event", "revision"},
    {"source.event", "op"},
    {"source.event", "sequence"},
    {"source.event", "sequence_scope"},
    {"source.event.field", "field"},
    {"source.event.field", "value"},
    {"source.event.field", "type"},
    {"source.event.id", "derive"},
    {"source.event.id", "field"},
    {"source.event.id", "value"},
    {"source.event.id", "type"},
    {"source.event.time", "field"},
    {"source.event.time", "day"},
    {"source.event.time", "unit"},
    {"source.event.time", "zone"},
    {"source.values.*", "field"},
    {"source.values.*", "type"},
    {"source.values.*", "optional"},

    {"aggregate", "name"},
    {"aggregate", "sources"},
    {"aggregate", "stream"},
    {"aggregate", "bucket"},
    {"aggregate", "rollups"},
    {"aggregate", "values"},
    {"aggregate", "group", kLater},
    {"aggregate", "where", kLater},
    {"aggregate", "fill", kLater},

    {"server", "listen"},
    {"server", "tokens"},
    {"server", "tls", kLater},

    {"log", "dir"},
    {"log", "retention"},
    {"log", "segment"},
    {"log", "reread"},

    {"store", "backend"},
    {"store", "cache"},
    {"store", "keep"},
    {"store", "dsn", kLater},
    {"store", "schema", kLater},
    {"store", "pool", kLater},
    {"store", "replay_pool", kLater},
    {"store", "events_table", kLater},
    {"store.keep", "versions"},
    {"store.keep", "pages", kLater},
    {"store.keep", "rows", kLater},
    {"store.keep", "changes", kLater},

    {"limits", "open_memory"},
    {"limits", "verify_rate"},
    {"limits", "bulk_rate"},

    {"replay", "rate"},
    {"replay", "floor"},
    {"replay", "bytes_rate"},
    {"replay", "store_ops_rate"},
    {"replay", "requests_rate"},
    {"replay", "subwindows_at_once"},
    {"replay", "sources_at_once"},
    {"replay", "stagger"},
    {"replay", "route"},
    {"replay", "isolation"},
    {"replay", "live_p99"},
    {"replay", "live_queue_age"},
    {"replay", "commit_p99"},
    {"replay", "memory"},
    {"replay", "catch_up_within"},
    {"replay", "automatic"},
};

}  // namespace

std::span<const ConfigKey> config_keys() { return kKeys; }

const ConfigKey* find_config_key(std::string_view section, std::string_view name) {
  for (const ConfigKey& key : kKeys) {
    if (key.section == section && key.name == name) return &key;
  }
  return nullptr;
}

std::vector<std::string_view> known_names(std::string_view section) {
  std::vector<std::string_view> out;
  for (const ConfigKey& key : kKeys) {
    if (key.section == section) out.push_back(key.name);
  }
  return out;
}

}  // namespace hindcast
