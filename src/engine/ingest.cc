#include "engine/ingest.h"

#include <algorithm>

#include "base/assert.h"
#include "model/key.h"

namespace hindcast {
namespace {

// Rows per log record: small enough that a lane's scratch columns stay in L2, large enough that
// headers, dictionaries and checksums cost little.
constexpr size_t kRecordRows = 4096;
// Dead letters per record: each keeps up to 4 KiB of its text.
constexpr size_t kRecordLetters = 128;

/// Rows of `batch` by partition, in order. With one partition the batch itself is used.
std::vector<EventBatch> split(const StreamInfo& stream, const EventBatch& batch) {
  std::vector<EventBatch> parts(stream.partitions.size(), EventBatch(stream.schema));
  std::vector<std::pair<uint32_t, uint32_t>> place(
      batch.keys.size());  // key -> (partition, key there)
  for (uint32_t k = 0; k < batch.keys.size(); ++k) {
    const uint32_t p = partition_of(batch.keys[k], stream.schema.partitions);
    place[k] = {p, parts[p].keys.add(batch.keys[k])};
  }
  for (size_t row = 0; row < batch.size(); ++row) {
    const auto [p, key] = place[batch.key[row]];
    parts[p].append_row(stream.schema, batch, row, key);
  }
  return parts;
}

}  // namespace

Ingest::Ingest(const Config& config, const Catalog& catalog, Log& log, Ledger& ledger)
    : log_(log), ledger_(ledger) {
  for (const SourceConfig& source : config.sources) {
    auto lane = std::make_unique<Lane>();
    lane->config = &source;
    lane->stream = &catalog.stream_of(source);
    lane->id = catalog.sources().at(source.name);
    lanes_.emplace(lane->id, std::move(lane));
  }
}

void Ingest::restore(SourceId source, const SourceState& state) {
  const auto found = lanes_.find(source);
  if (found == lanes_.end()) return;  // a source that the configuration no longer names
  Lane& at = *found->second;
  const std::scoped_lock lock(at.mutex);
  at.max_event = std::max(at.max_event, state.max_event);
  if (state.resume_number > at.resume_number) {
    at.resume_number = state.resume_number;
    at.resume = state.resume;
  }
  if (state.ended) at.state = State::kEnded;
}

Bytes Ingest::resume_token(SourceId source) const {
  const std::scoped_lock lock(lane(source).mutex);
  return lane(source).resume;
}

void Ingest::add_advance(const Lane& at, EventTime to, Advance::Why why,
                         std::vector<LogAppend>& records) const {
  for (const PartitionId partition : at.stream->partitions) {
    records.push_back({{partition, RecordKind::kAdvance, at.id, 0}, encode(Advance{to, why})});
  }
}

void Ingest::add_events(Lane& at, const SourceBatch& batch, std::vector<LogAppend>& records) const {
  const StreamInfo& stream = *at.stream;
  const bool split_needed = stream.partitions.size() > 1;
  std::vector<EventBatch> parts;
  if (split_needed) parts = split(stream, batch.events);
  for (size_t p = 0; p < stream.partitions.size(); ++p) {
    const EventBatch& part = split_needed ? parts[p] : batch.events;
    for (size_t begin = 0; begin < part.size(); begin += kRecordRows) {
      const size_t end = std::min(begin + kRecordRows, part.size());
      // The token rides on every record: they become durable together.
      const EventsRecord head{at.resume, at.resume_number};
      records.push_back(
          {{stream.partitions[p], RecordKind::kEvents, at.id, static_cast<uint32_t>(end - begin)},
           encode_events(stream.schema, head, part, begin, end)});
    }
  }
  const EventTime highest = event_time_ns(std::ranges::max(batch.events.time));
  if (highest <= at.max_event) return;
  const Duration window = stream.schema.page_window;
  const bool passed = at.max_event == kMinEventTime ||
                      align_down(highest, window) > align_down(at.max_event, window);
  at.max_event = highest;
  if (!passed || !split_needed) return;
  for (size_t p = 0; p < stream.partitions.size(); ++p) {
    const EventBatch& part = parts[p];
    if (!part.empty() && event_time_ns(std::ranges::max(part.time)) == highest)
      continue;  // it is there already
    records.push_back({{stream.partitions[p], RecordKind::kAdvance, at.id, 0},
                       encode(Advance{highest - at.config->delay, Advance::Why::kWindowPassed})});
  }
}

Status Ingest::append(SourceId source, const SourceBatch& batch, MonoTime now, Done<bool> done) {
  Lane& at = lane(source);
  // Judged before anything is noted down: a refused batch must leave no trace, for it comes again.
  const LogStats stats = log_.stats(Channel::kLive);
  if (stats.size >= stats.limit && !(batch.events.empty() && batch.dead.empty())) {
    return overloaded("the log holds " + std::to_string(stats.size.value >> 20) +
                      " MiB, its bound; aggregation lags behind");
  }
  std::unique_lock lock(at.mutex);
  const StreamInfo& stream = *at.stream;
  std::vector<LogAppend> records;
  if ((batch.connected || !batch.events.empty()) && !at.announced) {
    at.announced = true;
    for (const PartitionId partition : stream.partitions) {
      records.push_back(
          {{partition, RecordKind::kConnected, source, 0}, encode(Connection{"delivery began"})});
    }
  }
  if (!batch.resume.empty()) {
    at.resume = batch.resume;
    ++at.resume_number;
  }
  if (!batch.events.empty()) {
    add_events(at, batch, records);
    at.last_event = now;
    at.state = State::kConnected;
  }
  for (size_t begin = 0; begin < batch.dead.size(); begin += kRecordLetters) {
    const size_t end = std::min(begin + kRecordLetters, batch.dead.size());
    const std::vector<DeadLetter> letters(batch.dead.begin() + static_cast<ptrdiff_t>(begin),
                                          batch.dead.begin() + static_cast<ptrdiff_t>(end));
    records.push_back({{stream.partitions.front(), RecordKind::kDead, source,
                        static_cast<uint32_t>(letters.size())},
                       encode(letters)});
  }
  if (batch.heartbeat) add_advance(at, *batch.heartbeat, Advance::Why::kHeartbeat, records);
  if (batch.disconnected) {
    at.state = State::kDisconnected;
    at.announced = false;
    for (const PartitionId partition : stream.partitions) {
      records.push_back({{partition, RecordKind::kDisconnected, source, 0},
                         encode(Connection{*batch.disconnected})});
    }
  }
  if (batch.ended) {
    at.state = State::kEnded;
    if (at.max_event != kMinEventTime) {
      add_advance(at, window_of(at.max_event, stream.coarsest).end, Advance::Why::kEnd, records);
    }
  }
  ledger_.ignored(source, batch.ignored);
  if (records.empty()) {
    lock.unlock();
    done(true);
  } else {
    submit(at, std::move(records), std::move(done));
  }
  return {};
}

void Ingest::heartbeat(SourceId source, EventTime to, Done<bool> done) {
  Lane& at = lane(source);
  const std::scoped_lock lock(at.mutex);
  std::vector<LogAppend> records;
  add_advance(at, to, Advance::Why::kHeartbeat, records);
  submit(at, std::move(records), std::move(done));
}

void Ingest::check_idle(MonoTime now) {
  for (const auto& [id, owned] : lanes_) {
    Lane& at = *owned;
    const std::scoped_lock lock(at.mutex);
    if (!at.config->idle_after || at.state != State::kConnected || at.max_event == kMinEventTime)
      continue;
    if (now - at.last_event < *at.config->idle_after) continue;
    at.state = State::kIdle;
    std::vector<LogAppend> records;
    add_advance(at, window_of(at.max_event, at.stream->schema.page_window).end, Advance::Why::kIdle,
                records);
    submit(at, std::move(records), [](const Result<bool>&) {});
  }
}

void Ingest::submit(Lane& at, std::vector<LogAppend> records, Done<bool> done) {
  uint64_t events = 0;
  for (const LogAppend& record : records) events += record.header.events;
  log_.append(Channel::kLive, std::move(records),
              [this, source = at.id, events,
               done = std::move(done)](Result<std::vector<Position>> positions) {
                if (!positions) return done(std::move(positions).error());
                if (events > 0) ledger_.appended(source, events);
                done(true);
              });
}

Ingest::State Ingest::state(SourceId source) const {
  const std::scoped_lock lock(lane(source).mutex);
  return lane(source).state;
}

std::optional<EventTime> Ingest::max_event(SourceId source) const {
  const std::scoped_lock lock(lane(source).mutex);
  if (lane(source).max_event == kMinEventTime) return std::nullopt;
  return lane(source).max_event;
}

std::string_view to_string(Ingest::State state) {
  switch (state) {
    case Ingest::State::kWaiting:
      return "waiting";
    case Ingest::State::kConnected:
      return "connected";
    case Ingest::State::kIdle:
      return "idle";
    case Ingest::State::kDisconnected:
      return "disconnected";
    case Ingest::State::kEnded:
      return "ended";
  }
  return "unknown";
}

}  // namespace hindcast
