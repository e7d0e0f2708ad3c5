#include "engine/reader.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "engine/as_of.h"
#include "engine/fill.h"
#include "engine/level_reader.h"
#include "engine/open_view.h"
#include "model/join.h"
#include "model/key.h"
#include "model/part.h"

namespace hindcast {
namespace {

/// The pages that a key can be in.
struct KeyPlace {
  Bytes key;
  PartitionId partition;
  uint16_t slot;
};

KeyPlace place_of_key(const StreamInfo& stream, Bytes key) {
  const uint32_t partition = partition_of(key, stream.schema.partitions);
  const uint16_t slot = slot_of(key, stream.schema.slots);
  return {std::move(key), stream.partitions[partition], slot};
}

Result<KeyPlace> place_of(const StreamInfo& stream, const std::string& text) {
  HC_TRY_ASSIGN(Bytes key, key_from_string(stream.schema.key, text));
  return place_of_key(stream, std::move(key));
}

LevelScope scope_of(const StreamInfo& stream, const Window& range,
                    const std::optional<KeyPlace>& key) {
  if (!key) return {stream.partitions, {}, {}, range};
  return {{key->partition}, key->slot, key->key, range};
}

/// The state of windows without events. No row says which partition and key they are of, so it is
/// looked up, once per key, and only where something is missing.
class EmptyWindows {
 public:
  EmptyWindows(const StreamInfo& stream, const Coverage& coverage, EventTime closed)
      : stream_(stream), coverage_(coverage), closed_(closed) {}

  BucketStanding operator()(const Bucket& beside, const Window& window) {
    Touched touched;
    if (!coverage_.holes().empty()) {
      if (!place_ || beside.key != key_) {
        place_ = place_of_key(stream_, encode_key(stream_.schema.key, beside.key_parts));
        key_ = beside.key;
      }
      touched = coverage_.touching(window, {place_->partition, place_->key});
    }
    return standing_of(window.end <= closed_, false, touched);
  }

 private:
  const StreamInfo& stream_;
  const Coverage& coverage_;
  const EventTime closed_;
  std::string key_;
  std::optional<KeyPlace> place_;  // of key_
};

Error unknown_aggregate(const Catalog& catalog, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& [known, entry] : catalog.aggregates()) names.push_back(known);
  return unknown_name("aggregate", name, names);
}

}  // namespace

Error unknown_name(std::string_view kind, const std::string& name,
                   const std::vector<std::string>& known) {
  std::string message = "no " + std::string(kind) + " '" + name + "'";
  const std::vector<std::string_view> words(known.begin(), known.end());
  message += known.empty() ? "; the configuration has none" : did_you_mean(name, words);
  return not_found(std::move(message));
}

