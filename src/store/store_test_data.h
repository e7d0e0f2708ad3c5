// Literal commits for tests of stores, and the two ways of giving them: waiting, and not.
#pragma once
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "store/store.h"

namespace hindcast {

inline constexpr PartitionId kPartition{1};
inline constexpr AggregateId kAggregate{1};
inline constexpr SourceId kSource{1};
inline constexpr StreamId kStream{1};
inline constexpr EventTime kTen = event_time_ns(1'709'287'200'000'000'000);  // 2024-03-01T10:00:00Z
inline constexpr ProcessingTime kSeen = ProcessingTime(Duration(1'709'287'205'000'000'000));

inline PageKey page_key(EventTime window = kTen, uint16_t slot = 0,
                        PartitionId partition = kPartition) {
  return {partition, window, slot};
}

inline PageAdd page_add(PageKey key, uint64_t expected, Bytes part) {
  const auto bytes = part.size();
  return {.key = key,
          .expected = Version{expected},
          .part = std::move(part),
          .live_change = static_cast<int64_t>(bytes),
          .digest_change = Digest{0, bytes},
          .new_keys = 1,
          .rows = bytes};
}

inline RowKey row_key(Bytes key, EventTime bucket = kTen, uint16_t slot = 0,
                      PartitionId partition = kPartition, Duration resolution = 1min) {
  return {kAggregate, resolution, bucket, partition, slot, std::move(key)};
}

inline Row row_of(RowKey at, uint64_t version, Bytes state) {
  return {.at = std::move(at),
          .version = Version{version},
          .events = version,
          .digest = Digest{version, 7},
          .cause = {},
          .published_at = kSeen,
          .state = std::move(state)};
}

inline Mark mark_of(EventTime bucket, std::vector<Bytes> keys, uint16_t slot = 0,
                    PartitionId partition = kPartition) {
  return {.aggregate = kAggregate,
          .resolution = 5min,
          .bucket = bucket,
          .partition = partition,
          .slot = slot,
          .keys = std::move(keys),
          .cause = {Cause::Kind::kLate, 0}};
}

inline Checkpoint checkpoint_of(uint64_t epoch, uint64_t applied,
                                EventTime frontier = kMinEventTime,
                                PartitionId partition = kPartition) {
  return {.partition = partition,
          .epoch = Epoch{epoch},
          .safe = Position{0, applied / 2},
          .applied = Position{0, applied},
          .frontier = Frontier{frontier, 0}};
}

inline DeadLetterFact dead_letter(uint64_t at, uint32_t row, std::string reason) {
  return {.source = kSource,
          .at = {Position{0, at}, row},
          .letter = {.reason = std::move(reason),
                     .detail = "line 17: field \"price\"",
                     .place = "trades.ndjson:17",
                     .raw = "{\"price\":x}",
                     .arrived = kSeen}};
}

inline Gap gap_of(GapId id, EventTime from = kTen, EventTime to = kTen + 1min,
                  StreamId stream = kStream) {
  return {.id = id,
          .stream = stream,
          .range = {from, to},
          .scope = {},
          .cause = Gap::Cause::kOperator,
          .detail = "said so",
          .opened_at = kSeen};
}
inline Gap open_gap_of(GapId id) {
  Gap gap = gap_of(id, kTen, kMaxEventTime);
  gap.cause = Gap::Cause::kDisconnect;
  return gap;
}
inline Gap keys_gap_of(GapId id) {
  Gap gap = gap_of(id);
  gap.scope = {.kind = GapScope::Kind::kKeys,
               .partition = {},
               .keys = {{kPartition, "a"}, {PartitionId{2}, Bytes("\0b", 2)}}};
  return gap;
}

inline GapOutcome outcome_of(std::vector<GapId> gaps, StreamId stream = kStream) {
  return {.id = 0,
          .stream = stream,
          .gaps = std::move(gaps),
          .range = {kTen, kTen + 1min},
          .scope = {},
          .kind = GapOutcome::Kind::kFilled,
          .job = 7,
          .leaned_on = {},
          .detail = {}};
}

inline SequenceState count_of(int64_t number) {
  return {.runs = {{number, number + 1, kTen, kTen + 1s}}, .started = true};
}

inline ReplayJob job_of(JobId id) {
  ReplayJob job;
  job.id = id;
  job.stream = kStream;
  job.source = kSource;
  job.range = {kTen, kTen + 1h};
  job.cause = "operator";
  job.created = kSeen;
  return job;
}

/// Gives a commit without waiting.
inline std::future<Result<CommitResult>> give(Store& store, Commit commit) {
  auto answer =
      std::make_shared<std::promise<Result<CommitResult>>>();  // owned by us and by `done`
  auto future = answer->get_future();
  store.commit(std::move(commit),
               [answer](Result<CommitResult> r) { answer->set_value(std::move(r)); });
  return future;
}

inline CommitResult commit(Store& store, Commit c) {
  return give(store, std::move(c)).get().value();
}

inline std::shared_ptr<const Snapshot> snap(const Store& store) { return store.snapshot().value(); }

/// Every row of (kAggregate, resolution) that a query finds.
inline std::vector<Row> rows_of(const Snapshot& snapshot, RowQuery query) {
  std::vector<Row> out;
  snapshot
      .rows(query,
            [&](const Row& row) {
              out.push_back(row);
              return true;
            })
      .value();
  return out;
}
inline RowQuery all_rows(Duration resolution = 1min) {
  return {
      .aggregate = kAggregate, .resolution = resolution, .range = {kMinEventTime, kMaxEventTime}};
}

inline std::vector<Change> changes_after(const Snapshot& snapshot, uint64_t after) {
  std::vector<Change> out;
  snapshot
      .changes(ChangeNumber{after},
               [&](const Change& c) {
                 out.push_back(c);
                 return true;
               })
      .value();
  return out;
}

inline std::vector<Mark> marks_of(const Snapshot& snapshot, PartitionId partition = kPartition) {
  std::vector<Mark> out;
  snapshot
      .marks(partition,
             [&](const Mark& m) {
               out.push_back(m);
               return true;
             })
      .value();
  return out;
}

inline std::vector<DeadLetterFact> dead_letters_after(const Snapshot& snapshot,
                                                      EventPosition after) {
  std::vector<DeadLetterFact> out;
  snapshot
      .dead_letters(kSource, after,
                    [&](const DeadLetterFact& f) {
                      out.push_back(f);
                      return true;
                    })
      .value();
  return out;
}

inline std::vector<PageHead> heads_of(const Snapshot& snapshot, const PageRange& range) {
  std::vector<PageHead> out;
  snapshot
      .heads(range,
             [&](const PageHead& h) {
               out.push_back(h);
               return true;
             })
      .value();
  return out;
}

}  // namespace hindcast
