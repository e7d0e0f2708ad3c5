#include "replay/job_book.h"

#include <algorithm>

#include "base/assert.h"
#include "replay/job_book_internal.h"

namespace hindcast {
namespace {

constexpr Duration kSaveEvery = 1s;     // of progress that nothing depends on
constexpr uint64_t kQuantum = 100'000;  // events of a stream before the next one's turn

}  // namespace

void JobBook::Entry::prove(Work& at, std::vector<GapOutcome>& outcomes) {
  for (const Window& window : std::exchange(at.unproved, {})) {
    add_window(job.done, window);
    fills.fill(window, outcomes);
  }
}

JobBook::JobBook(JobLimits limits, Save save, Locate locate, MonoTime now)
    : limits_(limits),
      save_(std::move(save)),
      locate_(std::move(locate)),
      throttle_(now),
      turns_(kQuantum, 1),
      stagger_(limits.seed, limits.stagger) {}
JobBook::~JobBook() = default;

JobBook::Entry* JobBook::find(JobId id) {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : found->second.get();
}

Result<JobBook::Entry*> JobBook::changeable(JobId id) {
  Entry* entry = find(id);
  if (entry == nullptr) return not_found("no replay " + std::to_string(id));
  if (entry->job.ended()) {
    return Error{ErrorCode::kConflict, "replay " + std::to_string(id) + " is " +
                                           std::string(to_string(entry->job.state)) + " already"};
  }
  return entry;
}

void JobBook::restore(ReplayJob job, MonoTime now) {
  const std::scoped_lock lock(mutex_);
  auto entry = std::make_unique<Entry>(now);
  if (job.state == ReplayJob::State::kRunning) job.state = ReplayJob::State::kQueued;
  entry->not_before = now;
  if (Result<JobAccount> account = JobAccount::decode(job.account, now)) {
    entry->account = *std::move(account);
    if (job.state == ReplayJob::State::kQueued) entry->account.resume(now);
  } else if (job.state != ReplayJob::State::kQueued) {
    entry->account.pause(now);
  }
  if (job.rate) entry->own_rate = TokenBucket::create(bucket_of(*job.rate), now).value();
  entry->job = std::move(job);
  jobs_.emplace(entry->job.id, std::move(entry));
}

JobId JobBook::add(ReplayJob job, bool coalesce, MonoTime now) {
  const std::scoped_lock lock(mutex_);
  if (coalesce) {
    for (auto& [id, entry] : jobs_) {
      ReplayJob& other = entry->job;
      if (!entry->waits() || entry->preparing || !other.automatic() ||
          other.started != ProcessingTime{} || other.stream != job.stream ||
          other.source != job.source || !other.keys.empty()) {
        continue;
      }
      join(other, job);
      entry->prepared = false;  // pieces and gaps were those of the smaller range
      write(*entry, {}, job.created);
      return id;
    }
  }
  auto entry = std::make_unique<Entry>(now);
  entry->not_before = coalesce ? stagger_.start_of(job.source, now) : now;
  if (job.rate) entry->own_rate = TokenBucket::create(bucket_of(*job.rate), now).value();
  const JobId id = job.id;
  entry->job = std::move(job);
  Entry& added = *jobs_.emplace(id, std::move(entry)).first->second;
  write(added, {}, added.job.created);
  return id;
}

/// What either of them is to read, as one.
void JobBook::join(ReplayJob& into, const ReplayJob& other) {
  std::vector<Window> wanted = left_of(into.range, into.done);
  for (const Window& window : left_of(other.range, other.done)) add_window(wanted, window);
  into.range = {std::min(into.range.start, other.range.start),
                std::max(into.range.end, other.range.end)};
  into.done = into.skipped = left_of(into.range, wanted);
  if (other.cause == "reconnect") into.cause = other.cause;  // the holes in numbers follow from it
}

Status JobBook::pause(JobId id, bool paused, MonoTime now, ProcessingTime wall) {
  const std::scoped_lock lock(mutex_);
  HC_TRY_ASSIGN(Entry * entry, changeable(id));
  ReplayJob& job = entry->job;
  if (paused == (job.state == ReplayJob::State::kPaused)) return {};
  last_now_ = std::max(last_now_, now);
  if (paused)
    entry->account.pause(now);
  else
    entry->account.resume(now);
  job.state = paused ? ReplayJob::State::kPaused : ReplayJob::State::kQueued;
  job.reason = paused ? "paused by an operator" : "";
  write(*entry, {}, wall);
  return {};
}

Status JobBook::set_rate(JobId id, std::optional<uint64_t> rate, MonoTime now) {
  const std::scoped_lock lock(mutex_);
  HC_TRY_ASSIGN(Entry * entry, changeable(id));
  entry->job.rate = rate;
  if (!rate) {
    entry->own_rate.reset();
  } else if (entry->own_rate) {
    HC_TRY(entry->own_rate->set(bucket_of(*rate), now));
  } else {
    HC_TRY_ASSIGN(entry->own_rate, TokenBucket::create(bucket_of(*rate), now));
  }
  write(*entry, {}, {});
  return {};
}

Status JobBook::set_order(JobId id, ReplayOrder order) {
  const std::scoped_lock lock(mutex_);
  HC_TRY_ASSIGN(Entry * entry, changeable(id));
  entry->job.order = order;
  write(*entry, {}, {});
  return {};
}

Status JobBook::cancel(JobId id, MonoTime now, ProcessingTime wall) {
  const std::scoped_lock lock(mutex_);
  last_now_ = std::max(last_now_, now);
  HC_TRY_ASSIGN(Entry * entry, changeable(id));
  finish(*entry, ReplayJob::State::kCancelled, "cancelled by an operator", wall);
  return {};
}

void JobBook::prepared(JobId id, std::vector<Window> pieces, const CoverageFacts& facts,
                       const std::vector<PartitionId>& partitions, ProcessingTime wall) {
  const std::scoped_lock lock(mutex_);
  Entry* entry = find(id);
  HC_ASSERT(entry != nullptr);
  entry->preparing = false;
  if (entry->job.ended()) return;
  entry->prepared = true;
  entry->pieces = std::move(pieces);
  entry->fills = Fills(entry->job, facts, partitions, locate_);
  entry->job.gaps = entry->fills.gaps();
  end_if_done(*entry, wall);
}

void JobBook::refused(JobId id, const Error& error, std::optional<MonoTime> again,
                      ProcessingTime wall) {
  const std::scoped_lock lock(mutex_);
  Entry* entry = find(id);
  HC_ASSERT(entry != nullptr);
  entry->preparing = false;
  if (entry->job.ended()) return;
  if (again) {
    entry->not_before = *again;
    entry->job.reason = error.message;
    entry->idle_because(Reason::kReader, last_now_);
  } else {
    finish(*entry, ReplayJob::State::kFailed, error.message, wall);
  }
}

bool JobBook::wanted(const Assignment& assignment) const {
  const std::scoped_lock lock(mutex_);
  const auto found = jobs_.find(assignment.job.id);
  return found != jobs_.end() && found->second->runs() &&
         found->second->find(assignment.piece) != nullptr;
}

void JobBook::progressed(const Assignment& assignment, std::vector<SubwindowResult> results,
                         bool end, MonoTime now, ProcessingTime wall) {
  const std::scoped_lock lock(mutex_);
  Entry* entry = find(assignment.job.id);
  HC_ASSERT(entry != nullptr);
  Entry::Work* work = entry->find(assignment.piece);
  if (work == nullptr) return;
  last_now_ = std::max(last_now_, now);
  bool wrote = false;
  std::vector<GapOutcome> outcomes;
  for (SubwindowResult& result : results) {
    const ReplayCounts& counts = result.counts;
    entry->job.counts += counts;
    entry->account.did(counts.read, now);
    work->read += counts.read;
    // What went through the replay log is the drain's work, and is counted there.
    Work did{counts.read - result.through_log, counts.bytes_read,
             result.through_log > 0 ? 0 : counts.pages_changed + counts.rows_changed,
             counts.requests};
    done_ += did;
    capacity_.add(did, {});
    did.events = 0;  // allow() has taken them
    throttle_.charge(did, now);
    wrote |= result.wrote;
    if (!empty(result.window)) add_window(work->unproved, result.window);
    entry->fills.lack(result.shorts, result.missing, outcomes);
    if (!result.certain) continue;
    entry->prove(*work, outcomes);
  }
  if (end) {
    entry->prove(*work, outcomes);
    entry->deaths.erase(assignment.piece.start);
    end_work(*entry, assignment.piece);
  }
  if (wrote || !outcomes.empty() || now - entry->saved_at >= kSaveEvery) {
    entry->saved_at = now;
    write(*entry, std::move(outcomes), wall);
  }
  end_if_done(*entry, wall);
}

void JobBook::set_aside(const Assignment& assignment, const Error& error, ProcessingTime wall) {
  const std::scoped_lock lock(mutex_);
  Entry* entry = find(assignment.job.id);
  HC_ASSERT(entry != nullptr);
  if (entry->find(assignment.piece) == nullptr) return;
  end_work(*entry, assignment.piece);
  // Nothing of the piece is proved: what was merged of it stays, but does not count as done.
  std::vector<Window> kept;
  for (const Window& window : entry->job.done) {
    for (const Window& rest : left_of(window, {assignment.piece})) add_window(kept, rest);
  }
  entry->job.done = std::move(kept);
  entry->job.set_aside.push_back({assignment.piece, error.message});
  std::ranges::sort(entry->job.set_aside, {}, &ReplayJob::SetAside::window);
  entry->fills.give_up(assignment.piece);
  write(*entry, {}, wall);
  end_if_done(*entry, wall);
}

void JobBook::died(const Assignment& assignment, const std::string& how, ProcessingTime wall) {
  bool often = false;
  {
    const std::scoped_lock lock(mutex_);
    Entry* entry = find(assignment.job.id);
    HC_ASSERT(entry != nullptr);
    const Entry::Work* work = entry->find(assignment.piece);
    if (work == nullptr) return;
    Entry::Deaths& deaths = entry->deaths[assignment.piece.start];
    const EventTime reached = work->unproved.empty() ? kMinEventTime : work->unproved.back().end;
    if (reached > deaths.reached) deaths = {.reached = reached};
    often = ++deaths.there >= kDeathsMax;
    if (often) entry->deaths.erase(assignment.piece.start);
  }
  if (!often) return released(assignment, wall);
  set_aside(assignment,
            corruption("process-died: the replay process died on it " + std::to_string(kDeathsMax) +
                       " times in a row; the last one " + how),
            wall);
}

void JobBook::shown(const Assignment& assignment, const Window& window,
                    const std::vector<EventBatch>& events, MonoTime now, ProcessingTime wall) {
  const std::scoped_lock lock(mutex_);
  last_now_ = std::max(last_now_, now);
  Entry* entry = find(assignment.job.id);
  HC_ASSERT(entry != nullptr);
  entry->showing = false;
  if (entry->job.ended()) return;
  std::vector<GapOutcome> outcomes;
  entry->fills.show(window, events, outcomes);
  if (!outcomes.empty()) write(*entry, std::move(outcomes), wall);
  end_if_done(*entry, wall);
}

void JobBook::not_shown(const Assignment& assignment, MonoTime again) {
  const std::scoped_lock lock(mutex_);
  Entry* entry = find(assignment.job.id);
  HC_ASSERT(entry != nullptr);
  entry->showing = false;
  entry->not_before = std::max(entry->not_before, again);
}

void JobBook::released(const Assignment& assignment, ProcessingTime wall) {
  const std::scoped_lock lock(mutex_);
  Entry* entry = find(assignment.job.id);
  if (entry == nullptr) return;
  end_work(*entry, assignment.piece);
  if (!entry->job.ended()) write(*entry, {}, wall);
}

void JobBook::end_if_done(Entry& entry, ProcessingTime wall) {
  if (entry.job.ended() || !entry.prepared || !entry.work.empty() || !entry.left().empty()) return;
  if (entry.showing || entry.fills.wanted()) return;
  const size_t aside = entry.job.set_aside.size();
  if (aside == 0) return finish(entry, ReplayJob::State::kDone, "", wall);
  finish(entry, ReplayJob::State::kFailed,
         std::to_string(aside) + (aside == 1 ? " window was" : " windows were") +
             " set aside: " + entry.job.set_aside.front().reason,
         wall);
}

void JobBook::finish(Entry& entry, ReplayJob::State state, std::string reason,
                     ProcessingTime wall) {
  entry.account.end(last_now_);
  entry.job.state = state;
  entry.job.reason = std::move(reason);
  entry.job.finished = wall;
  entry.work.clear();
  write(entry, {}, wall);
}

void JobBook::write(Entry& entry, std::vector<GapOutcome> outcomes, ProcessingTime wall) {
  Commit commit{.lane = Lane::kReplay,
                .cause = {Cause::Kind::kReplay, entry.job.id},
                .published_at = wall,
                .outcomes = std::move(outcomes)};
  entry.job.account = entry.account.encode(last_now_);
  commit.job = entry.job;
  save_(std::move(commit));
}

}  // namespace hindcast