Result<const StreamInfo*> stream_named(const Catalog& catalog, const std::string& name) {
  std::vector<std::string> known;
  for (const auto& [source, id] : catalog.sources()) {
    known.push_back(source);
    if (source != name) continue;
    for (const auto& [stream, info] : catalog.streams()) {
      if (std::ranges::count(info.sources, id)) return &info;
    }
  }
  for (const auto& [stream, info] : catalog.streams()) {
    if (stream == name) return &info;
    known.push_back(stream);
  }
  return unknown_name("source", name, known);
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
  if (found == catalog_.aggregates().end()) return unknown_aggregate(catalog_, query.aggregate);
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

  // Filling wants to know of every bucket, whatever its state; it is asked for afterwards.
  const std::optional<BucketState> only =
      query.fill == Fill::kNone ? query.state : std::optional<BucketState>();
  const auto index = static_cast<size_t>(level - aggregate.levels.begin());
  std::vector<OpenPage> open;
  if (!query.as_of) open = open_pages_(scope.partitions, pages, scope.slot);
  HC_TRY_ASSIGN(const std::shared_ptr<const Snapshot> snapshot, store_.snapshot());
  HC_TRY_ASSIGN(const Coverage coverage, coverage_of(*snapshot, stream));
  std::vector<LevelRow> rows;
  LevelReader reader(stream, aggregate, *snapshot, coverage, open, ProcessingTime{});
  if (query.as_of) {
    const ProcessingTime as_of(query.as_of->time_since_epoch());
    HC_TRY_ASSIGN(rows,
                  rows_as_of(aggregate, *snapshot, coverage, index, scope, as_of, query.limit + 1));
  } else {
    HC_TRY(add_spilled(stream, *snapshot, scope.partitions, pages, scope.slot, open));
    HC_TRY_ASSIGN(rows, reader.rows(index, scope, query.limit + 1, only));
  }

  BucketAnswer answer{
      .rule = aggregate.config.rule, .buckets = {}, .truncated = rows.size() > query.limit};
  if (answer.truncated) rows.resize(query.limit);
  State state(stream.schema, aggregate.config.rule);
  for (LevelRow& at : rows) {
    const Row& row = at.row;
    HC_TRY_ASSIGN(std::vector<KeyPart> parts, decode_key(stream.schema.key, row.at.key));
    state.reset();
    HC_TRY(state.combine(row.state));
    answer.buckets.push_back({.key = key_to_string(stream.schema.key, row.at.key),
                              .key_parts = std::move(parts),
                              .window = window_of(row.at.bucket, resolution),
                              .resolution = resolution,
                              .state = at.standing.state,
                              .complete = at.standing.complete,
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
  if (query.fill != Fill::kNone) {
    HC_TRY_ASSIGN(const EventTime closed, reader.closed(scope.partitions));
    fill_empty(answer, query, resolution, EmptyWindows(stream, coverage, closed));
  }
  if (query.state)
    std::erase_if(answer.buckets, [&](const Bucket& b) { return b.state != *query.state; });
  return answer;
}

Result<std::vector<std::string>> Reader::keys(const std::string& aggregate,
                                              const std::string& after, uint64_t limit) const {
  const auto found = catalog_.aggregates().find(aggregate);
  if (found == catalog_.aggregates().end()) return unknown_aggregate(catalog_, aggregate);
  const StreamInfo& stream = catalog_.streams().at(found->second.stream);
  const LevelScope scope = scope_of(stream, {kMinEventTime, kMaxEventTime}, {});
  std::vector<OpenPage> open = open_pages_(scope.partitions, scope.range, {});
  HC_TRY_ASSIGN(const std::shared_ptr<const Snapshot> snapshot, store_.snapshot());
  HC_TRY(add_spilled(stream, *snapshot, scope.partitions, scope.range, {}, open));
  const Coverage unasked;  // keys have no state
  LevelReader reader(stream, found->second, *snapshot, unasked, open, ProcessingTime{});
  std::set<Bytes> found_keys;
  HC_TRY(reader.keys(scope, found_keys));
  std::set<std::string> keys;  // as people write and sort them
  for (const Bytes& key : found_keys) keys.insert(key_to_string(stream.schema.key, key));
  std::vector<std::string> out;
  for (auto at = after.empty() ? keys.begin() : keys.upper_bound(after);
       at != keys.end() && out.size() < limit; ++at)
    out.push_back(*at);
  return out;
}

Result<EventAnswer> Reader::events(const EventQuery& query) const {
  HC_TRY_ASSIGN(const StreamInfo* const found, stream_named(catalog_, query.source));
  const StreamInfo& stream = *found;
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

  std::map<PageKey, const EventBatch*> pages;  // null: nothing of it is buffered
  for (const PartitionId partition : scope.partitions) {
    PageRange stored{partition, windows};
    if (scope.slot)
      stored.slot_begin = *scope.slot, stored.slot_end = static_cast<uint16_t>(*scope.slot + 1);
    HC_TRY(snapshot->heads(stored, [&](const PageHead& head) {
      pages.emplace(head.key, nullptr);
      return true;
    }));
  }
  for (const OpenPage& page : open) pages[page.key] = &page.events;

  EventAnswer answer{.schema = schema, .events = EventBatch(schema), .truncated = false};
  EventBatch found_events(schema);
  for (const auto& [at, buffered] : pages) {
    HC_TRY_ASSIGN(const PageParts stored, snapshot->page(at, Lane::kLive));
    HC_TRY_ASSIGN(const EventBatch events,
                  whole_page(schema, buffered ? *buffered : EventBatch(schema), stored));
    for (size_t row = 0; row < events.size() && !answer.truncated; ++row) {
      const BytesView at_key = events.keys[events.key[row]];
      if (!range.contains(event_time_ns(events.time[row])) || (key && at_key != key->key)) continue;
      answer.truncated = found_events.size() == query.limit;
      if (!answer.truncated)
        found_events.append_row(schema, events, row, found_events.keys.intern(at_key));
    }
    if (answer.truncated) break;
  }
  answer.events = sort_unique(schema, found_events);
  return answer;
}

}  // namespace hindcast
