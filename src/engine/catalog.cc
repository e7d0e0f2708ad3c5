#include "engine/catalog.h"

#include <algorithm>

#include "base/assert.h"

namespace hindcast {
namespace {

/// Everything that stored pages depend on, as text that can be shown to a user when it differs.
std::string describe(const StreamSchema& schema) {
  const auto parts = [](const std::vector<PartType>& types) {
    std::string out;
    for (const PartType type : types) out += type == PartType::kInt ? "int " : "text ";
    return out;
  };
  std::string out = "key " + parts(schema.key) + "| id ";
  switch (schema.identity) {
    case IdentityKind::kFields:
      out += parts(schema.id);
      break;
    case IdentityKind::kPosition:
      out += "position ";
      break;
    case IdentityKind::kContent:
      out += "content ";
      break;
  }
  out += "| values";
  for (const ValueField& f : schema.values) {
    out += " " + f.name;
    switch (f.type) {
      case ValueType::kDecimal:
        out += ":decimal(" + std::to_string(f.precision) + "," + std::to_string(f.scale) + ")";
        break;
      case ValueType::kDouble:
        out += ":double";
        break;
      case ValueType::kText:
        out += ":text";
        break;
    }
    if (f.optional) out += "?";
  }
  out += " | page_window " + to_string(schema.page_window) + " | slots " +
         std::to_string(schema.slots) + " | partitions " + std::to_string(schema.partitions);
  return out;
}

}  // namespace

/// Numbers handed out from one counter per kind, each written to the store before it is used.
class Catalog::Numbers {
 public:
  using Known = std::map<std::string, Bytes>;
  /// Fills `known` with what it reads and gives.
  Numbers(Store& store, bool read_only, Known& known)
      : store_(&store), read_only_(read_only), known_(known) {}
  /// Of what another one filled.
  explicit Numbers(Known& known) : known_(known) {}

  /// The number stored under `kind/name`, or the next `count` free ones of the kind.
  Result<uint32_t> number(const std::string& kind, const std::string& name, uint32_t count = 1) {
    HC_TRY_ASSIGN(const auto known, get(kind + "/" + name));
    if (known) return parse(*known);
    if (read_only_) {
      return not_found(
          kind + " '" + name +
          "' is not in this data directory yet; run the daemon once with this configuration");
    }
    HC_TRY_ASSIGN(const auto stored_next, get("next/" + kind));
    const uint32_t next = stored_next ? parse(*stored_next) : 1;
    // The counter goes first: a crash in between wastes numbers and never gives one twice.
    HC_TRY(put("next/" + kind, std::to_string(next + count)));
    HC_TRY(put(kind + "/" + name, std::to_string(next)));
    return next;
  }

  /// The value stored under `name`, or `value` stored there now.
  Result<Bytes> constant(const std::string& name, const std::string& value) {
    HC_TRY_ASSIGN(const auto known, get(name));
    if (known) return *known;
    if (!read_only_) HC_TRY(put(name, value));
    return value;
  }

 private:
  static uint32_t parse(const Bytes& text) { return static_cast<uint32_t>(std::stoul(text)); }
  Result<std::optional<Bytes>> get(const std::string& name) {
    if (store_ == nullptr) {
      const auto found = known_.find(name);
      return found == known_.end() ? std::nullopt : std::optional(found->second);
    }
    HC_TRY_ASSIGN(std::optional<Bytes> value, store_->get_meta(name));
    if (value) known_[name] = *value;
    return value;
  }
  Status put(const std::string& name, BytesView value) {
    known_[name] = Bytes(value);
    return store_->put_meta(name, value);
  }

