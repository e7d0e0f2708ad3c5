// What sources, streams and aggregates must agree on.
#include <algorithm>

#include "base/assert.h"
#include "base/text.h"
#include "format/config_parser_internal.h"

namespace hindcast {
namespace {

class Builder {
 public:
  Builder(std::vector<ParsedStream> streams, std::vector<ParsedSource> sources,
          std::vector<ParsedAggregate> aggregates, Config& config, Problems& problems)
      : streams_(std::move(streams)),
        sources_(std::move(sources)),
        aggregates_(std::move(aggregates)),
        config_(config),
        problems_(problems) {}

  void build() {
    check_names();
    for (ParsedSource& source : sources_) add_source(source);
    for (const ParsedStream& stream : streams_) {
      if (config_.stream(stream.name) == nullptr) {
        add(stream.line, "stream '" + stream.name + "' has no source",
            "a source joins it with stream = \"" + stream.name + "\"");
      }
    }
    for (ParsedAggregate& aggregate : aggregates_) bind(aggregate);
    for (StreamConfig& stream : config_.streams) set_page_window(stream);
  }

 private:
  void add(int line, std::string message, std::string hint = "") {
    problems_.push_back({line, std::move(message), std::move(hint)});
  }

  template <class List, class Name>
  void check_unique(const List& list, const char* what, Name name_of) {
    for (size_t i = 0; i < list.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (name_of(list[i]).empty() || name_of(list[i]) != name_of(list[j])) continue;
        add(list[i].line, std::string(what) + " '" + name_of(list[i]) + "' is there twice",
            "the first is in line " + std::to_string(list[j].line));
        break;
      }
    }
  }
  void check_names() {
    check_unique(sources_, "source", [](const ParsedSource& s) { return s.config.name; });
    check_unique(streams_, "stream", [](const ParsedStream& s) { return s.name; });
    check_unique(aggregates_, "aggregate", [](const ParsedAggregate& a) { return a.config.name; });
  }

  const ParsedStream* declared(const std::string& name) const {
    const auto at = std::find_if(streams_.begin(), streams_.end(),
                                 [&](const ParsedStream& s) { return s.name == name; });
    return at == streams_.end() ? nullptr : &*at;
  }

  void add_source(ParsedSource& source) {
    const std::string& name = source.config.stream;
    const ParsedStream* table = declared(name);
    const bool sets =
        source.settings.partitions || source.settings.slots || source.settings.page_window;
    if (table == nullptr && name != source.config.name) {
      std::vector<std::string_view> known;
      for (const ParsedStream& s : streams_) known.push_back(s.name);
      add(source.line,
          "source '" + source.config.name + "' names the stream '" + name +
              "', which is not there" + did_you_mean(name, known),
          "add [[stream]] with name = \"" + name + "\"");
    }
    if (table != nullptr && sets) {
      add(source.settings.line, "partitions, slots and page_window of source '" +
                                    source.config.name + "' belong to its [[stream]] '" + name +
                                    "'");
    }
    auto at = std::find_if(config_.streams.begin(), config_.streams.end(),
                           [&](const StreamConfig& s) { return s.schema.name == name; });
    if (at == config_.streams.end()) {
      StreamConfig stream;
      stream.schema = source.schema;
      stream.schema.name = name;
      const StreamSettings& settings = table != nullptr ? table->settings : source.settings;
      stream.schema.partitions = static_cast<uint32_t>(settings.partitions.value_or(1));
      stream.schema.slots = static_cast<uint16_t>(settings.slots.value_or(16));
      if (settings.page_window)
        page_windows_.push_back({name, *settings.page_window, settings.line});
      config_.streams.push_back(std::move(stream));
      at = config_.streams.end() - 1;
    } else {
      agree(at->schema, source);
    }
    if (source.config.sequence) check_sequence(at->schema, source);
    at->sources.push_back(source.config.name);
    config_.sources.push_back(source.config);
  }

