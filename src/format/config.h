// The configuration: one TOML file, parsed and validated once, all problems reported together with
// file:line and a hint. hindcast.example.toml documents every key with unit, default and
// consequence.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/units.h"
#include "model/function.h"
#include "model/schema.h"

namespace hindcast {

/// Where a component comes from.
///   kField     a dotted path (numbers are array indexes), or a CSV column by name, else by number
///   from 0 kPseudo    "$file" (name of the delivery), "$row" (data row from 1), "$arrival" (Unix
///   nanoseconds) kPathPart  a text with {name} parts of the path template in it: "{contract}",
///   "gc_{contract}" kConstant  the text itself
struct FieldRef {
  enum class Kind : uint8_t { kField, kPseudo, kPathPart, kConstant } kind = Kind::kField;
  std::string text;
  // Key and id components: int when the user said so (`{ field = "t", type = "int" }`) or for $row
  // and $arrival; else text. It is never guessed from data: the stream's schema must not depend on
  // which event came first.
  std::optional<PartType> type;
  bool operator==(const FieldRef&) const = default;
};

enum class TimeUnit : uint8_t {
  kSeconds,
  kMilliseconds,
  kMicroseconds,
  kNanoseconds,
  kRfc3339,
  kPattern
};
struct TimeMapping {
  FieldRef field;
  TimeUnit unit = TimeUnit::kRfc3339;
  std::string pattern;  // strptime, for kPattern
  std::optional<FieldRef>
      day;  // a date ("20131007" or "2013-10-07") to which `field` adds a time of day
  std::string zone = "UTC";  // IANA name; for patterns and days without offset
  bool operator==(const TimeMapping&) const = default;
};

struct EventMapping {
  std::vector<FieldRef> key;
  std::vector<FieldRef> id;  // empty when derived
  IdentityKind identity = IdentityKind::kFields;
  TimeMapping time;
  std::optional<FieldRef> order, revision,
      op;  // op: "upsert" | "delete" (also "u"/"d", true = delete)
  std::optional<FieldRef> sequence;
  std::vector<FieldRef> values;  // by position: the schema's values
  bool operator==(const EventMapping&) const = default;
};

enum class FormatKind : uint8_t { kNdjson, kJson, kCsv };
struct FormatConfig {
  FormatKind kind = FormatKind::kNdjson;
  char delimiter = ',';
  bool header = true;
  char quote = '"';       // '\0' = none
  std::string null_text;  // CSV: a cell that reads like this is null, as an empty one is ("NA")
  std::string each;       // array that holds the events; empty = a message is one event
  std::map<std::string, std::string> match;  // other messages are counted as ignored
  ByteCount line_max = 1_MiB;
};

enum class SourceKind : uint8_t { kHttp, kFile, kStdin, kWebsocket, kKafka, kRedis };
struct SourceConfig {
  std::string name, stream;  // stream defaults to name
  SourceKind kind = SourceKind::kHttp;
  FormatConfig format;
  EventMapping event;
  // watermark
  Duration delay{};
  std::optional<Duration> idle_after;
  std::optional<Duration> max_ahead;  // against arrival time
  std::optional<Window> accept;       // events outside are dead letters and move no watermark
  Duration late_as_replay = 1h;
  // file
  std::string path;  // path template: data/{day}/{symbol}.csv.gz, globs allowed
  bool follow = false;
  bool last_row_repeated = false;  // last_row = "repeated": the last row of each file is written
                                   // twice; the second is not an event
  // http
  ByteCount max_body = 16_MiB;
};

struct StreamConfig {
  StreamSchema schema;  // name, key/id types, values, page_window, slots, partitions
  std::vector<std::string> sources;
};

struct AggregateConfig {
  std::string name;
  std::string stream;
  Rule rule;
  Duration bucket = 1min;
  std::vector<Duration> rollups;  // ascending, each a multiple of the one before
  /// bucket, then rollups.
  std::vector<Duration> resolutions() const;
};

struct ServerConfig {
  std::string host = "127.0.0.1";
  uint16_t port = 7171;
  std::vector<std::string> tokens;
};
struct LogConfig {
  std::string dir;              // default <data_dir>/log
  ByteCount retention = 4_GiB;  // bound of each channel; at it ingest answers 429
  ByteCount segment = 64_MiB;
  ByteCount reread = 256_MiB;  // how far `safe` may lag before open pages are spilled
};
struct StoreConfig {
  Duration keep_versions = 30 * 24h;
  ByteCount cache = 64_MiB;
};
/// The replay lane. In this version only `events_per_second` acts: how fast events later than
/// `late_as_replay` are drained.
struct ReplayConfig {
  uint64_t events_per_second = 50'000;
};
struct LimitsConfig {
  ByteCount open_memory = 256_MiB;
};  // [limits]: open buckets of all partitions together

struct Config {
  std::string file;  // as named by the user; "" = built in code
  std::string data_dir = "data";
  std::vector<StreamConfig> streams;  // every source's stream, [[stream]] or implied
  std::vector<SourceConfig> sources;
  std::vector<AggregateConfig> aggregates;
  ServerConfig server;
  LogConfig log;
  StoreConfig store;
  ReplayConfig replay;
  LimitsConfig limits;
  const StreamConfig* stream(const std::string& name) const;
  const SourceConfig* source(const std::string& name) const;
};

/// One problem of a configuration, for people.
struct ConfigProblem {
  int line = 0;         // 1-based; 0 = the file as a whole
  std::string message;  // "unknown key 'delya' in [source.watermark]"
  std::string hint;     // "did you mean 'delay'?"
};
/// "hindcast.toml:12: unknown key …  (did you mean 'delay'?)", one per line.
std::string to_string(const std::vector<ConfigProblem>& problems, const std::string& file);

struct ConfigOutcome {
  std::optional<Config> config;  // absent when there are problems
  std::vector<ConfigProblem> problems;
};
/// Parses and validates text. Relative paths are resolved against `folder`.
ConfigOutcome parse_config(std::string_view toml, const std::string& file,
                           const std::string& folder);

}  // namespace hindcast