  Store* const store_ = nullptr;  // null: nothing beside `known`
  const bool read_only_ = true;
  Known& known_;
};

namespace {

std::vector<Duration> levels_of(const AggregateConfig& aggregate, Duration page_window) {
  std::vector<Duration> levels = aggregate.resolutions();
  if (levels.front() > page_window) levels.insert(levels.begin(), page_window);
  return levels;
}

}  // namespace

Result<Catalog> Catalog::open(const Config& config, Store& store, bool read_only) {
  std::map<std::string, Bytes> known;
  return open(config, Numbers(store, read_only, known), known);
}

Result<Catalog> Catalog::open(const Config& config, std::map<std::string, Bytes> numbers) {
  return open(config, Numbers(numbers), numbers);
}

Result<Catalog> Catalog::open(const Config& config, Numbers numbers,
                              const std::map<std::string, Bytes>& known) {
  Catalog catalog;
  for (const StreamConfig& stream : config.streams) {
    const std::string& name = stream.schema.name;
    StreamInfo info{.schema = stream.schema};
    HC_TRY_ASSIGN(const uint32_t id, numbers.number("stream", name));
    info.id = StreamId{id};
    const std::string shape = describe(stream.schema);
    HC_TRY_ASSIGN(const Bytes stored, numbers.constant("schema/" + name, shape));
    if (stored != shape) {
      return invalid_argument(
          "stream '" + name +
          "' was created with another shape, and stored pages depend on it.\n  stored:     " +
          stored + "\n  configured: " + shape +
          "\n  Give the stream another name, use another data_dir, or restore the old definition.");
    }
    HC_TRY_ASSIGN(const uint32_t first,
                  numbers.number("partitions", name, stream.schema.partitions));
    for (uint32_t i = 0; i < stream.schema.partitions; ++i)
      info.partitions.push_back(PartitionId{first + i});
    info.coarsest = stream.schema.page_window;
    catalog.streams_.emplace(name, std::move(info));
  }
  for (const SourceConfig& source : config.sources) {
    HC_TRY_ASSIGN(const uint32_t id, numbers.number("source", source.name));
    catalog.sources_.emplace(source.name, SourceId{id});
    catalog.streams_.at(source.stream).sources.push_back(SourceId{id});
  }
  for (const AggregateConfig& aggregate : config.aggregates) {
    StreamInfo& stream = catalog.streams_.at(aggregate.stream);
    AggregateEntry entry{.config = aggregate, .id = {}, .stream = aggregate.stream};
    entry.levels = levels_of(aggregate, stream.schema.page_window);
    entry.page_levels = static_cast<size_t>(std::ranges::count_if(
        entry.levels, [&](Duration d) { return d <= stream.schema.page_window; }));
    HC_ASSERT(entry.page_levels > 0);
    HC_TRY_ASSIGN(const uint32_t id,
                  numbers.number("aggregate", aggregate.name + "/" +
                                                  to_hex(aggregate.rule.hash(stream.schema))));
    entry.id = AggregateId{id};
    stream.aggregates.push_back(aggregate.name);
    stream.coarsest = std::max(stream.coarsest, entry.levels.back());
    catalog.aggregates_.emplace(aggregate.name, std::move(entry));
  }
  catalog.numbers_ = known;
  return catalog;
}

const std::string* Catalog::source_name(SourceId id) const {
  for (const auto& [name, source] : sources_) {
    if (source == id) return &name;
  }
  return nullptr;
}

std::vector<LaneAggregate> Catalog::lane_aggregates(const std::string& stream) const {
  std::vector<LaneAggregate> out;
  for (const std::string& name : streams_.at(stream).aggregates) {
    const AggregateEntry& entry = aggregates_.at(name);
    LaneAggregate lane{.id = entry.id, .rule = entry.config.rule, .resolutions = {}, .parent = {}};
    lane.resolutions.assign(entry.levels.begin(),
                            entry.levels.begin() + static_cast<ptrdiff_t>(entry.page_levels));
    if (entry.page_levels < entry.levels.size()) lane.parent = entry.levels[entry.page_levels];
    out.push_back(std::move(lane));
  }
  return out;
}

}  // namespace hindcast
