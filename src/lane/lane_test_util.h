// A small stream, its events as literals, and the naive model that the lane is compared with: a map
// of winners, and aggregates folded from it with plain integers.
#pragma once
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "lane/lane_driver.h"
#include "lane/page_merge.h"
#include "lane/watched_store_test_util.h"
#include "log/memory_log.h"
#include "model/key.h"
#include "progress/control.h"
#include "progress/facts_codec.h"
#include "store/memory_store.h"

namespace hindcast::test {

inline constexpr PartitionId kPartition{7};
inline constexpr StreamId kStream{3};
inline constexpr SourceId kLeft{1}, kRight{2};
inline constexpr ProcessingTime kNow{Duration{1'000}};

constexpr EventTime at(Duration since_epoch) { return EventTime(since_epoch); }

/// Key text, id integer, one integer value. Pages of 10 s in four slots.
inline StreamSchema small_schema() {
  StreamSchema schema;
  schema.name = "small";
  schema.key = {PartType::kText};
  schema.id = {PartType::kInt};
  schema.values = {{.name = "v", .type = ValueType::kDecimal, .precision = 18, .scale = 0}};
  schema.page_window = 10s;
  schema.slots = 4;
  return schema;
}

inline Rule small_rule() {
  const StreamSchema schema = small_schema();
  Rule rule{.aggregate = "a", .functions = {}};
  for (const char* text : {"count()", "sum(v)", "first(v)", "last(v)"}) {
    rule.functions.push_back(parse_function(schema, text, text).value());
  }
  return rule;
}

/// Two aggregates: 5 s and 10 s inside the page with 1 min and 5 min above; and 10 s with 1 min.
inline const AggregateId kFine{1}, kCoarse{2};
inline std::vector<RollerAggregate> small_rollups() {
  return {{kFine, small_rule(), {5s, 10s, 1min, 5min}}, {kCoarse, small_rule(), {10s, 1min}}};
}

inline LaneDriverOptions small_options() {
  LaneDriverOptions options;
  options.lane.partition = kPartition;
  options.lane.stream = kStream;
  options.lane.epoch = Epoch{1};
  options.lane.schema = small_schema();
  options.lane.aggregates = {{kFine, small_rule(), {5s, 10s}, 1min},
                             {kCoarse, small_rule(), {10s}, 1min}};
  options.lane.delays = {{kLeft, 0s}, {kRight, 0s}};
  options.rollups = small_rollups();
  return options;
}

struct Event {
  std::string key;
  Duration time{};
  int64_t id = 0;
  int64_t revision = 0;
  Op op = Op::kUpsert;
  int64_t value = 0;
};

inline EventBatch batch_of(const std::vector<Event>& events) {
  EventBatch batch(small_schema());
  for (const Event& e : events) {
    batch.key.push_back(batch.keys.intern(e.key));
    batch.time.push_back(e.time.count());
    batch.revision.push_back(e.revision);
    batch.op.push_back(static_cast<uint8_t>(e.op));
    batch.id[0].push_back(e.id);
    batch.values[0].push_back(e.value);
  }
  return batch;
}

inline LogAppend events_record(SourceId source, const std::vector<Event>& events) {
  const StreamSchema schema = small_schema();
  const EventBatch batch = batch_of(events);
  return {{kPartition, RecordKind::kEvents, source, static_cast<uint32_t>(events.size())},
          encode_events(schema, EventsRecord{}, batch, 0, batch.size())};
}
inline LogAppend advance_record(SourceId source, Duration to,
                                Advance::Why why = Advance::Why::kHeartbeat) {
  return {{kPartition, RecordKind::kAdvance, source, 0}, encode(Advance{at(to), why})};
}
inline LogAppend dead_record(SourceId source, size_t letters) {
  std::vector<DeadLetter> list(letters, DeadLetter{.reason = "malformed", .raw = "{"});
  return {{kPartition, RecordKind::kDead, source, static_cast<uint32_t>(letters)}, encode(list)};
}

/// A disconnect of the whole stream from `start` on.
inline Gap outage(GapId id, Duration start) {
  Gap gap;
  gap.id = id;
  gap.stream = kStream;
  gap.range = {at(start), kMaxEventTime};
  gap.detail = "line down";
  gap.opened_at = kNow;
  return gap;
}
inline LogAppend gap_record(const GapRecord& record) {
  return {{kPartition, RecordKind::kGap, kLeft, 0}, encode(record)};
}

/// What readers see of one row.
struct Seen {
  uint64_t count = 0;
  int64_t sum = 0, first = 0, last = 0;
  bool operator==(const Seen&) const = default;
};
using SeenAt = std::tuple<AggregateId, Duration, EventTime, std::string>;
using Content = std::map<SeenAt, Seen>;

inline std::string lines(const Content& content) {
  std::string out;
  for (const auto& [row, seen] : content) {
    const auto& [aggregate, resolution, bucket, key] = row;
    out += std::to_string(aggregate.value) + " " + to_string(resolution) + " " +
           to_rfc3339(bucket) + " " + key + ": count " + std::to_string(seen.count) + " sum " +
           std::to_string(seen.sum) + " first " + std::to_string(seen.first) + " last " +
           std::to_string(seen.last) + "\n";
  }
  return out;
}
/// Rows of `a` that `b` does not have so: what a failed comparison prints.
inline Content minus(const Content& a, const Content& b) {
  Content out;
  for (const auto& [row, seen] : a) {
    const auto other = b.find(row);
    if (other == b.end() || other->second != seen) out.emplace(row, seen);
  }
  return out;
}
inline void expect_equal(const Content& actual, const Content& expected) {
  EXPECT_EQ(lines(minus(actual, expected)), "") << "in the store only";
  EXPECT_EQ(lines(minus(expected, actual)), "") << "in the model only";
}

class NaiveModel {
 public:
  void add(SourceId source, const Event& e) {
    ++received_[source];
    auto [known, is_new] = winners_.try_emplace({e.key, e.time, e.id}, e);
    const auto rank = [](const Event& x) { return std::tuple(x.revision, x.op == Op::kDelete); };
    if (!is_new && rank(e) > rank(known->second)) known->second = e;
  }
  void dead(SourceId source, uint64_t letters) { received_[source] += letters; }

  Content content(const std::vector<RollerAggregate>& aggregates = small_rollups()) const {
    Content out;
    for (const RollerAggregate& aggregate : aggregates) {
      for (const Duration resolution : aggregate.resolutions) {
        for (const auto& [identity, e] : winners_) {  // by key, time, id
          if (e.op == Op::kDelete) continue;
          Seen& seen = out[{aggregate.id, resolution, align_down(at(e.time), resolution), e.key}];
          if (seen.count++ == 0) seen.first = e.value;
          seen.sum += e.value;
          seen.last = e.value;
        }
      }
    }
    return out;
  }
  uint64_t received(SourceId source) const {
    const auto found = received_.find(source);
    return found == received_.end() ? 0 : found->second;
  }
  /// By (key, time, id).
  using Winners = std::map<std::tuple<std::string, Duration, int64_t>, Event>;
  const Winners& winners() const { return winners_; }

 private:
  Winners winners_;
  std::map<SourceId, uint64_t> received_;
};

/// Someone else rewrites a page, as a replay may at any time behind the frontier: same content, new
/// version. Whoever had read it before meets a conflict.
inline Commit rewrite(const Snapshot& snapshot, const PageKey& key) {
  Commit commit{.id = 1, .lane = Lane::kReplay};
  const PageParts page = snapshot.page(key, Lane::kReplay).value();
  commit.pages.push_back(rewrite_page(small_schema(), page).value());
  return commit;
}

/// All stored rows with events.
inline Content stored_content(const Store& store) {
  const auto snapshot = store.snapshot().value();
  const StreamSchema schema = small_schema();
  Content out;
  for (const RollerAggregate& aggregate : small_rollups()) {
    for (const Duration resolution : aggregate.resolutions) {
      const RowQuery all{.aggregate = aggregate.id,
                         .resolution = resolution,
                         .range = {kMinEventTime, kMaxEventTime}};
      snapshot
          ->rows(all,
                 [&](const Row& row) {
                   if (row.events == 0) return true;
                   State state(schema, aggregate.rule);
                   state.combine(row.state).value();
                   const std::vector<Value> values = state.values(resolution);
                   const auto number = [&](size_t i) {
                     return static_cast<int64_t>(values[i].number);
                   };
                   EXPECT_EQ(row.events, static_cast<uint64_t>(number(0)));
                   out[{aggregate.id, resolution, row.at.bucket, row.at.key}] = {
                       row.events, number(1), number(2), number(3)};
                   return true;
                 })
          .value();
    }
  }
  return out;
}

/// Once everything is closed: the digest of every resolution's rows is that of the pages' heads.
inline void expect_digests_agree(const Store& store,
                                 const std::vector<RollerAggregate>& aggregates = small_rollups()) {
  const auto snapshot = store.snapshot().value();
  Digest pages;
  snapshot
      ->heads({kPartition, {kMinEventTime, kMaxEventTime}},
              [&](const PageHead& head) {
                pages += head.digest;
                return true;
              })
      .value();
  for (const RollerAggregate& aggregate : aggregates) {
    for (const Duration resolution : aggregate.resolutions) {
      Digest rows;
      snapshot
          ->rows({.aggregate = aggregate.id,
                  .resolution = resolution,
                  .range = {kMinEventTime, kMaxEventTime}},
                 [&](const Row& row) {
                   rows += row.digest;
                   return true;
                 })
          .value();
      EXPECT_EQ(to_hex(rows), to_hex(pages));
    }
  }
}

}  // namespace hindcast::test