  /// A further source of a stream: same key, id and values; the order of its values is the first
  /// one's.
  void agree(const StreamSchema& schema, ParsedSource& source) {
    const std::string who = "source '" + source.config.name +
                            "' and the sources before it of stream '" + schema.name + "' ";
    if (source.schema.key != schema.key)
      add(source.line, who + "differ in number or types of `key`");
    if (source.schema.identity != schema.identity || source.schema.id != schema.id)
      add(source.line, who + "differ in `id`");
    std::vector<FieldRef> ordered, ordered_history;
    auto& history = source.config.history;
    const bool maps = history && history->kind != HistoryConfig::Kind::kLog;
    for (const ValueField& field : schema.values) {
      const auto same = std::find_if(source.schema.values.begin(), source.schema.values.end(),
                                     [&](const ValueField& f) { return f.name == field.name; });
      if (same == source.schema.values.end()) {
        add(source.line, who + "differ: it has no value '" + field.name + "'");
        continue;
      }
      if (*same != field)
        add(source.line, who + "differ in type or `optional` of value '" + field.name + "'");
      const auto at = static_cast<size_t>(same - source.schema.values.begin());
      ordered.push_back(source.config.event.values[at]);
      if (maps) ordered_history.push_back(history->event.values[at]);
    }
    if (source.schema.values.size() > schema.values.size())
      add(source.line, who + "differ: it has values that they have not");
    source.config.event.values = std::move(ordered);
    if (maps) history->event.values = std::move(ordered_history);
  }

  /// Counts belong to the stream: redundant sources carry the same numbers.
  void check_sequence(const StreamSchema& schema, const ParsedSource& source) {
    const SequenceScope scope = source.config.sequence_scope;
    if (scope == SequenceScope::kStream && schema.partitions > 1) {
      add(source.sequence_line,
          "`sequence` of source '" + source.config.name + "' counts the whole stream, which has " +
              std::to_string(schema.partitions) +
              " partitions: each of them sees a part of the numbers and would take the others for "
              "missing",
          "partitions = 1, or sequence_scope = \"key\" if each key has a count of its own");
    }
    for (const SourceConfig& other : config_.sources) {
      if (other.stream != source.config.stream || !other.sequence || other.sequence_scope == scope)
        continue;
      return add(source.sequence_line, "source '" + source.config.name + "' and source '" +
                                           other.name + "' of stream '" + schema.name +
                                           "' differ in `sequence_scope`");
    }
  }

  void bind(ParsedAggregate& aggregate) {
    AggregateConfig& config = aggregate.config;
    const StreamConfig* stream = stream_of(aggregate);
    if (stream == nullptr) return;
    config.stream = stream->schema.name;
    config.rule.aggregate = config.name;
    for (const auto& [name, function] : aggregate.values) {
      auto spec = parse_function(stream->schema, name, function.first);
      if (spec) {
        config.rule.functions.push_back(std::move(*spec));
      } else {
        add(function.second,
            "value '" + name + "' of aggregate '" + config.name + "': " + spec.error().message);
      }
    }
    check_rollups(aggregate);
    lines_.push_back({aggregate.bucket_line, aggregate.rollups_line});
    config_.aggregates.push_back(std::move(config));
  }

  const StreamConfig* stream_of(const ParsedAggregate& aggregate) {
    const std::string who = "aggregate '" + aggregate.config.name + "'";
    if (aggregate.sources.empty()) {
      if (config_.streams.size() == 1) return &config_.streams[0];
      add(aggregate.line, who + " does not say of which source",
          "for example: sources = [\"trades\"]");
      return nullptr;
    }
    const StreamConfig* found = nullptr;
    bool whole = false;
    for (const std::string& name : aggregate.sources) {
      const SourceConfig* source = config_.source(name);
      const StreamConfig* stream = config_.stream(source != nullptr ? source->stream : name);
      if (stream == nullptr) {
        std::vector<std::string_view> known;
        for (const SourceConfig& s : config_.sources) known.push_back(s.name);
        add(aggregate.sources_line, who + " names the source '" + name + "', which is not there" +
                                        did_you_mean(name, known));
        return nullptr;
      }
      if (found != nullptr && found != stream) {
        add(aggregate.sources_line, who + " over several streams is not supported in this version",
            "one aggregate for each stream");
        return nullptr;
      }
      found = stream;
      whole = whole || source == nullptr;
    }
    HC_ASSERT(found != nullptr);  // of the first name, or we returned
    for (const std::string& name : found->sources) {
      if (whole || std::find(aggregate.sources.begin(), aggregate.sources.end(), name) !=
                       aggregate.sources.end())
        continue;
      add(aggregate.sources_line,
          who + " leaves out source '" + name + "' of the stream '" + found->schema.name + "'",
          "an aggregate is over a whole stream: sources = [\"" + found->schema.name + "\"]");
      break;
    }
    return found;
  }

