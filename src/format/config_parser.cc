// parse_config: the sections that stand alone, and the order of the steps.
#include <algorithm>
#include <charconv>

#include "base/host.h"
#include "format/config_parser_internal.h"

namespace hindcast {
namespace {

constexpr size_t kSecretMax = 64 * 1024;

ParsedAggregate read_aggregate(const TomlNode& node, Problems& problems) {
  Section section(node, "aggregate", "[[aggregate]]", problems);
  ParsedAggregate out;
  out.line = section.line();
  out.bucket_line = section.line_of("bucket");
  out.rollups_line = section.line_of("rollups");
  out.sources_line = section.line_of("sources");
  out.config.name = section.text("name").value_or("");
  if (!section.has("name")) {
    section.missing("name", "name = \"candles\"");
  } else if (!is_name(out.config.name)) {
    section.problem("name", "= \"" + out.config.name + "\" is no name",
                    "letters, digits, _ and -, a letter first, at most 64");
  }
  if (!section.has("bucket")) section.missing("bucket", "bucket = \"1m\"");
  out.config.bucket = section.duration("bucket", 1ms).value_or(out.config.bucket);
  if (const TomlNode* rollups = section.find("rollups")) {
    const bool texts =
        rollups->kind == TomlNode::Kind::kArray &&
        std::all_of(rollups->items.begin(), rollups->items.end(),
                    [](const TomlNode& i) { return i.kind == TomlNode::Kind::kText; });
    if (!texts)
      section.problem("rollups", "must be an array of durations",
                      "for example: [\"5m\", \"1h\", \"1d\"]");
    for (const TomlNode& item : texts ? rollups->items : std::vector<TomlNode>{}) {
      const auto rollup = parse_duration(item.text);
      if (!rollup || *rollup <= Duration(0)) {
        section.problem("rollups", "holds '" + item.text + "', which is no duration",
                        "for example: \"5m\", \"1h\", \"1d\"");
      } else {
        out.config.rollups.push_back(*rollup);
      }
    }
  }
  const TomlNode* sources = section.find("sources");
  if (sources != nullptr && sources->kind == TomlNode::Kind::kText)
    out.sources.push_back(sources->text);
  else if (sources != nullptr && sources->kind == TomlNode::Kind::kArray) {
    for (const TomlNode& item : sources->items) out.sources.push_back(item.text);
  } else if (sources != nullptr) {
    section.problem("sources", "must be an array of names", "for example: [\"trades\"]");
  }
  if (const auto stream = section.text("stream")) {
    if (sources != nullptr)
      section.problem("stream", "stands beside `sources`", "one of them is enough");
    out.sources = {*stream};
  }
  const TomlNode* values = section.find("values");
  if (values == nullptr || values->kind != TomlNode::Kind::kTable || values->members.empty()) {
    section.missing("values", "[aggregate.values] with total = \"sum(qty)\"");
    return out;
  }
  for (const auto& [name, value] : values->members) {
    if (!is_name(name))
      problems.push_back({value.line, "value '" + name + "' in [aggregate.values] is no name",
                          "letters, digits, _ and -, a letter first"});
    if (value.kind != TomlNode::Kind::kText) {
      problems.push_back({value.line,
                          "value '" + name + "' in [aggregate.values] must be a function",
                          "for example: \"sum(qty)\""});
      continue;
    }
    out.values.push_back({name, {value.text, value.line}});
  }
  return out;
}

}  // namespace

std::optional<std::string> read_secret(const TomlNode& node, const std::string& where,
                                       const std::string& folder, Problems& problems) {
  const auto fail = [&](std::string message, std::string hint) {
    problems.push_back({node.line, where + " " + std::move(message), std::move(hint)});
    return std::nullopt;
  };
  const std::string& text = node.text;
  std::string secret;
  if (text.starts_with("env:")) {
    const auto value = environment_variable(text.substr(4));
    if (!value)
      return fail("names the environment variable " + text.substr(4) + ", which is not set",
                  "export it before the start");
    secret = *value;
  } else if (text.starts_with("file:")) {
    const auto bytes = read_host_file(resolve_path(text.substr(5), folder), kSecretMax);
    if (!bytes) return fail("cannot be read: " + bytes.error().message, "");
    secret = *bytes;
  } else {
    return fail("must name where the secret is, not be it",
                "\"env:HINDCAST_TOKEN\" or \"file:/run/secrets/token\"");
  }
  while (!secret.empty() &&
         (secret.back() == '\n' || secret.back() == '\r' || secret.back() == ' '))
    secret.pop_back();
  if (secret.empty()) return fail("names an empty secret (" + text + ")", "");
  return secret;
}

std::optional<std::string> text_or_secret(const TomlNode& node, const std::string& where,
                                          const std::string& folder, Problems& problems) {
  if (node.kind != TomlNode::Kind::kText) {
    problems.push_back(
        {node.line, where + " must be a text, not " + std::string(node.kind_name()), ""});
    return std::nullopt;
  }
  if (!node.text.starts_with("env:") && !node.text.starts_with("file:")) return node.text;
  return read_secret(node, where, folder, problems);
}

namespace {

void read_server(Section& section, const std::string& folder, ServerConfig& server,
                 Problems& problems) {
  if (const auto listen = section.text("listen")) {
    const size_t colon = listen->rfind(':');
    unsigned port = 65536;
    if (colon != std::string::npos) {
      const auto [end, error] =
          std::from_chars(listen->data() + colon + 1, listen->data() + listen->size(), port);
      if (error != std::errc() || end != listen->data() + listen->size()) port = 65536;
    }
    if (port > 65535 || colon == 0) {
      section.problem("listen", "= \"" + *listen + "\" is no address",
                      "for example: \"127.0.0.1:7171\", \"[::1]:7171\" or \"0.0.0.0:7171\"");
    } else {
      server.host = listen->substr(0, colon);
      if (server.host.front() == '[' && server.host.back() == ']')
        server.host = server.host.substr(1, server.host.size() - 2);
      server.port = static_cast<uint16_t>(port);
    }
  }
  const TomlNode* tokens = section.find("tokens");
  if (tokens == nullptr) return;
  if (tokens->kind != TomlNode::Kind::kArray)
    return section.problem("tokens", "must be an array", "for example: [\"env:HINDCAST_TOKEN\"]");
  for (const TomlNode& item : tokens->items) {
    if (auto secret = read_secret(item, "'tokens' in [server]", folder, problems))
      server.tokens.push_back(std::move(*secret));
  }
}

/// A size, or a table that also says for how long what is settled is kept.
void read_retention(Section& section, LogConfig& log) {
  constexpr ByteCount kLow = 16_MiB, kHigh{uint64_t{1} << 50};
  const TomlNode* given = section.find("retention");
  if (given == nullptr) return;
  if (given->kind != TomlNode::Kind::kTable) {
    log.retention = section.bytes("retention", kLow, kHigh).value_or(log.retention);
    return;
  }
  auto table = section.section("retention", "log.retention");
  log.retention = table->bytes("size", kLow, kHigh).value_or(log.retention);
  log.age = table->duration("age", Duration(0)).value_or(log.age);
}

void read_log(Section& section, const std::string& folder, LogConfig& log) {
  if (const auto dir = section.text("dir")) log.dir = resolve_path(*dir, folder);
  log.segment = section.bytes("segment", 1_MiB, 1_GiB).value_or(log.segment);
  read_retention(section, log);
  log.reread = section.bytes("reread", 1_MiB, ByteCount{uint64_t{1} << 40}).value_or(log.reread);
  if (log.retention.value < 4 * log.segment.value) {
    section.problem(section.has("retention") ? "retention" : "segment",
                    "must leave room for 4 segments: retention " + to_string(log.retention) +
                        ", segment " + to_string(log.segment));
  }
  if (log.reread.value > log.retention.value / 2) {
    section.problem(section.has("reread") ? "reread" : "retention",
                    "must leave half of the log to what is new: reread " + to_string(log.reread) +
                        ", retention " + to_string(log.retention),
                    "a larger retention, or a smaller reread");
  }
}

void read_store(Section& section, StoreConfig& store) {
  section.choice("backend", {"embedded"}, {"postgres"});
  store.cache = section.bytes("cache", 1_MiB, ByteCount{uint64_t{1} << 40}).value_or(store.cache);
  if (auto keep = section.section("keep", "store.keep"))
    store.keep_versions = keep->duration("versions", Duration(0)).value_or(store.keep_versions);
}

void read_rate(Section& section, std::string_view key, RateLimit& limit) {
  const auto text = section.text(key);
  if (!text) return;
  if (const Result<RateLimit> rate = parse_rate(*text); rate)
    limit = *rate;
  else
    section.problem(key, "= " + rate.error().message);
}
void read_rate(Section& section, std::string_view key, std::optional<RateLimit>& limit) {
  if (!section.has(key)) return;
  RateLimit given;
  read_rate(section, key, given);
  limit = given;
}

void read_route(Section& section, ReplayConfig& replay) {
  const auto route = section.text("route");
  if (route == "shared") {
    section.problem("route",
                    "= \"shared\" needs sources in Kafka or Redis: there history would go through "
                    "the log that live reads",
                    "supported: \"direct\", \"separate\"");
  } else if (section.choice("route", {"direct", "separate"}) == "separate") {
    replay.route = ReplayRoute::kSeparate;
  }
}

void read_replay(Section& section, ReplayConfig& replay) {
  const auto count = [&](std::string_view key, uint32_t otherwise) {
    return static_cast<uint32_t>(section.integer(key, 1, 256).value_or(otherwise));
  };
  read_rate(section, "rate", replay.rate);
  read_rate(section, "floor", replay.floor);
  read_rate(section, "bytes_rate", replay.bytes_rate);
  read_rate(section, "store_ops_rate", replay.store_ops_rate);
  read_rate(section, "requests_rate", replay.requests_rate);
  replay.subwindows_at_once = count("subwindows_at_once", replay.subwindows_at_once);
  replay.sources_at_once = count("sources_at_once", replay.sources_at_once);
  replay.stagger = section.duration("stagger", Duration(0)).value_or(replay.stagger);
  read_route(section, replay);
  const auto isolation = section.choice("isolation", {"threads", "process", "off"});
  if (isolation == "process") replay.isolation = IsolationKind::kProcess;
  if (isolation == "off") replay.isolation = IsolationKind::kOff;
  replay.live_p99 = section.duration("live_p99", 1us).value_or(replay.live_p99);
  replay.live_queue_age = section.duration("live_queue_age", 1ms).value_or(replay.live_queue_age);
  replay.commit_p99 = section.duration("commit_p99", 1ms).value_or(replay.commit_p99);
  replay.memory =
      section.bytes("memory", 64_MiB, ByteCount{uint64_t{1} << 40}).value_or(replay.memory);
  replay.catch_up_within = section.duration("catch_up_within", 1s).value_or(replay.catch_up_within);
  replay.automatic = section.boolean("automatic").value_or(replay.automatic);
}

/// What a history of kind "log" needs of the rest.
void check_log_histories(const std::vector<ParsedSource>& sources, const Config& config,
                         Problems& problems) {
  for (const ParsedSource& source : sources) {
    const std::optional<HistoryConfig>& history = source.config.history;
    if (!history || history->kind != HistoryConfig::Kind::kLog) continue;
    const std::string shown =
        "'kind' in [source.history] of '" + source.config.name + "' = \"log\" ";
    if (config.log.age == Duration(0)) {
      problems.push_back({source.line, shown + "needs a log that keeps what is settled",
                          "[log] retention = { size = \"4GiB\", age = \"6h\" }"});
    }
    if (config.replay.isolation == IsolationKind::kProcess) {
      problems.push_back({source.line,
                          shown +
                              "and [replay] isolation = \"process\" exclude each other: the log "
                              "is read where it is written",
                          "isolation = \"threads\""});
    }
  }
}

/// The tables of [[name]].
const std::vector<TomlNode>& tables(Section& root, std::string_view name) {
  static const std::vector<TomlNode> kNone;
  const TomlNode* node = root.find(name);
  if (node == nullptr) return kNone;
  if (node->kind == TomlNode::Kind::kArray) return node->items;
  root.problem(name, "must be written in double brackets: [[" + std::string(name) + "]]");
  return kNone;
}

Config read_config(const TomlNode& tree, const std::string& file, const std::string& folder,
                   Problems& problems) {
  Config config;
  config.file = file;
  Section root(tree, "", "the file", problems);
  config.data_dir = resolve_path(root.text("data_dir").value_or(config.data_dir), folder);
  std::vector<ParsedStream> streams;
  for (const TomlNode& node : tables(root, "stream")) {
    Section section(node, "stream", "[[stream]]", problems);
    ParsedStream stream;
    stream.line = section.line();
    stream.name = section.text("name").value_or("");
    if (!section.has("name"))
      section.missing("name", "name = \"trades\"");
    else if (!is_name(stream.name))
      section.problem("name", "= \"" + stream.name + "\" is no name",
                      "letters, digits, _ and -, a letter first, at most 64");
    stream.settings = read_stream_settings(section);
    streams.push_back(std::move(stream));
  }
  std::vector<ParsedSource> sources;
  for (const TomlNode& node : tables(root, "source"))
    sources.push_back(read_source(node, folder, problems));
  if (sources.empty() && !root.has("source"))
    problems.push_back({0, "there is no [[source]]",
                        "`hindcast init FILE` writes a configuration from a sample of your data"});
  std::vector<ParsedAggregate> aggregates;
  for (const TomlNode& node : tables(root, "aggregate"))
    aggregates.push_back(read_aggregate(node, problems));
  if (auto server = root.section("server", "server"))
    read_server(*server, folder, config.server, problems);
  if (auto log = root.section("log", "log")) read_log(*log, folder, config.log);
  if (config.log.dir.empty()) config.log.dir = config.data_dir + "/log";
  if (auto store = root.section("store", "store")) read_store(*store, config.store);
  if (auto limits = root.section("limits", "limits")) {
    config.limits.open_memory = limits->bytes("open_memory", 1_MiB, ByteCount{uint64_t{1} << 40})
                                    .value_or(config.limits.open_memory);
    config.limits.verify_rate =
        limits->bytes("verify_rate", ByteCount{}, 1_GiB).value_or(config.limits.verify_rate);
    config.limits.bulk_rate =
        limits->bytes("bulk_rate", ByteCount{}, 1_GiB).value_or(config.limits.bulk_rate);
  }
  if (auto replay = root.section("replay", "replay")) read_replay(*replay, config.replay);
  check_log_histories(sources, config, problems);
  build_streams(std::move(streams), std::move(sources), std::move(aggregates), config, problems);
  return config;
}

}  // namespace

ConfigOutcome parse_config(std::string_view toml, const std::string& file,
                           const std::string& folder) {
  ConfigOutcome out;
  const auto parsed = parse_toml(toml);
  if (const auto* failure = std::get_if<TomlFailure>(&parsed)) {
    out.problems.push_back({failure->line, "not valid TOML: " + failure->message, ""});
    return out;
  }
  Config config = read_config(std::get<TomlNode>(parsed), file, folder, out.problems);
  std::stable_sort(out.problems.begin(), out.problems.end(),
                   [](const ConfigProblem& a, const ConfigProblem& b) { return a.line < b.line; });
  config.text = toml;
  config.folder = folder;
  if (out.problems.empty()) out.config = std::move(config);
  return out;
}

}  // namespace hindcast
