// Whose turn it is, and how fast it may go.
#include <algorithm>
#include <set>
#include <utility>

#include "base/assert.h"
#include "replay/job_book_internal.h"

namespace hindcast {
namespace {

constexpr Duration kPatience = 5s;     // how long the frontier may stand still before less is read
constexpr Duration kAskAgain = 100ms;  // speeds may change meanwhile
constexpr uint64_t kCostAtFirst = 10'000;  // expected events of a piece, before one was read

}  // namespace

void JobBook::set_limits(JobLimits limits) {
  const std::scoped_lock lock(mutex_);
  limits_ = limits;
  stagger_.set_apart(limits.stagger);
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
  entry.each_left([&](Window at) {
    if (clipped) at.end = std::min(at.end, limit);
    if (empty(at) || at.end > limit) return true;
    found = at;
    return !oldest;
  });
  return found;
}

std::optional<Assignment> JobBook::take(const FrontierOf& frontier, const SettledOf& settled,
                                        MonoTime now, ProcessingTime wall) {
  const std::scoped_lock lock(mutex_);
  last_now_ = std::max(last_now_, now);
  size_t given = 0;
  std::vector<Entry*> order;
  for (auto& [id, entry] : jobs_) {
    // A job that waits for its own rate keeps nobody from going on.
    given += static_cast<size_t>(std::ranges::count(entry->work, false, &Entry::Work::held)) +
             entry->preparing + entry->showing;
    entry->wants = !entry->work.empty() || entry->preparing || entry->showing;
    if (entry->runs() || entry->waits()) order.push_back(entry.get());
  }
  std::ranges::stable_sort(order, {}, &Entry::served);  // within a stream: who waited longest
  std::vector<std::pair<Entry*, Window>> ready;
  for (Entry* entry : order) {
    if (now < entry->not_before) {
      entry->idle_because(Reason::kSchedule, now);
      continue;
    }
    if (entry->preparing) continue;
    if (!source_may_start(entry->job.source)) {
      entry->wants = true;
      entry->idle_because(Reason::kConcurrency, now);
      continue;
    }
    if (!entry->prepared) {
      entry->wants = entry->preparing = true;
      entry->served = ++served_;
      entry->idle_because(Reason::kReader, now);
      return Assignment{Assignment::Kind::kPrepare, entry->job, {}};
    }
    if (!entry->showing) {
      if (std::optional<Fills::Wanted> wanted = entry->fills.wanted()) {
        entry->wants = entry->showing = true;
        entry->served = ++served_;
        start(*entry, wall);
        entry->idle_because(Reason::kStore, now);
        return Assignment{Assignment::Kind::kShow, entry->job, wanted->window,
                          std::move(wanted->keys)};
      }
    }
    const EventTime sealed = frontier(entry->job.stream),
                    old_enough = settled(entry->job.stream, entry->job.source);
    entry->limit = std::min(sealed, old_enough);
    std::optional<Window> piece = next_window(*entry, entry->limit, false);
    if (!piece && entry->work.empty()) {
      // Whole pieces cost least; but the frontier may stand still in the middle of one.
      if (entry->blocked_since == MonoTime{}) entry->blocked_since = now;
      entry->idle_because(sealed <= old_enough ? Reason::kStream : Reason::kSchedule, now);
      if (now - entry->blocked_since >= kPatience) piece = next_window(*entry, entry->limit, true);
    }
    if (!piece) continue;
    entry->wants = true;
    ready.emplace_back(entry, *piece);
  }
  if (given >= allowance_.subwindows) {
    const Reason why = allowance_.subwindows == 0 ? allowance_.limit : Reason::kConcurrency;
    for (const auto& [entry, piece] : ready) entry->idle_because(why, now);
    return std::nullopt;
  }
  Window piece;
  Entry* entry = next_turn(ready, piece);
  if (entry == nullptr) return std::nullopt;
  entry->blocked_since = {};
  entry->served = ++served_;
  start(*entry, wall);
  entry->explain_at(now);
  return Assignment{Assignment::Kind::kRead, entry->job, piece};
}

/// Streams have one ticket each in the round; one that has nothing to be read now loses it.
JobBook::Entry* JobBook::next_turn(std::vector<std::pair<Entry*, Window>>& ready, Window& piece) {
  const auto cost_of = [](const Entry& entry) {
    const ReplayCounts& counts = entry.job.counts;
    return counts.subwindows == 0 ? kCostAtFirst
                                  : std::max<uint64_t>(counts.read / counts.subwindows, 1);
  };
  for (const auto& [entry, window] : ready) {
    if (turns_.waiting(entry->job.stream) == 0)
      HC_ASSERT(turns_.push({entry->job.stream, 0, cost_of(*entry)}));
  }
  while (const std::optional<Turn> turn = turns_.pop()) {
    const auto found = std::ranges::find_if(
        ready, [&](const auto& r) { return r.first->job.stream == turn->stream; });
    if (found == ready.end()) continue;
    piece = found->second;
    found->first->work.push_back({.piece = piece, .expected = turn->cost});
    return found->first;
  }
  return nullptr;
}

void JobBook::start(Entry& entry, ProcessingTime wall) {
  if (entry.runs()) return;
  entry.job.state = ReplayJob::State::kRunning;
  entry.job.reason.clear();
  if (entry.job.started == ProcessingTime{}) entry.job.started = wall;
}

void JobBook::end_work(Entry& entry, const Window& piece) {
  const Entry::Work* work = entry.find(piece);
  if (work == nullptr) return;
  if (work->read > work->expected) turns_.charge(entry.job.stream, work->read - work->expected);
  std::erase_if(entry.work, [&](const Entry::Work& w) { return w.piece == piece; });
  entry.explain_at(last_now_);
}

std::optional<JobBook::Wait> JobBook::allow(const Assignment& assignment, uint64_t events,
                                            MonoTime now) {
  const std::scoped_lock lock(mutex_);
  last_now_ = std::max(last_now_, now);
  Entry* entry = find(assignment.job.id);
  HC_ASSERT(entry != nullptr);
  const Work cost{.events = events};
  const MonoTime all = ready_for(FairPair::Side::kJobs, events, now),
                 own = entry->own_rate ? entry->own_rate->ready_at(events, now) : now;
  if (all > now) throttled_ = true;
  if (all > now && own <= now) sides_.waits(FairPair::Side::kJobs, now);
  if (Entry::Work* work = entry->find(assignment.piece)) work->held = own > now && own > all;
  if (const MonoTime ready = std::max(all, own); ready > now)
    return Wait{std::min(ready, now + kAskAgain), all >= own ? allowance_.limit : Reason::kRate};
  HC_ASSERT(throttle_.try_take(cost, now));
  sides_.took(FairPair::Side::kJobs, events, now);
  if (entry->own_rate) HC_ASSERT(entry->own_rate->try_take(events, now));
  return std::nullopt;
}

void JobBook::because(const Assignment& assignment, Reason reason, MonoTime now) {
  const std::scoped_lock lock(mutex_);
  Entry* entry = find(assignment.job.id);
  Entry::Work* work = entry == nullptr ? nullptr : entry->find(assignment.piece);
  if (work == nullptr) return;
  work->reason = reason;
  entry->explain_at(now);
}

void JobBook::spent(const Busy& busy) {
  const std::scoped_lock lock(mutex_);
  capacity_.add({}, busy);
}

void JobBook::committed(Duration latency, MonoTime now) {
  const std::scoped_lock lock(mutex_);
  commits_.record(latency, now);
}

Backlog JobBook::backlog_of(const Entry& entry) const {
  Backlog out;
  const std::vector<Window> committed = entry.committed();
  std::vector<Window> taken = committed;
  for (const ReplayJob::SetAside& aside : entry.job.set_aside) add_window(taken, aside.window);
  for (const Window& left : left_of(entry.job.range, taken)) {
    const EventTime end = std::min(left.end, entry.limit);
    if (left.start < end && end != kMaxEventTime) out.event_time += end - left.start;
  }
  Duration done{};
  for (const Window& window : committed) done += window.end - window.start;
  for (const Window& window : entry.job.skipped) done -= window.end - window.start;
  if (done > Duration(0)) {
    const double density =
        static_cast<double>(entry.job.counts.read) / static_cast<double>(done.count());
    out.events = static_cast<uint64_t>(density * static_cast<double>(out.event_time.count()));
  }
  return out;
}

void JobBook::govern(const Allowance& allowance, const LatencySignal& live, MonoTime now,
                     ProcessingTime wall) {
  const std::scoped_lock lock(mutex_);
  last_now_ = std::max(last_now_, now);
  allowance_ = allowance;
  throttle_.set(allowance.per_second, now);
  sides_.set_late_weight(allowance.late_first ? FairPair::kDeepWeight : 1);
  for (auto& [id, entry] : jobs_) {
    const bool chosen = entry->job.state == ReplayJob::State::kPaused || allowance.ramping ||
                        by_choice(entry->account.reason());
    const bool news =
        entry->account.observe(live, backlog_of(*entry), !entry->work.empty(), chosen, now);
    if (news) write(*entry, {}, wall);
  }
}

void JobBook::add_to(Signals& signals, uint32_t workers, MonoTime now) {
  const std::scoped_lock lock(mutex_);
  std::vector<Reason> reasons;
  signals.running = !late_.empty();
  for (const auto& [partition, reason] : late_) reasons.push_back(reason);
  for (const auto& [id, entry] : jobs_) {
    if (!entry->runs() && !entry->waits()) continue;
    signals.running |= entry->wants;
    const Backlog backlog = backlog_of(*entry);
    signals.backlog.event_time += backlog.event_time;
    signals.backlog.events += backlog.events;
    for (const Entry::Work& work : entry->work) reasons.push_back(work.reason);
  }
  LatencyCounts counts;
  commits_.add_to(counts, now);
  signals.commit = {counts.quantile(0.99), counts.count()};
  signals.done = std::exchange(done_, Work{});
  signals.capacity = capacity_.per_second(workers);
  signals.throttled = std::exchange(throttled_, false);
  signals.otherwise = explain(reasons, Reason::kSchedule);
}

Capacity JobBook::capacity() const {
  const std::scoped_lock lock(mutex_);
  return capacity_;
}

void JobBook::set_capacity(const Capacity& capacity) {
  const std::scoped_lock lock(mutex_);
  capacity_ = capacity;
}

JobBook::View JobBook::view_of(const Entry& entry) const {
  const uint64_t own = entry.job.rate.value_or(kNoLimit);
  View view{entry.job, entry.account, std::min(own, allowance_.per_second.events)};
  view.job.done = entry.committed();
  return view;
}

JobBook::Reading JobBook::reading(JobId id) const {
  const std::scoped_lock lock(mutex_);
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return {};
  const Entry& entry = *found->second;
  Reading out;
  const std::vector<Window> committed = entry.committed();
  for (const Entry::Work& at : entry.work)
    std::ranges::copy(left_of(at.piece, committed), std::back_inserter(out.stretches));
  out.at_once = std::max<uint32_t>(1, static_cast<uint32_t>(entry.work.size()));
  std::vector<Window> next;
  entry.each_left([&](Window at) {
    at.end = std::min(at.end, entry.limit);
    if (!empty(at) && at.end != kMaxEventTime) next.push_back(at);
    return true;
  });
  if (entry.job.order == ReplayOrder::kNewestFirst) std::ranges::reverse(next);
  std::ranges::copy(next, std::back_inserter(out.stretches));
  return out;
}

std::vector<JobBook::View> JobBook::views() const {
  const std::scoped_lock lock(mutex_);
  std::vector<View> out;
  for (const auto& [id, entry] : jobs_) out.push_back(view_of(*entry));
  return out;
}

std::optional<JobBook::View> JobBook::view(JobId id) const {
  const std::scoped_lock lock(mutex_);
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return std::nullopt;
  return view_of(*found->second);
}

bool JobBook::idle() const {
  const std::scoped_lock lock(mutex_);
  return std::ranges::none_of(jobs_, [](const auto& job) {
    const Entry& entry = *job.second;
    const bool stuck =
        entry.blocked_since != MonoTime{} && entry.account.reason() == Reason::kStream;
    return (entry.runs() || entry.waits()) && !stuck;
  });
}

}  // namespace hindcast
