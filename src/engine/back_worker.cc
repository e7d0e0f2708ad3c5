#include "engine/back_worker.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "engine/log_damage.h"
#include "engine/read_past_damage.h"
#include "lane/remake.h"

namespace hindcast {
namespace {
constexpr ByteCount kReadBytes = 1_MiB;
constexpr Duration kRetryDelay = 1s;
}  // namespace

BackWorker::BackWorker(DrainOptions drain, std::optional<DrainCheckpoint> checkpoint,
                       RollerOptions roller, Places places)
    : partition_(drain.partition),
      schema_(drain.schema),
      aggregates_(drain.aggregates),
      at_(places),
      roller_(std::move(roller)),
      drain_(std::move(drain), std::move(checkpoint)) {}

void BackWorker::start() {
  tell_merged();  // trims are forgotten by a restart
  committed();
}

void BackWorker::stop() { stopped_.store(true, std::memory_order_relaxed); }

void BackWorker::committed() {
  at_.runtime.post(at_.shard, [this] {
    marks_waiting_ = replay_waiting_ = true;
    wake();
  });
}

void BackWorker::wake() {
  if (posted_.exchange(true, std::memory_order_acq_rel)) return;
  at_.runtime.post(at_.shard, [this] { run(); });
}

void BackWorker::run() {
  posted_.store(false, std::memory_order_release);
  if (stopped_.load(std::memory_order_relaxed)) return;
  const bool rolled = roll();
  const bool drained = drain();
  if (rolled || drained) wake();
}

void BackWorker::log_failure(const char* what, const Error& error) {
  log_error(what, {{"partition", partition_}, {"error", error.message}});
  if (timer_) return;
  timer_ = true;
  at_.runtime.at(at_.shard, at_.runtime.mono_now() + kRetryDelay, [this] {
    timer_ = false;
    committed();
  });
}

/// One step of the roller. True if there may be more to do now.
bool BackWorker::roll() {
  if (roller_.busy() || !marks_waiting_) return false;
  const Result<std::shared_ptr<const Snapshot>> snapshot = at_.store.snapshot();
  if (!snapshot) return log_failure("rollups wait", snapshot.error()), false;
  Result<std::optional<Commit>> step = roller_.step(**snapshot, at_.runtime.wall_now());
  if (!step) return log_failure("rollups wait", step.error()), false;
  if (!*step) {
    marks_waiting_ = false;
    return false;
  }
  const CommitId id = (*step)->id;
  at_.store.commit(**std::move(step), [this, id](Result<CommitResult> result) {
    at_.runtime.post(at_.shard, [this, id, result = std::move(result)] {
      if (!result) return log_failure("rollup not committed", result.error());
      roller_.committed(id, *result);
      wake();
    });
  });
  return false;  // woken by the answer
}

bool BackWorker::drain() {
  if (draining_ || drain_.dropped()) return false;
  if (drain_.wants_records()) {
    if (!replay_waiting_) return false;
    replay_after_ = std::max(replay_after_, drain_.read_after());
    const Result<LogChunk> chunk =
        read_past_damage(at_.log, partition_, Channel::kReplay, replay_after_, kReadBytes);
    if (!chunk) return log_failure("replay log not readable", chunk.error()), false;
    if (chunk->records.empty()) replay_after_ = std::max(replay_after_, chunk->next);
    const Position before = drain_.read_after();
    const Result<std::shared_ptr<const Snapshot>> snapshot = at_.store.snapshot();
    if (!snapshot) return log_failure("replay log waits", snapshot.error()), false;
    const Result<std::optional<Checkpoint>> live = (*snapshot)->checkpoint(partition_);
    if (!live) return log_failure("replay log waits", live.error()), false;
    if (*live) {
      if (const Status status = drain_.give(*chunk, **live); !status)
        log_failure("replay record skipped", status.error());
    }
    if (drain_.wants_records()) {
      // Nothing that counts is there yet; or what was read is void, or not yet the whole of a batch
      // that an earlier life had begun.
      replay_waiting_ = drain_.read_after() > before;
      if (!replay_waiting_) {
        at_.book.late_because(partition_, std::nullopt);
        tell_merged();  // void records are skipped without a commit
        // What damage took will never be merged; whoever appended it looks, and adds it itself.
        if (chunk->records.empty()) at_.route.merged(partition_, replay_after_);
      }
      return replay_waiting_;
    }
  }
  if (!step_ && drain_.can_step()) step_ = drain_.step();
  if (step_) begin_step();
  return false;
}

/// With the governor's word; else asks again when there may be one.
void BackWorker::begin_step() {
  uint64_t events = 0;
  for (const PageRead& read : step_->reads) events += read.events.size();
  const MonoTime now = at_.runtime.mono_now();
  draining_ = true;
  if (const auto wait = at_.book.allow_late(partition_, events, now)) {
    at_.runtime.at(at_.shard, wait->until, [this] {
      draining_ = false;
      wake();
    });
    return;
  }
  at_.book.late_because(partition_, Reason::kCompute);
  step_began_ = now;
  step_events_ = events;
  carry_drain(*std::exchange(step_, std::nullopt));
}

void BackWorker::carry_drain(Effects effects) {
  if (!effects.reads.empty()) {
    std::vector<PageParts> pages;
    const Result<std::shared_ptr<const Snapshot>> snapshot = at_.store.snapshot();
    Status status;
    if (!snapshot) status = snapshot.error();
    for (size_t i = 0; i < effects.reads.size() && status; ++i) {
      Result<PageParts> page =
          read_for_merge(**snapshot, effects.reads[i], Lane::kReplay, schema_, aggregates_);
      if (page) {
        log_damage(*page);
        pages.push_back(*std::move(page));
      } else {
        status = std::move(page).error();
      }
    }
    if (!status) {
      log_error("page not readable; retrying",
                {{"partition", partition_}, {"error", status.error().message}});
      at_.runtime.at(
          at_.shard, at_.runtime.mono_now() + kRetryDelay,
          [this, effects = std::move(effects)]() mutable { carry_drain(std::move(effects)); });
      return;
    }
    Effects next = drain_.pages_read(std::move(pages), at_.runtime.wall_now());
    std::ranges::move(next.commits, std::back_inserter(effects.commits));
    if (!next.reads.empty()) {
      next.commits = std::move(effects.commits);
      return carry_drain(std::move(next));
    }
  }
  for (Commit& commit : effects.commits) commit_drain(std::move(commit));
  if (!effects.commits.empty()) return;
  draining_ = false;
  if (const Status failure = drain_.failure(); !failure) {
    at_.book.late_because(partition_, std::nullopt);
    at_.route.merged(partition_, {UINT64_MAX, UINT64_MAX});  // nobody is to wait for it
    log_error("the replay log is not merged any more; a restart tries again",
              {{"partition", partition_}, {"error", failure.error().message}});
  }
  wake();
}

void BackWorker::commit_drain(Commit commit) {
  const MonoTime given = at_.runtime.mono_now();
  at_.book.late_because(partition_, Reason::kStore);
  DrainCommit under_way{
      .id = commit.id,
      .tallies = commit.tallies,
      .gaps = commit.gaps,
      .done = {.events = step_events_, .store_ops = commit.pages.size() + commit.rows.size()},
      .busy = {.compute = given - step_began_},
      .given = given};
  at_.store.commit(std::move(commit),
                   [this, under_way = std::move(under_way)](Result<CommitResult> result) {
                     at_.runtime.post(at_.shard, [this, under_way, result = std::move(result)] {
                       if (!result) return log_failure("replay log not merged", result.error());
                       drain_committed(under_way, *result);
                     });
                   });
}

void BackWorker::drain_committed(DrainCommit commit, const CommitResult& result) {
  const MonoTime now = at_.runtime.mono_now();
  commit.busy.store = now - commit.given;
  at_.book.committed(commit.busy.store, now);
  step_began_ = now;  // of what a conflict asks for again
  const bool stands = result.state == CommitState::kCommitted;
  if (stands) {
    at_.ledger.settled(commit.tallies, true);
    at_.book.late_merged(commit.done, commit.busy, now);
    marks_waiting_ = true;
    if (at_.gap_known) std::ranges::for_each(commit.gaps, at_.gap_known, &Gap::id);
  }
  Effects next = drain_.committed(commit.id, result, at_.runtime.wall_now());
  if (stands) tell_merged();
  carry_drain(std::move(next));
}

/// Up to what is merged, not to what was read: a batch takes several commits. All of it goes: what
/// one partition keeps holds the space of all.
void BackWorker::tell_merged() {
  const Position merged = drain_.safe();
  if (const auto history = drain_.take_history()) at_.route.did(history->job, history->counts);
  at_.route.merged(partition_, merged);
  const Position below{merged.hi, merged.lo + 1};
  if (const Status trimmed = at_.log.trim(partition_, Channel::kReplay, below); !trimmed) {
    log_warn("replay log not trimmed",
             {{"partition", partition_}, {"error", trimmed.error().message}});
  }
}

void BackWorker::quiet(std::function<void(bool)> done) {
  at_.runtime.post(at_.shard, [this, done = std::move(done)] {
    done(!marks_waiting_ && !roller_.busy() && !replay_waiting_ && !draining_ &&
         drain_.wants_records());
  });
}

}  // namespace hindcast
