#include "lane/live_lane.h"

#include "base/assert.h"
#include "lane/live_lane_internal.h"

namespace hindcast {
namespace {

/// Ranges that the drain has passed are forgotten; it never asks for them again.
std::vector<ReplayRange> undrained(const std::optional<Checkpoint>& checkpoint, Position drained) {
  std::vector<ReplayRange> ranges;
  if (!checkpoint) return ranges;
  for (const ReplayRange& range : checkpoint->replay) {
    if (range.last > drained) ranges.push_back(range);
  }
  return ranges;
}

size_t size_of(const Commit& commit) {
  size_t bytes = sizeof commit;
  for (const PageAdd& add : commit.pages) bytes += sizeof add + add.part.size();
  for (const Row& row : commit.rows) bytes += sizeof row + row.at.key.size() + row.state.size();
  for (const DeadLetterFact& fact : commit.dead) bytes += memory_of(fact);
  for (const SequencePut& put : commit.sequences) {
    bytes += sizeof put + put.key.size() + put.state.runs.size() * sizeof(SequenceRun);
  }
  return bytes + (commit.gaps.size() + commit.bounds.size()) * sizeof(Gap);
}

}  // namespace

LiveLane::Impl::Impl(LiveLaneOptions given, std::optional<Checkpoint> stored, LaneFacts known)
    : options(std::move(given)),
      memory_max(options.memory_max),
      reread_max(options.reread_max),
      watermark(options.delays),
      open(options.schema, options.part_rows_max),
      late(options.schema),
      replay(options.schema, options.partition, undrained(stored, options.replay_drained)),
      marks(options.aggregates),
      counts(options.sequence, options.partition, known.sequences),
      damage(std::move(known.damage)),
      batch(options.schema) {
  if (!stored) return;
  HC_ASSERT(stored->partition == options.partition);
  settled = Settled(*stored);
  watermark.restore(stored->sources, stored->watermark);
  frontier = stored->frontier;
  for (const Spilled& page : stored->spilled) open.spilled({page.window, page.slot}, page.through);
  applied = read_after = committed_safe = stored->safe;
  recovering = stored->safe < stored->applied;
  EventTime highest = kMinEventTime;
  for (const SourceState& state : watermark.states()) highest = std::max(highest, state.max_event);
  for (const Gap& gap : damage) {
    if (gap.range.end == kMaxEventTime) open_damage.push_back({gap.id, highest});
  }
}

Duration LiveLane::Impl::delay_of(SourceId source) const {
  for (const auto& [id, delay] : options.delays) {
    if (id == source) return delay;
  }
  return {};
}

Effects LiveLane::Impl::begin(Operation given) {
  HC_ASSERT(!operation);
  operation = std::move(given);
  Effects effects;
  if (in_flight.empty()) {
    operation->state = Operation::State::kReading;
    effects.reads = operation->reads;
  }
  return effects;
}

MergeContext LiveLane::Impl::context(Cause::Kind cause, ProcessingTime now) const {
  return {.schema = options.schema,
          .aggregates = options.aggregates,
          .cause = {cause},
          .now = now,
          .stream = options.stream,
          .next_gap = options.next_gap};
}

Commit LiveLane::Impl::start_commit(Cause cause, ProcessingTime now) const {
  return {.lane = Lane::kLive, .cause = cause, .published_at = now};
}

Commit& LiveLane::Impl::finish(Commit& commit, MarkSet& mark_set, TallySheet& outcomes) {
  commit.id = ++last_id;
  commit.after = last_given;
  last_given = commit.id;
  commit.marks = mark_set.take();
  outcomes += tallies.take();
  commit.tallies = outcomes.take();
  commit.dead = std::move(dead);
  dead.clear();
  dead_bytes = 0;
  std::ranges::move(facts.gaps, std::back_inserter(commit.gaps));  // beside those of merges
  commit.bounds = std::move(facts.bounds);
  facts = {};
  for (Gap& gap : commit.gaps) {
    if (gap.opened_at == ProcessingTime{}) gap.opened_at = commit.published_at;
  }
  checkpoint_due = false;
  for (const TallyDelta& delta : commit.tallies) {
    uint64_t& waiting = pending_of(delta.source);
    HC_ASSERT(waiting >= delta.tallies.settled());
    waiting -= delta.tallies.settled();
  }
  commit.checkpoint = checkpoint();
  commit.sequences = counts.take(commit.checkpoint->safe);
  const size_t bytes = size_of(commit);
  in_flight.emplace(commit.id, InFlight{commit.checkpoint->safe, bytes});
  in_flight_bytes += bytes;
  return commit;
}

Position LiveLane::Impl::safe_now() const {
  Position safe = applied;
  for (const std::optional<LogMark>& oldest : {open.oldest(), late.oldest(), replay.oldest()}) {
    if (oldest) safe = std::min(safe, oldest->before);
  }
  return safe;
}

Checkpoint LiveLane::Impl::checkpoint() const {
  HC_ASSERT(!recovering);
  Checkpoint out{.partition = options.partition,
                 .epoch = options.epoch,
                 .safe = safe_now(),
                 .applied = applied,
                 .frontier = frontier,
                 .sources = watermark.states(),
                 .watermark = watermark.value(),
                 .replay = replay.ranges()};
  for (const auto& [page, through] : open.spilled())
    out.spilled.push_back({page.first, page.second, through});
  late.positions(out.exceptions);
  replay.positions(out.exceptions);
  std::ranges::sort(out.exceptions);
  return out;
}

uint64_t& LiveLane::Impl::pending_of(SourceId source) {
  for (auto& [id, events] : pending) {
    if (id == source) return events;
  }
  return pending.emplace_back(source, 0).second;
}

size_t LiveLane::Impl::memory() const {
  return open.memory() + late.memory() + replay.memory() + batch.memory() + dead_bytes +
         facts.size() * sizeof(Gap) + in_flight_bytes + (operation ? operation->memory : 0);
}

Effects LiveLane::Impl::fail(Error error) {
  if (!failure) failure = std::move(error);
  return {};
}

LiveLane::LiveLane(LiveLaneOptions options, std::optional<Checkpoint> checkpoint, LaneFacts facts)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(checkpoint), std::move(facts))) {}
LiveLane::~LiveLane() = default;

