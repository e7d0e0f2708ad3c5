#include "engine/reader.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "engine/fill.h"
#include "engine/level_reader.h"
#include "model/key.h"

namespace hindcast {
namespace {

/// The pages that a key can be in.
struct KeyPlace {
  Bytes key;
  PartitionId partition;
  uint16_t slot;
};

Result<KeyPlace> place_of(const StreamInfo& stream, const std::string& text) {
  HC_TRY_ASSIGN(Bytes key, key_from_string(stream.schema.key, text));
  const uint32_t partition = partition_of(key, stream.schema.partitions);
  const uint16_t slot = slot_of(key, stream.schema.slots);
  return KeyPlace{std::move(key), stream.partitions[partition], slot};
}

LevelScope scope_of(const StreamInfo& stream, const Window& range,
                    const std::optional<KeyPlace>& key) {
  if (!key) return {stream.partitions, {}, {}, range};
  return {{key->partition}, key->slot, key->key, range};
}

/// The row as it was published at `as_of`, if there was one.
Result<std::optional<Row>> row_as_of(const Snapshot& snapshot, const Row& row,
                                     ProcessingTime as_of) {
  if (row.published_at <= as_of) return std::optional(row);
  HC_TRY_ASSIGN(const std::vector<Row> versions, snapshot.versions(row.at));
  for (const Row& old : versions) {
    if (old.published_at <= as_of) return old.events > 0 ? std::optional(old) : std::nullopt;
  }
  return std::optional<Row>();
}

}  // namespace

Error unknown_name(std::string_view kind, const std::string& name,
                   const std::vector<std::string>& known) {
  std::string message = "no " + std::string(kind) + " '" + name + "'";
  const std::vector<std::string_view> words(known.begin(), known.end());
  message += known.empty() ? "; the configuration has none" : did_you_mean(name, words);
  return not_found(std::move(message));
}

Reader::Reader(const Catalog& catalog, const Store& store, OpenPagesFn open_pages)
    : catalog_(catalog), store_(store), open_pages_(std::move(open_pages)) {}

std::vector<AggregateInfo> Reader::aggregates() const {
  std::vector<AggregateInfo> out;
  for (const auto& [name, entry] : catalog_.aggregates()) {
    out.push_back({name, entry.stream, entry.config.resolutions(), entry.config.rule,
                   catalog_.streams().at(entry.stream).schema, entry.id});
  }
  return out;
}

Result<BucketAnswer> Reader::buckets(const BucketQuery& query) const {
  const auto found = catalog_.aggregates().find(query.aggregate);
  if (found == catalog_.aggregates().end()) {
    std::vector<std::string> names;
    for (const auto& [name, entry] : catalog_.aggregates()) names.push_back(name);
    return unknown_name("aggregate", query.aggregate, names);
  }
  const AggregateEntry& aggregate = found->second;
  const StreamInfo& stream = catalog_.streams().at(aggregate.stream);
  const Duration resolution = query.resolution.value_or(aggregate.config.bucket);
  const auto level = std::ranges::find(aggregate.levels, resolution);
  if (level == aggregate.levels.end()) {
    std::string known;
    for (const Duration d : aggregate.config.resolutions())
      known += (known.empty() ? "" : ", ") + to_string(d);
    return invalid_argument("aggregate '" + query.aggregate + "' has no resolution " +
                            to_string(resolution) + "; it has " + known);
  }
  std::optional<KeyPlace> key;
  if (query.key) {
    HC_TRY_ASSIGN(key, place_of(stream, *query.key));
  }
  const Window range{query.from.value_or(kMinEventTime), query.to.value_or(kMaxEventTime)};
  if (range.start >= range.end) return invalid_argument("'from' must be before 'to'");
  // A rollup's children begin before the range when it does not start on a bucket.
  const Window pages{
      range.start == kMinEventTime ? kMinEventTime : align_down(range.start, resolution),
      range.end};
  const LevelScope scope = scope_of(stream, range, key);

  std::vector<OpenPage> open;
  if (!query.as_of) open = open_pages_(scope.partitions, pages, scope.slot);
  HC_TRY_ASSIGN(const std::shared_ptr<const Snapshot> snapshot, store_.snapshot());
  LevelReader reader(stream, aggregate, *snapshot, open, ProcessingTime{});
  HC_TRY_ASSIGN(
      const std::vector<LevelRow> rows,
      reader.rows(static_cast<size_t>(level - aggregate.levels.begin()), scope, query.limit + 1));

  BucketAnswer answer{
      .rule = aggregate.config.rule, .buckets = {}, .truncated = rows.size() > query.limit};
  State state(stream.schema, aggregate.config.rule);
  for (const LevelRow& at : rows) {
    Row row = at.row;
    if (query.as_of) {
      const ProcessingTime as_of(query.as_of->time_since_epoch());
      HC_TRY_ASSIGN(const auto then, row_as_of(*snapshot, row, as_of));
      if (!then) continue;
      row = *then;
    }
    if (query.state && *query.state != at.state) continue;
    if (answer.buckets.size() == query.limit) {
      answer.truncated = true;
      break;
    }
    HC_TRY_ASSIGN(std::vector<KeyPart> parts, decode_key(stream.schema.key, row.at.key));
    state.reset();
    HC_TRY(state.combine(row.state));
    answer.buckets.push_back({.key = key_to_string(stream.schema.key, row.at.key),
                              .key_parts = std::move(parts),
                              .window = window_of(row.at.bucket, resolution),
                              .resolution = resolution,
                              .state = at.state,
                              .complete = true,
                              .filled = false,
                              .version = row.version,
                              .events = row.events,
                              .digest = row.digest,
                              .cause = row.cause,
                              .published_at = row.published_at,
                              .values = state.values(resolution)});
  }
  std::ranges::stable_sort(answer.buckets, {},
                           [](const Bucket& b) { return std::pair(b.key_parts, b.window.start); });
  if (query.fill != Fill::kNone) fill_empty(answer, query, resolution);
  return answer;
}

Result<std::vector<std::string>> Reader::keys(const std::string& aggregate,
                                              const std::string& after, uint64_t limit) const {
  const auto found = catalog_.aggregates().find(aggregate);
  if (found == catalog_.aggregates().end()) return unknown_name("aggregate", aggregate, {});
  const StreamInfo& stream = catalog_.streams().at(found->second.stream);
  const LevelScope scope = scope_of(stream, {kMinEventTime, kMaxEventTime}, {});
  const std::vector<OpenPage> open = open_pages_(scope.partitions, scope.range, {});
  HC_TRY_ASSIGN(const std::shared_ptr<const Snapshot> snapshot, store_.snapshot());
  LevelReader reader(stream, found->second, *snapshot, open, ProcessingTime{});
  // The coarsest level has the fewest rows per key.
  HC_TRY_ASSIGN(const std::vector<LevelRow> rows,
                reader.rows(found->second.levels.size() - 1, scope, SIZE_MAX));
  std::set<std::string> keys;
  for (const LevelRow& at : rows) keys.insert(key_to_string(stream.schema.key, at.row.at.key));
  std::vector<std::string> out;
  for (auto at = after.empty() ? keys.begin() : keys.upper_bound(after);
       at != keys.end() && out.size() < limit; ++at)
    out.push_back(*at);
  return out;
}

Result<EventAnswer> Reader::events(const EventQuery& query) const {
  std::string name = query.source;
  std::vector<std::string> known;
  for (const auto& [stream, info] : catalog_.streams()) known.push_back(stream);
  for (const auto& [source, id] : catalog_.sources()) {
    known.push_back(source);
    if (source != query.source) continue;
    for (const auto& [stream, info] : catalog_.streams()) {
      if (std::ranges::count(info.sources, id)) name = stream;
    }
  }
  const auto found = catalog_.streams().find(name);
  if (found == catalog_.streams().end()) return unknown_name("source", query.source, known);
  const StreamInfo& stream = found->second;
  const StreamSchema& schema = stream.schema;
  std::optional<KeyPlace> key;
  if (query.key) {
    HC_TRY_ASSIGN(key, place_of(stream, *query.key));
  }
  const Window range{query.from, query.to};
  if (range.start >= range.end) return invalid_argument("'from' must be before 'to'");
  const Window windows{
      range.start == kMinEventTime ? kMinEventTime : align_down(range.start, schema.page_window),
      range.end};
  const LevelScope scope = scope_of(stream, windows, key);
  const std::vector<OpenPage> open = open_pages_(scope.partitions, windows, scope.slot);
  HC_TRY_ASSIGN(const std::shared_ptr<const Snapshot> snapshot, store_.snapshot());

  EventAnswer answer{.schema = schema, .events = EventBatch(schema), .truncated = false};
  EventBatch all(schema);
  const auto wanted = [&](BytesView k) { return !key || k == key->key; };
  for (const PartitionId partition : scope.partitions) {
    PageRange pages{partition, windows};
    if (scope.slot)
      pages.slot_begin = *scope.slot, pages.slot_end = static_cast<uint16_t>(*scope.slot + 1);
    std::vector<PageKey> stored;
    HC_TRY(snapshot->heads(pages, [&](const PageHead& head) {
      stored.push_back(head.key);
      return true;
    }));
    for (const PageKey& at : stored) {
      HC_TRY_ASSIGN(const PageParts page, snapshot->page(at, Lane::kLive));
      for (const Bytes& bytes : page.parts) {
        HC_TRY_ASSIGN(const PartView part, PartView::open(bytes));
        HC_TRY(part.read(schema, wanted, all));
      }
      if (all.size() > 4 * query.limit) {
        answer.truncated = true;
        break;
      }
    }
  }
  for (const OpenPage& page : open) {
    for (size_t row = 0; row < page.events.size(); ++row) {
      const BytesView k = page.events.keys[page.events.key[row]];
      if (wanted(k)) all.append_row(schema, page.events, row, all.keys.intern(k));
    }
  }
  const EventBatch seen = visible(schema, sort_unique(schema, all), {});
  for (size_t row = 0; row < seen.size(); ++row) {
    if (!range.contains(event_time_ns(seen.time[row]))) continue;
    if (answer.events.size() == query.limit) {
      answer.truncated = true;
      break;
    }
    answer.events.append_row(schema, seen, row,
                             answer.events.keys.intern(seen.keys[seen.key[row]]));
  }
  return answer;
}

}  // namespace hindcast
