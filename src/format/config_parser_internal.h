// The steps of parse_config, each in its own file: tables to values, then sources to streams.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "format/config.h"
#include "format/config_section.h"

namespace hindcast {

/// What a stream and a source may both set.
struct StreamSettings {
  std::optional<int64_t> partitions, slots;
  std::optional<Duration> page_window;
  int line = 0;
};

struct ParsedSource {
  SourceConfig config;
  StreamSchema schema;  // key, id, identity and values, as this source maps them
  StreamSettings settings;
  int line = 0, sequence_line = 0;
};

struct ParsedStream {
  std::string name;
  StreamSettings settings;
  int line = 0;
};

struct ParsedAggregate {
  AggregateConfig config;
  std::vector<std::string> sources;  // as the user named them; stream names are allowed
  std::vector<std::pair<std::string, std::pair<std::string, int>>>
      values;  // name, (function, line)
  int line = 0, bucket_line = 0, rollups_line = 0, sources_line = 0;
};

StreamSettings read_stream_settings(Section& section);
/// Whose mapping is read, for messages.
struct MappingPlace {
  std::string section = "source";                   // of "event" and "values"
  std::string parts = "part of the source's path";  // what {name} may be
};
/// config_event.cc: [source.event] and [source.values].
void read_event(const TomlNode* event, const TomlNode* values, ParsedSource& source,
                Problems& problems, const MappingPlace& place = {});
/// config_history.cc: [source.history], if `source_section` has one. Requires: the source's own
/// mapping has no problems.
void read_history(Section& source_section, const std::string& folder, ParsedSource& source,
                  Problems& problems);
/// config_overlay.cc: [source.event] with [source.history.event] on top. `has_order`: the source's
/// events have one, be it their `sequence`. Requires: `base` has no problems.
TomlNode merge_event(const TomlNode& base, const TomlNode& over, bool has_order);
/// [source.values] with [source.history.values] on top; either may be null. Absent with problems.
std::optional<TomlNode> merge_values(const TomlNode* base, const TomlNode* over,
                                     Problems& problems);
/// format, each, match and so on; what is not there stays as it is. `any_format`: keys of CSV may
/// stand beside another format.
void read_format(Section& section, FormatConfig& format, bool any_format, Problems& problems);
/// config_source.cc: [[source]].
ParsedSource read_source(const TomlNode& node, const std::string& folder, Problems& problems);
/// `match` of a section.
std::map<std::string, std::string> read_match(Section& section, Problems& problems);
/// config_websocket.cc: the keys of kind = "websocket". The rest of the source was read before.
void read_websocket(Section& section, const std::string& folder, SourceConfig& config,
                    Problems& problems);
/// config_silence.cc: likewise, its `silence_after` and `expected_rate`.
void read_silence(Section& section, SourceConfig& config, Problems& problems);
/// config_streams.cc: sources and [[stream]] tables become streams, aggregates are bound to them.
void build_streams(std::vector<ParsedStream> streams, std::vector<ParsedSource> sources,
                   std::vector<ParsedAggregate> aggregates, Config& config, Problems& problems);

/// "env:NAME" or "file:PATH": secrets do not stand in a file that is shown around. `where` begins
/// the message of a problem.
std::optional<std::string> read_secret(const TomlNode& node, const std::string& where,
                                       const std::string& folder, Problems& problems);
/// A text, which may say so where it is to be found instead of standing here.
std::optional<std::string> text_or_secret(const TomlNode& node, const std::string& where,
                                          const std::string& folder, Problems& problems);
/// {name} parts of a path template, in order.
std::vector<std::string> path_part_names(const std::string& path);
/// Each is a name, and there once.
void check_path_parts(Section& section, const std::string& path);
std::string resolve_path(const std::string& path, const std::string& folder);

}  // namespace hindcast