  void check_rollups(const ParsedAggregate& aggregate) {
    Duration before = aggregate.config.bucket;
    for (const Duration rollup : aggregate.config.rollups) {
      if (rollup <= before || rollup % before != Duration(0)) {
        add(aggregate.rollups_line,
            "rollup " + to_string(rollup) + " of aggregate '" + aggregate.config.name +
                "' is not tiled by " + to_string(before),
            "each rollup must be a whole multiple of the one before, ascending");
      }
      before = rollup;
    }
  }

  /// Given, or the longest of the aggregates' buckets (mostly there is one), so that every bucket
  /// lies in one page.
  void set_page_window(StreamConfig& stream) {
    StreamSchema& schema = stream.schema;
    const auto given = std::find_if(page_windows_.begin(), page_windows_.end(),
                                    [&](const GivenWindow& g) { return g.stream == schema.name; });
    schema.page_window = 1h;
    if (given != page_windows_.end()) {
      schema.page_window = given->window;
    } else {
      Duration longest{};
      for (const AggregateConfig& a : config_.aggregates) {
        if (a.stream == schema.name) longest = std::max(longest, a.bucket);
      }
      if (longest > Duration(0)) schema.page_window = std::min<Duration>(longest, 1h);
    }
    for (size_t i = 0; i < config_.aggregates.size(); ++i) {
      if (config_.aggregates[i].stream == schema.name)
        check_tiling(config_.aggregates[i], lines_[i], schema, given != page_windows_.end());
    }
  }

  struct Lines {
    int bucket, rollups;
  };
  void check_tiling(const AggregateConfig& aggregate, Lines lines, const StreamSchema& schema,
                    bool given) {
    const Duration window = schema.page_window;
    const std::string which = "the page window " + to_string(window) +
                              (given ? "" : " (derived from the buckets)") + " of stream '" +
                              schema.name + "'";
    const std::string hint =
        "a bucket must fit into a page window a whole number of times; " +
        std::string(aggregate.bucket > window
                        ? "use a shorter bucket with a rollup, or set page_window"
                        : "set page_window");
    if (aggregate.bucket > window || window % aggregate.bucket != Duration(0)) {
      return add(lines.bucket,
                 "bucket " + to_string(aggregate.bucket) + " of aggregate '" + aggregate.name +
                     "' does not tile " + which,
                 hint);
    }
    for (const Duration rollup : aggregate.rollups) {
      const bool fits =
          rollup <= window ? window % rollup == Duration(0) : rollup % window == Duration(0);
      if (!fits)
        add(lines.rollups,
            "rollup " + to_string(rollup) + " of aggregate '" + aggregate.name + "' and " + which +
                " do not tile one another",
            "set page_window");
    }
  }

  struct GivenWindow {
    std::string stream;
    Duration window;
    int line;
  };
  std::vector<ParsedStream> streams_;
  std::vector<ParsedSource> sources_;
  std::vector<ParsedAggregate> aggregates_;
  Config& config_;
  Problems& problems_;
  std::vector<GivenWindow> page_windows_;
  std::vector<Lines> lines_;  // of config_.aggregates
};

}  // namespace

void build_streams(std::vector<ParsedStream> streams, std::vector<ParsedSource> sources,
                   std::vector<ParsedAggregate> aggregates, Config& config, Problems& problems) {
  Builder(std::move(streams), std::move(sources), std::move(aggregates), config, problems).build();
}

}  // namespace hindcast