Position LiveLane::read_after() const { return impl_->read_after; }

Status LiveLane::apply(const LogChunk& chunk) {
  Impl& lane = *impl_;
  Status first_error;
  for (const LogRecord& record : chunk.records) {
    HC_ASSERT(record.position > lane.applied && record.header.partition == lane.options.partition);
    if (Status status = lane.apply(record); !status && first_error) {
      first_error =
          std::move(status).error().with("log record " + std::to_string(record.position.hi) + ":" +
                                         std::to_string(record.position.lo));
    }
  }
  lane.read_after = std::max(chunk.next, lane.applied);
  if (lane.recovering && lane.read_after >= lane.settled.applied()) {
    lane.applied = std::max(lane.applied, lane.settled.applied());
    lane.recovering = false;
  }
  return first_error;
}

void LiveLane::lost(const LogDamage& damage) { impl_->lost(damage); }

bool LiveLane::can_apply() const {
  const Impl& lane = *impl_;
  if (lane.failure) return false;
  if (lane.recovering) return true;  // it fitted before
  const size_t events_max = lane.options.late_events_max;
  if (lane.late.size() >= events_max || lane.replay.size() >= events_max ||
      lane.dead.size() >= events_max || lane.facts.size() >= events_max)
    return false;
  // Over the bound, and something is under way that will free memory: wait for it.
  const bool waiting = lane.operation || !lane.in_flight.empty();
  return !waiting || lane.memory() <= lane.memory_max.value + lane.memory_max.value / 2;
}

bool LiveLane::can_seal() const { return impl_->can_seal(); }
Effects LiveLane::seal_slice(ByteCount budget, ProcessingTime now) {
  return impl_->seal_slice(budget, now);
}
bool LiveLane::has_late() const { return impl_->has_late(); }
Effects LiveLane::flush_late(ProcessingTime now) { return impl_->flush_late(now); }
void LiveLane::set_bounds(ByteCount memory_max, ByteCount reread_max) {
  impl_->memory_max = memory_max;
  impl_->reread_max = reread_max;
}
ByteCount LiveLane::held_log() const {
  const std::optional<LogMark> oldest = impl_->open.oldest();
  return ByteCount{oldest ? impl_->applied_bytes - oldest->bytes : 0};
}
bool LiveLane::over_memory() const { return impl_->over_memory(); }
Effects LiveLane::spill(ProcessingTime now) { return impl_->spill(now); }
bool LiveLane::holds_log() const { return impl_->holds_log(); }
Effects LiveLane::release_log(ProcessingTime now) { return impl_->release_log(now); }

