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
  trim();  // trims are forgotten by a restart
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
      return replay_waiting_;
    }
  }
  if (!drain_.can_step()) return false;
  const MonoTime now = at_.runtime.mono_now();
  if (now < drain_not_before_) {
    draining_ = true;
    at_.runtime.at(at_.shard, drain_not_before_, [this] {
      draining_ = false;
      wake();
    });
    return false;
  }
  draining_ = true;
  carry_drain(drain_.step());
  return false;
}

void BackWorker::carry_drain(Effects effects) {
  bool waits = false;
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
  for (Commit& commit : effects.commits) {
    waits = true;
    const CommitId id = commit.id;
    std::vector<TallyDelta> tallies = commit.tallies;
    std::vector<Gap> gaps = commit.gaps;
    at_.store.commit(std::move(commit), [this, id, tallies = std::move(tallies),
                                         gaps = std::move(gaps)](Result<CommitResult> result) {
      at_.runtime.post(at_.shard, [this, id, tallies, gaps, result = std::move(result)] {
        if (!result) return log_failure("replay log not merged", result.error());
        uint64_t events = 0;
        for (const TallyDelta& delta : tallies) events += delta.tallies.settled();
        if (result->state == CommitState::kCommitted) {
          at_.ledger.settled(tallies, true);
          // Paid afterwards: a batch larger than the rate passes and the next one waits for it.
          drain_not_before_ =
              at_.runtime.mono_now() +
              Duration(static_cast<int64_t>(1e9 * static_cast<double>(events) / at_.drain_rate));
          marks_waiting_ = true;
          if (at_.gap_known) std::ranges::for_each(gaps, at_.gap_known, &Gap::id);
        }
        carry_drain(drain_.committed(id, *result, at_.runtime.wall_now()));
        if (result->state == CommitState::kCommitted) trim();
      });
    });
  }
  if (waits) return;
  draining_ = false;
  if (const Status failure = drain_.failure(); !failure) {
    log_error("the replay log is not merged any more; a restart tries again",
              {{"partition", partition_}, {"error", failure.error().message}});
  }
  wake();
}

/// Up to what is merged, not to what was read: a batch takes several commits.
void BackWorker::trim() {
  if (const Status trimmed = at_.log.trim(partition_, Channel::kReplay, drain_.safe()); !trimmed) {
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
