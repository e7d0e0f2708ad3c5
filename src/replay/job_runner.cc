#include "replay/job_runner.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/assert.h"
#include "lane/remake.h"

namespace hindcast {
namespace {

constexpr ByteCount kReadBytes = 256_KiB;  // of history at a time: bounds what a call holds up
constexpr Duration kIdlePoll = 100ms;      // frontiers and clocks move without telling
constexpr Duration kLongWait = 1s;         // for an answer that will wake us
constexpr Duration kBackoffMin = 250ms, kBackoffMax = 30s;

bool may_pass(const Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kOverloaded;
}

}  // namespace

/// Where answers wait for the next step. Answers to a piece that was dropped are dropped, too.
struct JobRunner::Inbox {
  std::mutex mutex;
  std::optional<Result<HistoryChunk>> chunk;      // guarded by mutex
  std::optional<Result<CommitResult>> committed;  // guarded by mutex
  uint64_t turn = 0;                              // of the piece; guarded by mutex

  /// A callback that puts its answer into `place`.
  template <class T>
  static Done<T> answer(std::shared_ptr<Inbox> inbox, std::optional<Result<T>> Inbox::*place,
                        std::function<void()> wake) {
    uint64_t turn = 0;
    {
      const std::scoped_lock lock(inbox->mutex);
      turn = inbox->turn;
    }
    return [inbox = std::move(inbox), place, turn, wake = std::move(wake)](Result<T> result) {
      {
        const std::scoped_lock lock(inbox->mutex);
        if (inbox->turn != turn) return;
        (*inbox).*place = std::move(result);
      }
      wake();
    };
  }
  template <class T>
  std::optional<Result<T>> take(std::optional<Result<T>> Inbox::*place) {
    const std::scoped_lock lock(mutex);
    return std::exchange(this->*place, std::nullopt);
  }
};

JobRunner::JobRunner(Places places, Rng& rng)
    : at_(std::move(places)), rng_(rng), inbox_(std::make_shared<Inbox>()) {}
JobRunner::~JobRunner() { drop(); }

ByteCount JobRunner::memory() const { return run_ ? run_->memory() : ByteCount{}; }

void JobRunner::drop() {
  run_.reset();
  cursor_.reset();
  assignment_.reset();
  asked_ = committing_ = false;
  const std::scoped_lock lock(inbox_->mutex);
  ++inbox_->turn;
  inbox_->chunk.reset();
  inbox_->committed.reset();
}

void JobRunner::release(ProcessingTime wall) {
  if (assignment_) at_.book.released(*assignment_, wall);
  drop();
}

MonoTime JobRunner::step(MonoTime now, ProcessingTime wall) {
  if (assignment_) at_.book.charge(assignment_->job.id, reason_, now - charged_to_);
  charged_to_ = now;
  if (!run_) return take(now, wall).value_or(now);
  if (!at_.book.wanted(*assignment_)) {
    release(wall);
    return now;
  }
  reason_ = Reason::kCompute;
  When when;
  switch (run_->need()) {
    case PieceRun::Need::kHistory:
      reason_ = Reason::kReader;
      when = read_history(now, wall);
      break;
    case PieceRun::Need::kAllowance:
      reason_ = Reason::kRate;
      when = at_.book.allow(assignment_->job.id, run_->asks_for(), now);
      if (!when) run_->allowed();
      break;
    case PieceRun::Need::kHeads:
      give_heads(wall);
      break;
    case PieceRun::Need::kParts:
      give_parts(wall);
      break;
    case PieceRun::Need::kCommit:
      reason_ = Reason::kStore;
      when = commit(now, wall);
      break;
    case PieceRun::Need::kDone:
      hand_over(true, now, wall);
      drop();
      return now;
    case PieceRun::Need::kFailed:
      set_aside(run_->failure(), wall);
      return now;
  }
  if (run_) hand_over(false, now, wall);
  return when.value_or(now);
}

JobRunner::When JobRunner::take(MonoTime now, ProcessingTime wall) {
  Result<std::shared_ptr<const Snapshot>> snapshot = at_.store.snapshot();
  if (!snapshot) return now + kLongWait;
  const auto frontier = [&](StreamId id) {
    EventTime slowest = kMaxEventTime;
    for (const PartitionId partition : at_.stream(id).partitions) {
      const auto checkpoint = (*snapshot)->checkpoint(partition);
      slowest = std::min(
          slowest, checkpoint && *checkpoint ? (*checkpoint)->frontier.window : kMinEventTime);
    }
    return slowest;
  };
  const auto settled = [&](StreamId stream, SourceId id) {
    const ReplaySource source = at_.source(id);
    if (source.history == nullptr) return kMaxEventTime;
    return align_down(EventTime(wall.time_since_epoch() - source.history->settle()),
                      at_.stream(stream).schema.page_window);
  };
  assignment_ = at_.book.take(frontier, settled, now, wall);
  if (!assignment_) return now + kIdlePoll;
  if (assignment_->kind == Assignment::Kind::kPrepare) {
    prepare(now, wall);
    assignment_.reset();
    return std::nullopt;
  }
  if (const Status opened = open_piece(); !opened) set_aside(opened.error(), wall);
  return std::nullopt;
}

void JobRunner::prepare(MonoTime now, ProcessingTime wall) {
  const ReplayJob& job = assignment_->job;
  const ReplaySource source = at_.source(job.source);
  if (source.history == nullptr) {
    return at_.book.refused(
        job.id, {ErrorCode::kInvalidArgument, "no-history: its source has no [source.history]"},
        std::nullopt, wall);
  }
  Result<std::vector<Window>> pieces = source.history->pieces(job.range);
  if (!pieces) {
    const bool again = may_pass(pieces.error());
    return at_.book.refused(job.id, pieces.error(),
                            again ? std::optional(now + kBackoffMax / 10) : std::nullopt, wall);
  }
  const auto snapshot = at_.store.snapshot();
  Result<CoverageFacts> facts = snapshot ? (*snapshot)->coverage(job.stream) : snapshot.error();
  if (!facts) return at_.book.refused(job.id, facts.error(), now + kLongWait, wall);
  at_.book.prepared(job.id, *std::move(pieces), *facts, at_.stream(job.stream).partitions, wall);
}

Status JobRunner::open_piece() {
  const ReplayJob& job = assignment_->job;
  const ReplayStream& stream = at_.stream(job.stream);
  const ReplaySource source = at_.source(job.source);
  HC_ASSERT(source.history != nullptr);  // prepare() found it
  keys_ = job.keys;
  std::ranges::sort(keys_);
  HC_TRY_ASSIGN(const std::shared_ptr<const Snapshot> snapshot, at_.store.snapshot());
  const bool repairs = job.mode == ReplayJob::Mode::kRepair;
  PieceRunOptions options{
      .subwindow = {.schema = stream.schema,
                    .aggregates = stream.aggregates,
                    .partitions = stream.partitions,
                    .range = assignment_->piece,
                    .keys = keys_.empty() ? nullptr : &keys_,
                    .cause = {repairs ? Cause::Kind::kRepair : Cause::Kind::kReplay, job.id},
                    .decision = repairs ? job.id : 0,
                    .stream = stream.id,
                    .next_gap = at_.next_gap},
      .piece = assignment_->piece,
      .events_max = at_.piece_events_max};
  for (const PartitionId partition : stream.partitions) {
    HC_TRY_ASSIGN(const std::optional<Checkpoint> live, snapshot->checkpoint(partition));
    options.subwindow.frontiers[partition] = live ? live->frontier : Frontier{};
  }
  HC_TRY_ASSIGN(cursor_, source.history->open({.range = assignment_->piece, .keys = keys_}));
  run_ = std::make_unique<PieceRun>(std::move(options));
  retries_ = source.retries;
  attempts_ = 0;
  not_before_ = {};
  return {};
}

JobRunner::When JobRunner::read_history(MonoTime now, ProcessingTime wall) {
  if (!asked_) {
    if (now < not_before_) return not_before_;
    asked_ = true;
    cursor_->next(kReadBytes, Inbox::answer<HistoryChunk>(inbox_, &Inbox::chunk, at_.wake));
  }
  std::optional<Result<HistoryChunk>> chunk = inbox_->take<HistoryChunk>(&Inbox::chunk);
  if (!chunk) return now + kLongWait;
  asked_ = false;
  return answered(*std::move(chunk), now, wall);
}

JobRunner::When JobRunner::answered(Result<HistoryChunk> chunk, MonoTime now, ProcessingTime wall) {
  if (chunk) {
    attempts_ = 0;
    if (chunk->retry_after) not_before_ = now + *chunk->retry_after;
    run_->give(std::move(chunk));
    return std::nullopt;
  }
  if (!may_pass(chunk.error())) {
    run_->give(std::move(chunk));
    return std::nullopt;
  }
  if (++attempts_ > retries_) {
    Error error = std::move(chunk).error();  // its word stays in front
    error.message +=
        "; given up after " + std::to_string(retries_) + (retries_ == 1 ? " retry" : " retries");
    set_aside(error, wall);
    return std::nullopt;
  }
  not_before_ = now + std::max(cursor_->retry_after().value_or(Duration(0)), backoff());
  return not_before_;
}

/// Doubles with each attempt, with full jitter, so that workers do not come back together.
Duration JobRunner::backoff() const {
  const Duration most =
      std::min<Duration>(kBackoffMax, kBackoffMin * (1LL << std::min(attempts_, 10U)));
  return kBackoffMin / 2 +
         Duration(static_cast<int64_t>(rng_.below(static_cast<uint64_t>(most.count()))));
}

void JobRunner::give_heads(ProcessingTime wall) {
  std::vector<PageHead> heads;
  const auto snapshot = at_.store.snapshot();
  if (!snapshot) return set_aside(snapshot.error(), wall);
  for (const PageRange& range : run_->heads()) {
    const Status read = (*snapshot)->heads(range, [&](const PageHead& head) {
      heads.push_back(head);
      return true;
    });
    if (!read) return set_aside(read.error(), wall);
  }
  run_->give_heads(std::move(heads));
}

void JobRunner::give_parts(ProcessingTime wall) {
  std::vector<PageParts> pages;
  const auto snapshot = at_.store.snapshot();
  if (!snapshot) return set_aside(snapshot.error(), wall);
  const ReplayStream& stream = at_.stream(assignment_->job.stream);
  for (const PageRead& read : run_->parts()) {
    Result<PageParts> page =
        read_for_merge(**snapshot, read.key, Lane::kReplay, stream.schema, stream.aggregates);
    if (!page) return set_aside(page.error(), wall);
    pages.push_back(*std::move(page));
  }
  run_->give_parts(std::move(pages), wall);
}

JobRunner::When JobRunner::commit(MonoTime now, ProcessingTime wall) {
  if (!committing_) {
    committing_ = true;
    Commit commit = run_->take_commit();
    gaps_.clear();
    for (const Gap& gap : commit.gaps) gaps_.push_back(gap.id);
    // Told from the store's thread: this one may be idle, and `committed` is a live thread's, too.
    at_.store.commit(
        std::move(commit),
        [answer = Inbox::answer<CommitResult>(inbox_, &Inbox::committed, at_.wake),
         committed = at_.committed, stream = assignment_->job.stream](Result<CommitResult> result) {
          const bool stands = result.has_value();
          answer(std::move(result));
          if (stands) committed(stream);
        });
  }
  std::optional<Result<CommitResult>> result = inbox_->take<CommitResult>(&Inbox::committed);
  if (!result) return now + kLongWait;
  committing_ = false;
  if (!*result) {
    set_aside(result->error(), wall);
  } else {
    run_->committed(**result);
    if ((*result)->state == CommitState::kCommitted && at_.gap_known)
      std::ranges::for_each(gaps_, at_.gap_known);
  }
  return std::nullopt;
}

void JobRunner::hand_over(bool end, MonoTime now, ProcessingTime wall) {
  std::vector<SubwindowResult> results = run_->take_results();
  if (results.empty() && !end) return;
  at_.book.progressed(*assignment_, std::move(results), end, now, wall);
}

void JobRunner::set_aside(const Error& error, ProcessingTime wall) {
  at_.book.set_aside(*assignment_, error, wall);
  drop();
}

}  // namespace hindcast
