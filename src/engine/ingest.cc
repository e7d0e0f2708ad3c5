#include "engine/ingest.h"

#include <algorithm>
#include <set>
#include <thread>
#include <utility>

#include "engine/event_records.h"
#include "progress/facts_codec.h"

namespace hindcast {
namespace {

void add_to_all(const StreamInfo& stream, RecordKind kind, SourceId source, const Bytes& payload,
                std::vector<LogAppend>& records) {
  for (const PartitionId partition : stream.partitions)
    records.push_back({{partition, kind, source, 0}, payload});
}

/// End of the window that holds the highest event; nothing is promised before the first one.
EventTime end_of(EventTime max_event, Duration window) {
  return max_event == kMinEventTime ? kMinEventTime : window_of(max_event, window).end;
}

/// Records of a partition stand together.
std::vector<std::pair<PartitionId, size_t>> last_events(const std::vector<LogAppend>& records) {
  std::vector<std::pair<PartitionId, size_t>> out;
  for (size_t i = 0; i < records.size(); ++i) {
    const RecordHeader& header = records[i].header;
    if (header.kind != RecordKind::kEvents) continue;
    if (out.empty() || out.back().first != header.partition) out.emplace_back(header.partition, i);
    out.back().second = i;
  }
  return out;
}

}  // namespace

Ingest::Ingest(const Config& config, const Catalog& catalog, Log& log, Ledger& ledger,
               Stamps stamps)
    : log_(log), ledger_(ledger), stamps_(std::move(stamps)) {
  std::map<StreamId, std::map<SourceId, Outages::Line>> lines;
  for (const SourceConfig& source : config.sources) {
    lines[catalog.stream_of(source).id][catalog.sources().at(source.name)] = {
        .lossy = source.delivery == DeliveryKind::kLossy, .reach = source.delay + source.overlap};
  }
  for (const auto& [name, info] : catalog.streams()) {
    Outages outages(info.schema.page_window, std::move(lines[info.id]));
    streams_[info.id].reset(new Stream{&info, {}, std::move(outages)});
  }
  for (const SourceConfig& source : config.sources) {
    auto lane = std::make_unique<Lane>();
    lane->config = &source;
    lane->stream = &catalog.stream_of(source);
    lane->shared = streams_.at(lane->stream->id).get();
    lane->id = catalog.sources().at(source.name);
    lanes_.emplace(lane->id, std::move(lane));
  }
}

void Ingest::restore(SourceId source, const SourceState& state, MonoTime now) {
  const auto found = lanes_.find(source);
  if (found == lanes_.end()) return;  // a source that the configuration no longer names
  Lane& at = *found->second;
  const std::scoped_lock lock(at.shared->mutex);
  Facts& facts = at.facts;
  facts.max_event = std::max(facts.max_event, state.max_event);
  facts.last_event = now;
  if (state.resume_number > facts.resume_number) {
    facts.resume_number = state.resume_number;
    facts.resume = state.resume;
  }
  // A partition that still waits for the source decides: it has to hear of its silence.
  const State here = state.ended        ? State::kEnded
                     : !state.connected ? State::kWaiting
                     : state.idle       ? State::kIdle
                                        : State::kConnected;
  if (facts.state == State::kWaiting || here == State::kConnected) facts.state = here;
  at.shared->outages.restore(source, facts.max_event, facts.state == State::kEnded);
}

void Ingest::restore(StreamId stream, const CoverageFacts& known) {
  Stream& at = *streams_.at(stream);
  const std::scoped_lock lock(at.mutex);
  std::set<GapId> done;  // bounded, or seen: `known` may hold a fact twice
  for (const GapBound& bound : known.bounds) done.insert(bound.gap);
  for (const Gap& gap : known.gaps) {
    if (is_outage(gap.cause) && gap.range.end == kMaxEventTime && done.insert(gap.id).second)
      at.outages.restore(gap);
  }
}

Status Ingest::open_stops() {
  for (const auto& [id, owned] : streams_) {
    Stream& at = *owned;
    const std::scoped_lock lock(at.mutex);
    const auto since = at.outages.stopped();
    if (!since) continue;
    Lane& last = lane(since->first);
    const Outages before = at.outages;
    std::vector<LogAppend> records;
    HC_TRY(open_gap(last, since->second, Gap::Cause::kStop,
                    "not running after the last event of source '" + last.config->name + "'",
                    records));
    if (Status taken = submit(last, std::move(records), [](const Result<bool>&) {}); !taken) {
      at.outages = before;
      return taken;
    }
  }
  return {};
}

/// In every partition: none of them may let its frontier pass without knowing of it.
Status Ingest::open_gap(Lane& at, EventTime start, Gap::Cause cause, std::string detail,
                        std::vector<LogAppend>& records) {
  Gap gap;
  HC_TRY_ASSIGN(gap.id, stamps_.next_gap());
  gap.stream = at.stream->id;
  gap.range = {start, kMaxEventTime};
  gap.cause = cause;
  gap.detail = std::move(detail);
  gap.opened_at = stamps_.now();
  at.shared->outages.opened(gap.id, at.id);
  add_to_all(*at.stream, RecordKind::kGap, at.id,
             encode(GapRecord{.opened = std::move(gap), .bound = {}}), records);
  return {};
}

Bytes Ingest::resume_token(SourceId source) const {
  const std::scoped_lock lock(lane(source).shared->mutex);
  return lane(source).facts.resume;
}

void Ingest::add_events(Lane& at, const SourceBatch& batch, std::vector<LogAppend>& records) {
  const StreamInfo& stream = *at.stream;
  const EventsRecord head{at.facts.resume, at.facts.resume_number};
  const EventTime highest = event_time_ns(std::ranges::max(batch.events.time));
  const EventTime before = std::exchange(at.facts.max_event, std::max(at.facts.max_event, highest));
  if (stream.partitions.size() == 1) {
    add_event_records(stream.schema, stream.partitions.front(), at.id, head, batch.events, records);
    return;
  }
  const std::vector<EventBatch> parts = split_by_partition(stream, batch.events);
  for (size_t p = 0; p < parts.size(); ++p)
    add_event_records(stream.schema, stream.partitions[p], at.id, head, parts[p], records);
  const Duration window = stream.schema.page_window;
  const bool passed =
      before == kMinEventTime ||
      (highest > before && align_down(highest, window) > align_down(before, window));
  if (!passed) return;
  const Bytes advance = encode(Advance{highest - at.config->delay, Advance::Why::kWindowPassed});
  for (size_t p = 0; p < parts.size(); ++p) {
    if (!parts[p].empty() && event_time_ns(std::ranges::max(parts[p].time)) == highest)
      continue;  // it is there already
    records.push_back({{stream.partitions[p], RecordKind::kAdvance, at.id, 0}, advance});
  }
}

void Ingest::add_bounds(const Lane& at, const std::vector<GapBound>& bounds,
                        std::vector<LogAppend>& records) {
  for (const GapBound& bound : bounds) {
    add_to_all(*at.stream, RecordKind::kGap, at.id, encode(GapRecord{.opened = {}, .bound = bound}),
               records);
  }
}

Result<std::vector<LogAppend>> Ingest::take(Lane& at, const SourceBatch& batch, MonoTime now) {
  const StreamInfo& stream = *at.stream;
  Facts& facts = at.facts;
  Outages& outages = at.shared->outages;
  std::vector<LogAppend> records;
  if (batch.connected || !batch.events.empty()) {
    // To all partitions: one without events of this batch would go on taking the source for idle.
    if (!std::exchange(facts.announced, true)) {
      add_to_all(stream, RecordKind::kConnected, at.id, encode(Connection{"delivery began"}),
                 records);
    }
    facts.state = State::kConnected;
    facts.last_event = now;
  }
  if (!batch.resume.empty()) {
    facts.resume = batch.resume;
    ++facts.resume_number;
  }
  if (!batch.events.empty()) {
    add_bounds(at, outages.delivered(at.id, batch.events.time, batch.thin), records);
    add_events(at, batch, records);
  } else if (!batch.resume.empty() && !batch.dead.empty()) {
    // Only an events record carries a token; without it a restart would read these letters again.
    const EventBatch none(stream.schema);
    records.push_back({{stream.partitions.front(), RecordKind::kEvents, at.id, 0},
                       encode_events(stream.schema, EventsRecord{facts.resume, facts.resume_number},
                                     none, 0, 0)});
  }
  add_dead_letter_records(stream.partitions.front(), at.id, batch.dead, records);
  if (batch.heartbeat) {
    // Before the advance, which lets the frontier pass the gap.
    add_bounds(at, outages.heartbeat(at.id, *batch.heartbeat, batch.thin), records);
    add_to_all(stream, RecordKind::kAdvance, at.id,
               encode(Advance{*batch.heartbeat, Advance::Why::kHeartbeat}), records);
  }
  if (batch.disconnected) HC_TRY(take_disconnect(at, batch, records));
  if (batch.ended) {
    outages.ended(at.id);
    facts.state = State::kEnded;
    facts.announced = false;
    add_to_all(stream, RecordKind::kAdvance, at.id,
               encode(Advance{end_of(facts.max_event, stream.coarsest), Advance::Why::kEnd}),
               records);
  }
  return records;
}

Status Ingest::take_disconnect(Lane& at, const SourceBatch& batch,
                               std::vector<LogAppend>& records) {
  // Before the disconnect: without the source the watermark may go on at once.
  if (const auto since = at.shared->outages.disconnected(at.id, batch.whole_until)) {
    HC_TRY(open_gap(at, *since, batch.silent ? Gap::Cause::kSilence : Gap::Cause::kDisconnect,
                    "source '" + at.config->name + "': " + *batch.disconnected, records));
  }
  at.facts.state = State::kDisconnected;
  at.facts.reason = *batch.disconnected;
  at.facts.announced = false;
  add_to_all(*at.stream, RecordKind::kDisconnected, at.id, encode(Connection{*batch.disconnected}),
             records);
  return {};
}

Status Ingest::append(SourceId source, const SourceBatch& batch, MonoTime now, Done<bool> done) {
  Lane& at = lane(source);
  const std::scoped_lock lock(at.shared->mutex);
  const LogStats stats = log_.stats(Channel::kLive);
  Status taken;
  if (stats.size >= stats.limit && !(batch.events.empty() && batch.dead.empty())) {
    // Asked before the batch is encoded; the log itself has the last word.
    taken = overloaded("the log holds " + std::to_string(stats.size.value >> 20) +
                       " MiB, its bound; aggregation lags behind");
  } else {
    const Facts before = at.facts;
    const Outages outages_before = at.shared->outages;
    Result<std::vector<LogAppend>> records = take(at, batch, now);
    Batch given{now};
    if (stamps_.timed && !batch.events.empty()) {
      const auto [low, high] = std::ranges::minmax(batch.events.time);
      given = {now, event_time_ns(low), event_time_ns(high)};
    }
    taken = records ? submit(at, *std::move(records), std::move(done), given) : records.error();
    if (!taken) {  // it leaves no trace, for it comes again
      at.facts = before;
      at.shared->outages = outages_before;
    }
  }
  if (taken) {
    ledger_.ignored(source, batch.ignored);
    if (batch.silent) ledger_.silent(source);
  } else {
    at.facts.last_event = now;  // offered, and not taken: the source is not silent
  }
  return taken;
}

Status Ingest::heartbeat(SourceId source, EventTime to, Done<bool> done) {
  Lane& at = lane(source);
  const std::scoped_lock lock(at.shared->mutex);
  std::vector<LogAppend> records;
  const Outages before = at.shared->outages;
  // Who posts events is there when it posts a heartbeat. Whoever else does it speaks for a source
  // that may still be away.
  if (at.config->kind == SourceKind::kHttp)
    add_bounds(at, at.shared->outages.heartbeat(source, to), records);
  add_to_all(*at.stream, RecordKind::kAdvance, at.id, encode(Advance{to, Advance::Why::kHeartbeat}),
             records);
  Status taken = submit(at, std::move(records), std::move(done));
  if (!taken) at.shared->outages = before;
  return taken;
}

Status Ingest::advance(SourceId source, const std::vector<PartitionId>& partitions,
                       const Advance& advance, Done<bool> done) {
  Lane& at = lane(source);
  const std::scoped_lock lock(at.shared->mutex);
  std::vector<LogAppend> records;
  for (const PartitionId partition : partitions)
    records.push_back({{partition, RecordKind::kAdvance, at.id, 0}, encode(advance)});
  return submit(at, std::move(records), std::move(done));
}

void Ingest::check_idle(MonoTime now) {
  for (const auto& [id, owned] : lanes_) {
    Lane& at = *owned;
    const std::scoped_lock lock(at.shared->mutex);
    Facts& facts = at.facts;
    if (!at.config->idle_after || facts.state != State::kConnected) continue;
    if (at.in_flight.load(std::memory_order_relaxed) > 0) facts.last_event = now;
    if (now - facts.last_event < *at.config->idle_after) continue;
    std::vector<LogAppend> records;
    add_to_all(*at.stream, RecordKind::kAdvance, at.id,
               encode(Advance{end_of(facts.max_event, at.stream->schema.page_window),
                              Advance::Why::kIdle}),
               records);
    if (!submit(at, std::move(records), [](const Result<bool>&) {})) continue;  // next time
    facts.state = State::kIdle;
    facts.announced = false;
  }
}

/// A refusal is answered by the log within append() (log/embedded_log.h says so); it is then this
/// call's error, and `done` is not called.
Status Ingest::submit(Lane& at, std::vector<LogAppend> records, Done<bool> done,
                      std::optional<Batch> batch) {
  struct Call {
    Done<bool> done;
    std::thread::id caller = std::this_thread::get_id();
    bool inside = true;  // only the caller's thread reads and writes it
    std::optional<Error> refused;
  };
  const auto call = std::make_shared<Call>();  // owners: this function and the log's callback
  call->done = std::move(done);
  const LogCounts counts = count(records);
  std::vector<std::pair<PartitionId, size_t>> last;  // record of events in each partition
  if (batch && (stamps_.durable || stamps_.timed)) last = last_events(records);
  ledger_.appended(counts);  // first: a lane may have applied a record before its answer comes
  ++at.in_flight;
  log_.append(Channel::kLive, std::move(records),
              [this, &at, call, counts, last = std::move(last),
               batch](Result<std::vector<Position>> positions) {
                --at.in_flight;
                if (positions) {
                  for (const auto& [partition, record] : last)
                    tell_durable(partition, (*positions)[record], *batch);
                  return call->done(true);
                }
                ledger_.withdrawn(counts);
                if (std::this_thread::get_id() == call->caller && call->inside) {
                  call->refused = std::move(positions).error();
                } else {
                  call->done(std::move(positions).error());
                }
              });
  call->inside = false;
  if (call->refused) return *std::move(call->refused);
  return {};
}

void Ingest::tell_durable(PartitionId partition, Position last, const Batch& batch) const {
  if (stamps_.timed && batch.earliest <= batch.latest)
    stamps_.timed(partition, last, batch.earliest, batch.latest);
  if (stamps_.durable) stamps_.durable(partition, last, batch.handed_in);
}

Ingest::State Ingest::state(SourceId source) const {
  const std::scoped_lock lock(lane(source).shared->mutex);
  return lane(source).facts.state;
}

std::string Ingest::reason(SourceId source) const {
  const std::scoped_lock lock(lane(source).shared->mutex);
  const Facts& facts = lane(source).facts;
  return facts.state == State::kDisconnected ? facts.reason : "";
}

std::optional<EventTime> Ingest::max_event(SourceId source) const {
  const std::scoped_lock lock(lane(source).shared->mutex);
  const EventTime highest = lane(source).facts.max_event;
  return highest == kMinEventTime ? std::nullopt : std::optional(highest);
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
