#include "lane/drain.h"

#include <algorithm>
#include <map>

#include "base/assert.h"
#include "lane/late_buffer.h"
#include "lane/page_merge.h"
#include "lane/parent_marks.h"
#include "lane/replay_records.h"
#include "model/key.h"
#include "progress/control.h"

namespace hindcast {

struct Drain::Impl {
  enum class State : uint8_t { kEmpty, kReady, kReading, kCommitting };

  Impl(DrainOptions given, std::optional<DrainCheckpoint> checkpoint)
      : options(std::move(given)), batch(options.schema), scratch(options.schema) {
    progress = checkpoint.value_or(DrainCheckpoint{});
    HC_ASSERT(!checkpoint || checkpoint->partition == options.partition);
    progress.partition = options.partition;
    progress.epoch = options.epoch;
    batch_through = progress.applied;
  }

  Status take(const LogRecord& record, const Frontier& frontier);
  void refuse(const LogRecord& record, const Error& error);
  void count_history(PageMerge& merge);
  Effects reads_of_step() const;
  DrainCheckpoint after_step() const;
  bool unfinished() const { return progress.through > progress.applied; }

  const DrainOptions options;
  DrainCheckpoint progress;  // as committed, but for void records skipped since
  Position batch_through;    // records up to and with it were given
  State state = State::kEmpty;
  LateBuffer batch;
  JobId job = 0;              // whose history the batch is; 0 = it came late
  ReplayCounts history_step;  // of the commit under way
  std::optional<OfHistory> history;
  std::map<PageAt, LateBuffer> step;  // taken out of the batch: pages under way
  TallySheet refused;                 // events of records that could not be read,
  std::vector<DeadLetterFact> dead;   // and what says so
  EventBatch scratch;
  CommitId last_id = 0;
  std::vector<std::pair<SourceId, uint64_t>>
      merged_after;  // DrainCheckpoint::merged with the commit under way
  std::optional<Error> failure;
};

Status Drain::Impl::take(const LogRecord& record, const Frontier& frontier) {
  HC_TRY(decode_events(options.schema, record.payload, scratch));
  if (job == 0) scratch.source.assign(scratch.size(), record.header.source.value);
  for (uint32_t row = 0; row < scratch.size(); ++row) {
    const EventTime window =
        align_down(event_time_ns(scratch.time[row]), options.schema.page_window);
    const uint16_t slot = slot_of_hash(scratch.keys.hash(scratch.key[row]), options.schema.slots);
    HC_ASSERT(frontier.behind(
        window, slot));  // the lane moves only what is behind the frontier it then commits
    if (record.position <= progress.through && progress.pages.behind(window, slot))
      continue;  // merged before a restart
    batch.add(scratch, row, {window, slot}, {record.position, row}, {});
  }
  return {};
}

Drain::Drain(DrainOptions options, std::optional<DrainCheckpoint> checkpoint)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(checkpoint))) {}
Drain::~Drain() = default;

Position Drain::read_after() const { return impl_->batch_through; }
bool Drain::wants_records() const { return impl_->state == Impl::State::kEmpty && !impl_->failure; }

Status Drain::give(const LogChunk& chunk, const Checkpoint& live) {
  Impl& drain = *impl_;
  HC_ASSERT(wants_records() && live.partition == drain.options.partition);
  // A batch that was half merged when the process died is taken again as it was, so that `pages`
  // means the same.
  const bool again = drain.unfinished();
  Status first_error;
  bool any = false;
  for (const LogRecord& record : chunk.records) {
    if (record.position <= drain.batch_through) continue;
    // A record that does not even say whose it is can only have come late: it is refused below.
    const JobId job = job_of(record).value_or(0);
    const auto range = std::ranges::find_if(
        live.replay, [&](const ReplayRange& r) { return record.position <= r.last; });
    if (job == 0 && range == live.replay.end()) break;  // not covered yet: the live lane's
    if (any && job != drain.job) break;
    if (again ? record.position > drain.progress.through
              : any && drain.batch.size() + record.header.events > drain.options.events_max) {
      break;
    }
    drain.batch_through = record.position;
    if (job == 0) {
      if (record.position < range->first) continue;  // void
    }
    any = true;
    drain.job = job;
    Status status = drain.take(record, live.frontier);
    if (status) continue;
    if (!again && job == 0) drain.refuse(record, status.error());
    if (first_error)
      first_error =
          std::move(status).error().with("replay log record " + std::to_string(record.position.lo));
  }
  if (again ? drain.batch_through >= drain.progress.through : any) {
    drain.state = Impl::State::kReady;
  } else if (!again) {
    drain.progress.applied = drain.batch_through;  // all void; the next commit says so
  }
  return first_error;
}

/// Its events are dead letters, so that the accounts still balance. The row tells it from a record
/// of the live log.
void Drain::Impl::refuse(const LogRecord& record, const Error& error) {
  const SourceId source = record.header.source;
  refused.of(source).dead_lettered += record.header.events;
  dead.push_back({source,
                  {record.position, UINT32_MAX},
                  {.reason = "corrupt-record", .detail = error.message, .place = "replay log"}});
}

bool Drain::can_step() const { return impl_->state == Impl::State::kReady && !impl_->failure; }

Effects Drain::Impl::reads_of_step() const {
  Effects effects;
  for (const auto& [page, events] : step) {
    effects.reads.push_back(
        {.key = {options.partition, page.first, page.second}, .events = events.rows()});
  }
  return effects;
}

