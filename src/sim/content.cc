#include "sim/content.h"

#include <algorithm>

#include "lane/read_page.h"

namespace hindcast::sim {
namespace {

constexpr Window kAlways{kMinEventTime, kMaxEventTime};

template <class Each>
void each_row(const Snapshot& snapshot, const StreamSchema& schema, Each each) {
  for (const RollerAggregate& aggregate : stream_rollups(schema)) {
    for (const Duration resolution : aggregate.resolutions) {
      snapshot
          .rows({.aggregate = aggregate.id, .resolution = resolution, .range = kAlways},
                [&](const Row& row) {
                  each(aggregate.rule, row);
                  return true;
                })
          .value();
    }
  }
}

std::vector<Event> winners_of(const StreamSchema& schema, const PageParts& page,
                              Failures& failures) {
  const Result<EventBatch> events = read_page(schema, page);
  if (!events) {
    failures.add("L1", "a part cannot be read");
    return {};
  }
  return to_events(*events);
}

std::string to_string(const SeenAt& at) {
  const auto& [aggregate, resolution, bucket, key] = at;
  return "aggregate " + std::to_string(aggregate.value) + " " + hindcast::to_string(resolution) +
         " " + to_rfc3339(bucket) + " " + key;
}

std::string to_string(const Seen& seen) {
  return "count " + std::to_string(seen.count) + " sum " + std::to_string(seen.sum) + " first " +
         std::to_string(seen.first) + " last " + std::to_string(seen.last);
}

void check_digests(const Snapshot& snapshot, const StreamSchema& schema, Failures& failures) {
  Digest pages;
  for (uint32_t p = 0; p < schema.partitions; ++p) {
    snapshot
        .heads({partition_at(p), kAlways},
               [&](const PageHead& head) {
                 pages += head.digest;
                 return true;
               })
        .value();
  }
  std::map<std::pair<AggregateId, Duration>, Digest> levels;
  for (const RollerAggregate& aggregate : stream_rollups(schema)) {
    for (const Duration resolution : aggregate.resolutions) levels[{aggregate.id, resolution}] = {};
  }
  each_row(snapshot, schema, [&](const Rule&, const Row& row) {
    levels[{row.at.aggregate, row.at.resolution}] += row.digest;
  });
  for (const auto& [level, digest] : levels) {
    if (digest == pages) continue;
    failures.add("L1", "digests of aggregate " + std::to_string(level.first.value) + " at " +
                           hindcast::to_string(level.second) +
                           " do not add up to those of the pages");
  }
}

}  // namespace

std::vector<Event> read_events(const Snapshot& snapshot, const StreamSchema& schema,
                               Failures& failures) {
  std::vector<Event> events;
  for (uint32_t p = 0; p < schema.partitions; ++p) {
    std::vector<PageKey> pages;
    snapshot
        .heads({partition_at(p), kAlways},
               [&](const PageHead& head) {
                 pages.push_back(head.key);
                 return true;
               })
        .value();
    for (const PageKey& key : pages) {
      const PageParts page = snapshot.page(key, Lane::kReplay).value();
      for (Event& event : winners_of(schema, page, failures)) {
        events.push_back(std::move(event));
      }
    }
  }
  std::ranges::sort(events);
  return events;
}

Content read_content(const Snapshot& snapshot, const StreamSchema& schema, Failures& failures) {
  Content content;
  content.events = read_events(snapshot, schema, failures);
  each_row(snapshot, schema, [&](const Rule& rule, const Row& row) {
    if (row.events == 0) return;
    State state(schema, rule);
    if (!state.combine(row.state)) {
      failures.add("L1", "the state of a row cannot be read");
      return;
    }
    const std::vector<Value> values = state.values(row.at.resolution);
    const auto number = [&](size_t i) { return static_cast<int64_t>(values[i].number); };
    if (row.events != static_cast<uint64_t>(number(0))) {
      failures.add("L1", "a row counts other events than it has");
    }
    content.rows[{row.at.aggregate, row.at.resolution, row.at.bucket, row.at.key}] = {
        row.events, number(1), number(2), number(3)};
  });
  check_digests(snapshot, schema, failures);
  return content;
}

Hash128 canonical_hash(const Snapshot& snapshot, const StreamSchema& schema,
                       const Content& content) {
  std::string text;
  for (const Event& event : content.events) text += to_string(event) + "\n";
  std::map<SeenAt, std::string> rows;  // in an order that knows no partitions
  each_row(snapshot, schema, [&](const Rule&, const Row& row) {
    if (row.events == 0) return;
    rows[{row.at.aggregate, row.at.resolution, row.at.bucket, row.at.key}] =
        to_hex(row.digest) + " " + row.state;
  });
  for (const auto& [at, row] : rows) text += to_string(at) + " " + row + "\n";
  return hash128(text);
}

void compare(const Content& actual, const Content& expected, std::string_view law,
             Failures& failures) {
  std::vector<Event> lost, invented;
  std::ranges::set_difference(expected.events, actual.events, std::back_inserter(lost));
  std::ranges::set_difference(actual.events, expected.events, std::back_inserter(invented));
  for (const Event& event : lost) failures.add(law, "event is missing: " + to_string(event));
  for (const Event& event : invented) failures.add(law, "event is wrong: " + to_string(event));
  for (const auto& [at, seen] : expected.rows) {
    const auto found = actual.rows.find(at);
    if (found == actual.rows.end()) {
      failures.add(law, "row is missing: " + to_string(at) + ": " + to_string(seen));
    } else if (found->second != seen) {
      failures.add(law, "row is wrong: " + to_string(at) + ": " + to_string(found->second) +
                            ", expected " + to_string(seen));
    }
  }
  for (const auto& [at, seen] : actual.rows) {
    if (!expected.rows.contains(at)) {
      failures.add(law, "row should not be there: " + to_string(at) + ": " + to_string(seen));
    }
  }
}

std::pair<int64_t, bool> rank(const Event& event) {
  return {event.revision, event.op == Op::kDelete};
}
Identity identity_of(const Event& event) { return {event.key, event.time, event.id}; }

void NaiveModel::add(const Event& event) {
  const auto [known, is_new] = winners_.try_emplace(identity_of(event), event);
  if (!is_new && rank(event) > rank(known->second)) known->second = event;
}

Content NaiveModel::content(const StreamSchema& schema) const {
  Content content;
  for (const auto& [identity, event] : winners_) content.events.push_back(event);
  std::ranges::sort(content.events);
  for (const RollerAggregate& aggregate : stream_rollups(schema)) {
    for (const Duration resolution : aggregate.resolutions) {
      for (const auto& [identity, e] : winners_) {
        if (e.op == Op::kDelete) continue;
        Seen& seen =
            content
                .rows[{aggregate.id, resolution, align_down(EventTime(e.time), resolution), e.key}];
        if (seen.count++ == 0) seen.first = e.value;
        seen.sum += e.value;
        seen.last = e.value;
      }
    }
  }
  return content;
}

}  // namespace hindcast::sim
