// The configuration: one TOML file, parsed and validated once, all problems reported together with
// file:line and a hint. hindcast.example.toml documents every key with unit, default and
// consequence.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
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

/// What {…} in the URL of an HTTP history may be.
inline constexpr std::string_view kHistoryUrlVariables[] = {
    "key", "from", "to", "from_ms", "to_ms", "from_s", "to_s", "next_id", "cursor", "limit"};

/// [source.history]: where lost time of the source can be read again.
struct HistoryConfig {
  enum class Kind : uint8_t {
    kFiles,
    kHttp,
    kLog  // our own, as long as it is kept; it needs nothing of what follows
  } kind = Kind::kFiles;
  FormatConfig format;    // defaults: the source's
  EventMapping event;     // likewise, field by field
  Duration settle = 10s;  // newer history than this before now may still change: not read yet
  std::optional<Duration> keep;  // how far back from now it can be read; absent: for ever
  Duration disorder{};  // events may be this much out of order; default: the watermark's delay
  std::string path;     // files: template; {day} and {date} parts are the day of the events
  std::string day_zone =
      "UTC";  // files: whose days they are; default: the zone of the time mapping
  bool last_row_repeated = false;
  // http
  std::string url;                             // with kHistoryUrlVariables
  std::vector<std::string> keys;               // as users write them; empty: the url has no {key}
  std::map<std::string, std::string> headers;  // env:NAME and file:PATH replaced by what they name
  enum class Paging : uint8_t { kNone, kCursor, kId, kTime, kLink } paging = Paging::kNone;
  std::string cursor;     // kCursor: dotted path of the next cursor in the answer
  uint64_t limit = 1000;  // events an answer holds at most; fewer end the pagination (id, time)
  uint64_t requests_per_second = 10;
  uint64_t weight = 1;  // what one request counts
  uint32_t retries = 5;
  Duration timeout = 30s;
};

enum class SequenceScope : uint8_t { kKey, kStream };
/// What a source loses when its connection breaks.
enum class DeliveryKind : uint8_t {
  kRetrying,  // nothing: producers send again, files stay
  kLossy,     // what was sent meanwhile: a gap
};

/// Fewer events than this within `over` are too few.
struct ExpectedRate {
  uint64_t events = 1;
  Duration over = 10s;
  bool operator==(const ExpectedRate&) const = default;
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
  // websocket
  std::string url;                             // ws:// or wss://
  std::vector<std::string> subscribe;          // messages sent after connecting, in order
  std::map<std::string, std::string> headers;  // values may be env:NAME or file:PATH
  std::string tls_ca;   // PEM file to trust instead of the system's; "" = system
  Duration ping = 20s;  // without any message for so long, a ping; twice: reconnect
  Duration reconnect_min = 250ms, reconnect_max = 30s;  // backoff, with jitter
  std::optional<Duration> silence_after;      // without any message for so long: silent, reconnect
  std::optional<ExpectedRate> expected_rate;  // likewise with fewer events
  std::map<std::string, std::string> heartbeat_match;  // messages that are heartbeats …
  std::optional<TimeMapping> heartbeat_time;           // … and the time they promise
  // recovery
  DeliveryKind delivery = DeliveryKind::kRetrying;
  Duration overlap{};  // added to both edges of a gap, beyond the delay
  bool sequence =
      false;  // EventMapping::sequence is contiguous: it is the id, or becomes the order
  bool sequence_in_order = false;  // it is in the events' order, else their only id
  SequenceScope sequence_scope = SequenceScope::kKey;
  std::optional<HistoryConfig> history;
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
  Duration age{};  // how long what is settled stays in the live channel, if there is room
  ByteCount segment = 64_MiB;
  ByteCount reread = 256_MiB;  // how far `safe` may lag before open pages are spilled
};
struct StoreConfig {
  Duration keep_versions = 30 * 24h;
  ByteCount cache = 64_MiB;
};
/// A limit as configured: absolute, or a share of what this machine was measured to do.
struct RateLimit {
  std::optional<uint64_t> per_second;
  double share = 0;  // (0, 1], when not absolute
  bool operator==(const RateLimit&) const = default;
};
/// How live is kept from feeling a replay.
enum class IsolationKind : uint8_t {
  kOff,      // as if there were no live: to measure what the other one does
  kThreads,  // classes of threads, reading past the cache, paced writes
  kProcess,  // the same, and history is read and merged in processes of their own
};
/// The replay lane: jobs, and the drain of events later than `late_as_replay`.
/// The way of history to the store (docs/decisions/routes.md).
enum class ReplayRoute : uint8_t { kDirect, kSeparate };
std::string_view to_string(ReplayRoute route);  // "direct"
/// What a route makes depend on each other, and what bounds it; for people.
std::string_view couples(ReplayRoute route);
struct ReplayConfig {
  RateLimit rate{.per_second = std::nullopt, .share = 0.25};
  RateLimit floor{.per_second = std::nullopt, .share = 0.02};
  uint32_t subwindows_at_once = 2;
  uint32_t sources_at_once = 2;
  Duration stagger = 5s;  // between the first jobs of sources that reconnected at once
  IsolationKind isolation = IsolationKind::kThreads;
  std::optional<RateLimit> bytes_rate, store_ops_rate, requests_rate;
  // Targets of the safety valve, and within which time a backlog is to be gone (replay/limits.h).
  Duration live_p99 = 20ms, live_queue_age = 1s, commit_p99 = 500ms, catch_up_within = 1h;
  ByteCount memory = 1_GiB;  // of the process
  bool automatic = true;     // a gap that closes its right edge opens a job by itself
  ReplayRoute route = ReplayRoute::kDirect;
};
struct LimitsConfig {
  ByteCount open_memory = 256_MiB;
  ByteCount verify_rate = 4_MiB;  // of stored pages per second, in the background; 0 = off
  ByteCount bulk_rate =
      32_MiB;  // per second: writes of replay; of flushes and compactions; 0 = any
};             // [limits]; open_memory: open buckets of all partitions together

struct Config {
  std::string file;          // as named by the user; "" = built in code
  std::string text, folder;  // what parse_config was given: a replay process parses it again
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