Effects LiveLane::pages_read(std::vector<PageParts> pages, ProcessingTime now) {
  Impl& lane = *impl_;
  if (lane.failure) return {};
  HC_ASSERT(lane.operation && lane.operation->state == Operation::State::kReading);
  HC_ASSERT(pages.size() == lane.operation->reads.size());
  switch (lane.operation->kind) {
    case Operation::Kind::kLate:
      return lane.late_read(std::move(pages), now);
    case Operation::Kind::kSpill:
      return lane.spill_read(std::move(pages), now);
    case Operation::Kind::kSeal:
      return lane.seal_read(std::move(pages), now);
  }
  return {};
}

void LiveLane::replay_appended(const std::vector<Position>& positions) {
  Impl& lane = *impl_;
  for (const auto& [source, events] : lane.replay.appended(positions)) {
    lane.watermark.state(source).replayed += events;
    uint64_t& waiting = lane.pending_of(source);
    HC_ASSERT(waiting >= events);
    waiting -= events;
  }
  lane.checkpoint_due = true;
}

void LiveLane::replay_refused() { impl_->replay.refused(); }

Effects LiveLane::committed(CommitId id, const CommitResult& result, ProcessingTime now) {
  Impl& lane = *impl_;
  if (result.state == CommitState::kUnknown) return {};  // the driver sends the same again
  const auto given = lane.in_flight.find(id);
  HC_ASSERT(given != lane.in_flight.end());
  const Impl::InFlight commit = given->second;
  lane.in_flight.erase(given);
  lane.in_flight_bytes -= commit.bytes;
  if (lane.failure) return {};
  const bool is_late = lane.operation && lane.operation->state == Operation::State::kCommitting &&
                       lane.operation->commit == id;
  switch (result.state) {
    case CommitState::kCommitted:
      lane.last_committed = id;
      lane.committed_safe = std::max(lane.committed_safe, commit.safe);
      if (is_late) lane.operation.reset();
      break;
    case CommitState::kConflict:
      if (!is_late) {
        return lane.fail(
            {ErrorCode::kConflict,
             "a page ahead of the frontier, or an earlier commit, was not this lane's alone"});
      }
      lane.late_refused();
      lane.last_given = lane.last_committed;
      return lane.flush_late(now);
    case CommitState::kFenced:
      return lane.fail({ErrorCode::kFenced, "a newer owner has the partition"});
    case CommitState::kUnknown:
      break;
  }
  Effects effects;
  if (lane.operation && lane.operation->state == Operation::State::kWaiting &&
      lane.in_flight.empty()) {
    lane.operation->state = Operation::State::kReading;
    effects.reads = lane.operation->reads;
  }
  return effects;
}

EventTime LiveLane::watermark() const { return impl_->watermark.value(); }
Frontier LiveLane::frontier() const { return impl_->frontier; }
Position LiveLane::safe() const { return impl_->committed_safe; }
ByteCount LiveLane::memory() const { return ByteCount{impl_->memory()}; }
const std::vector<SourceState>& LiveLane::sources() const { return impl_->watermark.states(); }
std::vector<std::pair<SourceId, uint64_t>> LiveLane::pending() const { return impl_->pending; }
const std::vector<Gap>& LiveLane::gaps() const { return impl_->facts.gaps; }
const std::vector<GapBound>& LiveLane::bounds() const { return impl_->facts.bounds; }
size_t LiveLane::commits_in_flight() const { return impl_->in_flight.size(); }
bool LiveLane::dropped() const { return impl_->failure.has_value(); }
Status LiveLane::failure() const { return impl_->failure ? Status(*impl_->failure) : Status(); }
bool LiveLane::recovering() const { return impl_->recovering; }

std::optional<Window> LiveLane::open_range() const {
  const std::vector<PageKey> pages = open_pages({kMinEventTime, kMaxEventTime}, std::nullopt);
  if (pages.empty()) return std::nullopt;
  return Window{pages.front().window, pages.back().window + impl_->options.schema.page_window};
}

std::vector<PageKey> LiveLane::open_pages(Window range, std::optional<uint16_t> slot) const {
  std::vector<PageAt> found;
  impl_->open.each([&](PageAt page, const PageBuffer&) { found.push_back(page); });
  std::vector<PageKey> out;
  for (const PageAt& page : found) {
    if (slot && page.second != *slot) continue;
    if (window_of(page.first, impl_->options.schema.page_window).intersects(range))
      out.push_back(impl_->key(page));
  }
  return out;
}

EventBatch LiveLane::open_page(EventTime window, uint16_t slot) const {
  const StreamSchema& schema = impl_->options.schema;
  EventBatch rows = impl_->open.copy({window, slot});
  return visible(schema, sort_unique(schema, rows), {});
}

}  // namespace hindcast