Effects Drain::step() {
  HC_ASSERT(can_step());
  impl_->step = impl_->batch.take_pages({kMinEventTime, 0}, impl_->options.pages_max);
  impl_->state = Impl::State::kReading;
  if (!impl_->step.empty()) return impl_->reads_of_step();
  // Every record of the batch was unreadable, or merged but for the commit that says so: nothing to
  // read, only to say.
  return pages_read({}, {});
}

/// The drain's statement once the step's commit is in.
DrainCheckpoint Drain::Impl::after_step() const {
  DrainCheckpoint out = progress;
  out.merged = merged_after;
  if (batch.empty()) {
    out.applied = batch_through;
    out.through = {};
    out.pages = {};
  } else {
    const auto [window, slot] = std::prev(step.end())->first;
    out.through = batch_through;
    out.pages = {window, static_cast<uint16_t>(slot + 1)};
  }
  return out;
}

Effects Drain::pages_read(std::vector<PageParts> pages, ProcessingTime now) {
  Impl& drain = *impl_;
  if (drain.failure) return {};
  HC_ASSERT(drain.state == Impl::State::kReading && pages.size() == drain.step.size());
  const MergeContext context{
      .schema = drain.options.schema,
      .aggregates = drain.options.aggregates,
      .cause = drain.job == 0 ? Cause{Cause::Kind::kLate} : Cause{Cause::Kind::kReplay, drain.job},
      .now = now,
      .stream = drain.options.stream,
      .next_gap = drain.options.next_gap};
  Commit commit{
      .id = ++drain.last_id, .lane = Lane::kReplay, .cause = context.cause, .published_at = now};
  MarkSet marks;
  TallySheet outcomes = drain.refused;
  drain.history_step = {};
  for (const auto& [page, events] : drain.step) {
    const PageKey key{drain.options.partition, page.first, page.second};
    const auto stored =
        std::ranges::find_if(pages, [&](const PageParts& parts) { return parts.head.key == key; });
    HC_ASSERT(stored != pages.end());
    Result<PageMerge> merge = merge_page(context, key, events.rows(), &*stored, RowsOf::kChanged);
    if (!merge) {
      drain.failure = std::move(merge).error();
      return {};
    }
    if (drain.job == 0) {
      outcomes += merge->tallies;
    } else {
      drain.count_history(*merge);
    }
    put_behind(context, key, *std::move(merge), marks, commit);
  }
  commit.dead = drain.dead;
  commit.marks = marks.take();
  commit.tallies = outcomes.take();
  drain.merged_after = drain.progress.merged;
  for (const TallyDelta& delta : commit.tallies) {
    const auto known =
        std::ranges::find(drain.merged_after, delta.source, &std::pair<SourceId, uint64_t>::first);
    if (known != drain.merged_after.end()) {
      known->second += delta.tallies.settled();
    } else {
      drain.merged_after.emplace_back(delta.source, delta.tallies.settled());
    }
  }
  std::ranges::sort(drain.merged_after);
  commit.drain_checkpoint = drain.after_step();
  drain.state = Impl::State::kCommitting;
  Effects effects;
  effects.commits.push_back(std::move(commit));
  return effects;
}

/// Not in the tallies of the source: history was not received by it.
void Drain::Impl::count_history(PageMerge& merge) {
  for (const TallyDelta& delta : merge.tallies.take()) {
    history_step.added += delta.tallies.aggregated;
    history_step.duplicate += delta.tallies.duplicate;
    history_step.superseded += delta.tallies.superseded;
  }
  if (!merge.add) return;
  ++history_step.pages_changed;
  history_step.rows_changed += merge.rows.size();
  history_step.bytes_written += bytes_of(merge);
}

std::optional<Drain::OfHistory> Drain::take_history() {
  return std::exchange(impl_->history, std::nullopt);
}

Effects Drain::committed(CommitId id, const CommitResult& result, ProcessingTime) {
  Impl& drain = *impl_;
  if (result.state == CommitState::kUnknown || drain.failure) return {};
  HC_ASSERT(drain.state == Impl::State::kCommitting && id == drain.last_id);
  switch (result.state) {
    case CommitState::kCommitted:
      drain.progress = drain.after_step();
      if (drain.job != 0) {
        if (!drain.history) drain.history = OfHistory{.job = drain.job};
        drain.history->counts += drain.history_step;
      }
      drain.step.clear();
      drain.refused = {};
      drain.dead.clear();
      drain.state = drain.batch.empty() ? Impl::State::kEmpty : Impl::State::kReady;
      return {};
    case CommitState::kConflict:
      drain.state = Impl::State::kReading;
      return drain.reads_of_step();
    case CommitState::kFenced:
      drain.failure = {ErrorCode::kFenced, "a newer owner drains the partition"};
      return {};
    case CommitState::kUnknown:
      break;
  }
  return {};
}

bool Drain::dropped() const { return impl_->failure.has_value(); }
Status Drain::failure() const { return impl_->failure ? Status(*impl_->failure) : Status(); }

Position Drain::safe() const { return impl_->progress.applied; }

ByteCount Drain::memory() const {
  size_t bytes = impl_->batch.memory() + impl_->scratch.memory();
  for (const auto& [page, events] : impl_->step) bytes += events.memory();
  return ByteCount{bytes};
}

}  // namespace hindcast
