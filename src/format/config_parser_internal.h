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
  int line = 0;
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
/// config_event.cc: [source.event] and [source.values].
void read_event(const TomlNode* event, const TomlNode* values, ParsedSource& source,
                Problems& problems);
/// config_source.cc: [[source]].
ParsedSource read_source(const TomlNode& node, const std::string& folder, Problems& problems);
/// `match` of a section.
std::map<std::string, std::string> read_match(Section& section, Problems& problems);
/// config_websocket.cc: the keys of kind = "websocket". The rest of the source was read before.
void read_websocket(Section& section, const std::string& folder, SourceConfig& config,
                    Problems& problems);
/// config_streams.cc: sources and [[stream]] tables become streams, aggregates are bound to them.
void build_streams(std::vector<ParsedStream> streams, std::vector<ParsedSource> sources,
                   std::vector<ParsedAggregate> aggregates, Config& config, Problems& problems);

/// "env:NAME" or "file:PATH": secrets do not stand in a file that is shown around. `where` begins
/// the message of a problem.
std::optional<std::string> read_secret(const TomlNode& node, const std::string& where,
                                       const std::string& folder, Problems& problems);
/// {name} parts of a path template, in order.
std::vector<std::string> path_part_names(const std::string& path);
std::string resolve_path(const std::string& path, const std::string& folder);

}  // namespace hindcast
