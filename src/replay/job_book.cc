#include "replay/job_book.h"

#include <algorithm>
#include <deque>

#include "base/assert.h"
#include "base/hash.h"
#include "replay/fills.h"

namespace hindcast {
namespace {

constexpr Duration kSaveEvery = 1s;  // of progress that nothing depends on
constexpr Duration kSpeedOver = 5s;  // the speed shown is that of the last so many seconds
constexpr Duration kPatience = 5s;   // how long the frontier may stand still before less is read

TokenBucketOptions per_second(uint64_t rate) {
  // A quarter of a second at once: long enough for a subwindow's worth of work, short for live.
  return {.rate = std::max<uint64_t>(rate, 1), .burst = std::max<uint64_t>(rate / 4, 1)};
}

Window common(const Window& a, const Window& b) {
  return {std::max(a.start, b.start), std::min(a.end, b.end)};
}
bool empty(const Window& w) { return w.start >= w.end; }

}  // namespace

struct JobBook::Entry {
  ReplayJob job;
  MonoTime not_before;
  bool preparing = false, prepared = false, showing = false;
  std::vector<Window> pieces;  // of the history
  Fills fills;
  struct Work {
    Window piece;
    std::vector<Window> unproved;  // committed, but not certain yet
  };
  std::vector<Work> work;  // given out
  std::optional<TokenBucket> own_rate;
  uint64_t served = 0;
  MonoTime blocked_since{};  // by the frontier; zero: it is not
  MonoTime saved_at{};
  // What is shown.
  std::deque<std::pair<MonoTime, uint64_t>> lately;
  Reason reason = Reason::kSchedule;
  ReasonTimes times{};
  MonoTime running_since{};
  Duration ran{};

  bool runs() const { return job.state == ReplayJob::State::kRunning; }
  bool waits() const { return job.state == ReplayJob::State::kQueued; }
  Work* find(const Window& piece) {
    const auto found = std::ranges::find(work, piece, &Work::piece);
    return found == work.end() ? nullptr : &*found;
  }
  void prove(Work& at, std::vector<GapOutcome>& outcomes) {
    for (const Window& window : std::exchange(at.unproved, {})) {
      add_window(job.done, window);
      fills.fill(window, outcomes);
    }
  }
  /// What is neither committed, nor given out, nor set aside.
  std::vector<Window> left() const {
    std::vector<Window> taken = job.done;
    for (const Work& at : work) add_window(taken, at.piece);
    for (const ReplayJob::SetAside& aside : job.set_aside) add_window(taken, aside.window);
    return left_of(job.range, taken);
  }
};

JobBook::JobBook(JobLimits limits, Save save, Locate locate, MonoTime now)
    : limits_(limits),
      save_(std::move(save)),
      locate_(std::move(locate)),
      bucket_(TokenBucket::create(per_second(limits.rate), now).value()),
      automatic_free_(now) {}
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
  auto entry = std::make_unique<Entry>();
  if (job.state == ReplayJob::State::kRunning) job.state = ReplayJob::State::kQueued;
  entry->not_before = now;
  if (job.rate) entry->own_rate = TokenBucket::create(per_second(*job.rate), now).value();
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
  auto entry = std::make_unique<Entry>();
  entry->not_before = now;
  if (coalesce) {
    // Sources that come back at once do not start at once. The jitter is a function of what is
    // started, so that a simulation repeats it.
    entry->not_before = std::max(now, automatic_free_);
    const uint64_t jitter = hash64(std::to_string(job.source.value)) % 512;
    automatic_free_ = entry->not_before + limits_.stagger / 2 +
                      limits_.stagger / 1024 * static_cast<int64_t>(jitter);
  }
  if (job.rate) entry->own_rate = TokenBucket::create(per_second(*job.rate), now).value();
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

Status JobBook::pause(JobId id, bool paused, ProcessingTime wall) {
  const std::scoped_lock lock(mutex_);
  HC_TRY_ASSIGN(Entry * entry, changeable(id));
  ReplayJob& job = entry->job;
  if (paused == (job.state == ReplayJob::State::kPaused)) return {};
  stop_clock(*entry, last_now_);
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
    HC_TRY(entry->own_rate->set(per_second(*rate), now));
  } else {
    HC_TRY_ASSIGN(entry->own_rate, TokenBucket::create(per_second(*rate), now));
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

Status JobBook::cancel(JobId id, ProcessingTime wall) {
  const std::scoped_lock lock(mutex_);
  HC_TRY_ASSIGN(Entry * entry, changeable(id));
  finish(*entry, ReplayJob::State::kCancelled, "cancelled by an operator", wall);
  return {};
}

void JobBook::set_limits(JobLimits limits, MonoTime now) {
  const std::scoped_lock lock(mutex_);
  limits_ = limits;
  (void)bucket_.set(per_second(limits.rate), now).has_value();
}

JobLimits JobBook::limits() const {
  const std::scoped_lock lock(mutex_);
  return limits_;
}

bool JobBook::source_may_start(SourceId source) const {
  std::set<SourceId> busy;
  for (const auto& [id, entry] : jobs_) {
    if (entry->preparing || !entry->work.empty()) busy.insert(entry->job.source);
  }
  return busy.contains(source) || busy.size() < limits_.sources_at_once;
}

std::optional<Window> JobBook::next_window(const Entry& entry, EventTime limit,
                                           bool clipped) const {
  const bool oldest = entry.job.order == ReplayOrder::kOldestFirst;
  std::optional<Window> found;
  for (const Window& left : entry.left()) {
    for (const Window& piece : entry.pieces) {
      Window at = common(left, piece);
      if (clipped) at.end = std::min(at.end, limit);
      if (empty(at) || at.end > limit) continue;
      if (oldest) return at;
      found = at;
    }
  }
  return found;
}

std::optional<Assignment> JobBook::take(const FrontierOf& frontier, const SettledOf& settled,
                                        MonoTime now, ProcessingTime wall) {
  const std::scoped_lock lock(mutex_);
  last_now_ = now;
  size_t given = 0;
  std::map<StreamId, size_t> of_stream;
  std::vector<Entry*> order;
  for (auto& [id, entry] : jobs_) {
    given += entry->work.size() + entry->preparing + entry->showing;
    of_stream[entry->job.stream] += entry->work.size();
    if (entry->runs() || entry->waits()) order.push_back(entry.get());
  }
  // Streams take turns, and within one the job that waited longest.
  std::ranges::stable_sort(order, {}, [&](const Entry* entry) {
    return std::pair(of_stream[entry->job.stream], entry->served);
  });
  for (Entry* entry : order) {
    if (now < entry->not_before) {
      entry->reason = Reason::kSchedule;
      continue;
    }
    if (given >= limits_.pieces_at_once || !source_may_start(entry->job.source)) {
      if (entry->work.empty()) entry->reason = Reason::kConcurrency;
      continue;
    }
    if (entry->preparing) continue;
    if (!entry->prepared) {
      entry->preparing = true;
      entry->served = ++served_;
      return Assignment{Assignment::Kind::kPrepare, entry->job, {}};
    }
    if (!entry->showing) {
      if (std::optional<Fills::Wanted> wanted = entry->fills.wanted()) {
        entry->showing = true;
        entry->served = ++served_;
        start(*entry, now, wall);
        return Assignment{Assignment::Kind::kShow, entry->job, wanted->window,
                          std::move(wanted->keys)};
      }
    }
    const EventTime sealed = frontier(entry->job.stream),
                    old_enough = settled(entry->job.stream, entry->job.source);
    const EventTime limit = std::min(sealed, old_enough);
    std::optional<Window> piece = next_window(*entry, limit, false);
    if (!piece && entry->work.empty()) {
      // Whole pieces cost least; but the frontier may stand still in the middle of one.
      if (entry->blocked_since == MonoTime{}) entry->blocked_since = now;
      entry->reason = sealed <= old_enough ? Reason::kStream : Reason::kSchedule;
      if (now - entry->blocked_since >= kPatience) piece = next_window(*entry, limit, true);
    }
    if (!piece) continue;
    entry->blocked_since = {};
    entry->served = ++served_;
    entry->work.push_back({*piece, {}});
    start(*entry, now, wall);
    return Assignment{Assignment::Kind::kRead, entry->job, *piece};
  }
  return std::nullopt;
}

void JobBook::start(Entry& entry, MonoTime now, ProcessingTime wall) {
  if (entry.runs()) return;
  entry.job.state = ReplayJob::State::kRunning;
  entry.job.reason.clear();
  entry.running_since = now;
  if (entry.job.started == ProcessingTime{}) entry.job.started = wall;
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
    entry->reason = Reason::kReader;
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

std::optional<MonoTime> JobBook::allow(JobId id, uint64_t events, MonoTime now) {
  const std::scoped_lock lock(mutex_);
  Entry* entry = find(id);
  HC_ASSERT(entry != nullptr);
  MonoTime ready = bucket_.ready_at(events, now);
  if (entry->own_rate) ready = std::max(ready, entry->own_rate->ready_at(events, now));
  if (ready > now) return ready;
  HC_ASSERT(bucket_.try_take(events, now));
  if (entry->own_rate) HC_ASSERT(entry->own_rate->try_take(events, now));
  return std::nullopt;
}

void JobBook::progressed(const Assignment& assignment, std::vector<SubwindowResult> results,
                         bool end, MonoTime now, ProcessingTime wall) {
  const std::scoped_lock lock(mutex_);
  Entry* entry = find(assignment.job.id);
  HC_ASSERT(entry != nullptr);
  Entry::Work* work = entry->find(assignment.piece);
  if (work == nullptr) return;
  bool wrote = false;
  std::vector<GapOutcome> outcomes;
  for (SubwindowResult& result : results) {
    entry->job.counts += result.counts;
    entry->lately.emplace_back(now, result.counts.read);
    wrote |= result.wrote;
    if (!empty(result.window)) add_window(work->unproved, result.window);
    entry->fills.lack(result.shorts, result.missing, outcomes);
    if (!result.certain) continue;
    entry->prove(*work, outcomes);
  }
  if (end) {
    entry->prove(*work, outcomes);
    std::erase_if(entry->work, [&](const Entry::Work& w) { return w.piece == assignment.piece; });
  }
  if (wrote || !outcomes.empty() || now - entry->saved_at >= kSaveEvery) {
    entry->saved_at = now;
    write(*entry, std::move(outcomes), wall);
  }
  last_now_ = now;
  end_if_done(*entry, wall);
}

void JobBook::set_aside(const Assignment& assignment, const Error& error, ProcessingTime wall) {
  const std::scoped_lock lock(mutex_);
  Entry* entry = find(assignment.job.id);
  HC_ASSERT(entry != nullptr);
  if (entry->find(assignment.piece) == nullptr) return;
  std::erase_if(entry->work, [&](const Entry::Work& w) { return w.piece == assignment.piece; });
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

void JobBook::shown(const Assignment& assignment, const Window& window,
                    const std::vector<EventBatch>& events, ProcessingTime wall) {
  const std::scoped_lock lock(mutex_);
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
  std::erase_if(entry->work, [&](const Entry::Work& w) { return w.piece == assignment.piece; });
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
  stop_clock(entry, last_now_);
  entry.job.state = state;
  entry.job.reason = std::move(reason);
  entry.job.finished = wall;
  entry.work.clear();
  write(entry, {}, wall);
}

void JobBook::stop_clock(Entry& entry, MonoTime now) {
  if (entry.runs()) entry.ran += now - entry.running_since;
}

void JobBook::write(Entry& entry, std::vector<GapOutcome> outcomes, ProcessingTime wall) {
  Commit commit{.lane = Lane::kReplay,
                .cause = {Cause::Kind::kReplay, entry.job.id},
                .published_at = wall,
                .outcomes = std::move(outcomes)};
  commit.job = entry.job;
  save_(std::move(commit));
}

void JobBook::charge(JobId id, Reason reason, Duration time) {
  const std::scoped_lock lock(mutex_);
  if (Entry* entry = find(id)) {
    entry->reason = reason;
    entry->times[static_cast<size_t>(reason)] += time;
  }
}

JobBook::View JobBook::view_of(const Entry& entry, MonoTime now) const {
  View view{.job = entry.job, .reason = entry.reason, .times = entry.times, .elapsed = entry.ran};
  for (const Entry::Work& at : entry.work) {
    for (const Window& window : at.unproved) add_window(view.job.done, window);
  }
  if (entry.runs()) view.elapsed += now - entry.running_since;
  uint64_t events = 0;
  MonoTime since = now;
  for (const auto& [at, count] : entry.lately) {
    if (now - at > kSpeedOver) continue;
    since = std::min(since, at);
    events += count;
  }
  const Duration over = std::clamp(view.elapsed, Duration(1ms), Duration(kSpeedOver));
  if (entry.runs() && since <= now)
    view.events_per_second =
        static_cast<double>(events) / std::chrono::duration<double>(over).count();
  return view;
}

std::vector<JobBook::View> JobBook::views(MonoTime now) const {
  const std::scoped_lock lock(mutex_);
  std::vector<View> out;
  for (const auto& [id, entry] : jobs_) out.push_back(view_of(*entry, now));
  return out;
}

std::optional<JobBook::View> JobBook::view(JobId id, MonoTime now) const {
  const std::scoped_lock lock(mutex_);
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return std::nullopt;
  return view_of(*found->second, now);
}

bool JobBook::idle() const {
  const std::scoped_lock lock(mutex_);
  return std::ranges::none_of(jobs_, [](const auto& job) {
    const Entry& entry = *job.second;
    const bool stuck = entry.blocked_since != MonoTime{} && entry.reason == Reason::kStream;
    return (entry.runs() || entry.waits()) && !stuck;
  });
}

}  // namespace hindcast
